"""The baseline of all baselines."""

import numpy as np

from cotmill.core.ids import order_keys
from cotmill.select import Random


def test_every_row_is_about_equally_likely_over_seeds(make_pool):
    pool = make_pool(20)
    taken = sum(Random()(pool, budget=5, seed=seed).taken.astype(int) for seed in range(400))
    # 400 draws of 1/4: mean 100, standard deviation 8.7; five of them away is a chance of 1e-5 over 20 rows.
    assert np.abs(taken - 100).max() < 44


def test_what_is_taken_has_the_lowest_hashes(make_pool):
    pool = make_pool(60)
    keys = order_keys(3, pool.ids)
    taken = Random()(pool, budget=10, seed=3).taken
    assert keys[taken].max() < keys[~taken].min()


def test_rows_added_later_only_push_rows_out(make_pool):
    before, after = make_pool(100), make_pool(130)
    old, new = (set(Random()(pool, budget=20, seed=0).row_ids) for pool in (before, after))
    assert new - old <= set(after.ids) - set(before.ids)
