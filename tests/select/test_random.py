"""The baseline of all baselines."""

import numpy as np

from cotmill.data.pool import Pool
from cotmill.select import Random


def rows(count: int) -> Pool:
    return Pool.from_rows(
        {"question": f"q{i}", "trace": f"#### {i}", "source": "ab"[i % 2]} for i in range(count)
    )


def test_every_row_is_about_equally_likely_over_seeds():
    pool = rows(20)
    taken = sum(Random()(pool, budget=5, seed=seed).taken.astype(int) for seed in range(400))
    # 400 draws of 1/4: mean 100, standard deviation 8.7; 5 of them is a chance of 1e-5 over 20 rows.
    assert np.abs(taken - 100).max() < 44


def test_a_larger_budget_keeps_the_rows_of_a_smaller_one():
    pool = rows(60)
    kept = [set(Random()(pool, budget=budget, seed=3).row_ids) for budget in (3, 10, 59, 60)]
    assert kept[0] < kept[1] < kept[2] < kept[3]
