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
