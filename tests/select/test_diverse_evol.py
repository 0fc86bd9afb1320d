"""Rows far from those taken before."""

import numpy as np

from cotmill.select import DiverseEvol


def test_far_rows_come_before_the_crowd(make_pool, make_embeddings):
    pool = make_pool(40)
    vectors = np.random.default_rng(0).normal(0, 0.1, (40, 2))
    vectors[[3, 17, 29]] += np.array([[50, 0], [0, 50], [-50, -50]])
    taken = DiverseEvol()(pool, make_embeddings(pool, vectors), budget=4, seed=0).taken
    assert taken[[3, 17, 29]].all()
