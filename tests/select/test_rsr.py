"""Ranks over surprisal."""

import numpy as np

from cotmill.data.pool import Pool
from cotmill.select import RSR


def test_the_lowest_ratio_of_ranks_to_surprisal_is_taken_first(make_pool, make_readings):
    pool = make_pool(4)
    readings = make_readings(pool, loss_sum=[10.0, 20.0, 5.0, 0.0], rank_sum=[30.0, 30.0, 30.0, 10.0])
    selection = RSR()(pool, readings, budget=2, seed=0)
    assert np.flatnonzero(selection.taken).tolist() == [0, 1]
    assert selection.table["score"].to_pylist() == [3.0, 1.5, 6.0, None]


def test_solutions_can_be_ranked_within_their_question(make_readings):
    pool = Pool.from_rows({"question": f"q{i // 3}", "trace": f"{i}"} for i in range(6))
    ranks = [11.0, 12.0, 13.0, 50.0, 40.0, 60.0]
    readings = make_readings(pool, rank_sum=ranks)
    assert np.flatnonzero(RSR()(pool, readings, budget=2, seed=0).taken).tolist() == [0, 1]
    inside = RSR(within="question")(pool, readings, budget=2, seed=0)
    assert np.flatnonzero(inside.taken).tolist() == [0, 4]
