"""The least probable tokens, on average over a row."""

import numpy as np

from cotmill.select import LeastConfidence


def test_rows_with_the_lowest_mean_probability_are_taken_whatever_their_length(make_pool, make_readings):
    pool = make_pool(4)
    readings = make_readings(pool, tokens=np.array([10, 2, 10, 0]), confidence_sum=[6.0, 1.0, 4.0, 0.0])
    selection = LeastConfidence()(pool, readings, budget=2, seed=0)
    assert np.flatnonzero(selection.taken).tolist() == [1, 2]
    assert selection.table["score"].to_pylist()[:3] == [0.6, 0.5, 0.4]
    assert "no label tokens" in selection.table["reason"][3].as_py()


def test_the_likeliest_tokens_can_count_in_place_of_the_written_ones(make_pool, make_readings):
    pool = make_pool(3)
    readings = make_readings(pool, confidence_sum=[1.0, 2.0, 3.0], top_sum=[9.0, 5.0, 7.0])
    assert np.flatnonzero(LeastConfidence(of="top")(pool, readings, budget=1, seed=0).taken).tolist() == [1]
