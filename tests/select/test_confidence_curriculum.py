"""Checkpoints choose, in turn, what they are surest of."""

import numpy as np

from cotmill.select import ConfidenceCurriculum


def test_checkpoints_take_turns_with_their_most_probable_rows(make_pool, make_trajectories):
    pool = make_pool(5)
    means = np.array([[0.1, 9.0], [0.2, 0.3], [9.0, 0.1], [5.0, 5.0], [0.3, 9.0]])
    selection = ConfidenceCurriculum()(pool, make_trajectories(pool, means), budget=4, seed=0)
    assert selection.table["place"].to_pylist()[:3] == [0, 2, 1]
    assert np.flatnonzero(~selection.taken).tolist() == [4] or not selection.taken[4]
