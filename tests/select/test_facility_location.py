"""Rows that stand for the others."""

import numpy as np

from cotmill.select import FacilityLocation


def test_one_row_of_each_direction_is_taken_before_a_second_of_any(make_pool, make_embeddings):
    pool = make_pool(60)
    kind = np.arange(60) % 3
    vectors = np.eye(3)[kind] + np.random.default_rng(0).normal(0, 0.02, (60, 3))
    taken = FacilityLocation()(pool, make_embeddings(pool, vectors), budget=3, seed=0).taken
    assert sorted(kind[taken]) == [0, 1, 2]
