"""The fall of the loss between two checkpoints."""

import numpy as np
import pytest

from cotmill.core.errors import EvidenceError
from cotmill.evidence import Trajectories
from cotmill.select import HighLearnability


def test_rows_whose_loss_fell_most_are_taken(make_pool, make_trajectories):
    pool = make_pool(5)
    means = np.array([[3, 1, 2.9], [2, 2, 0.5], [9, 9, 8.5], [1, 1, 1.2], [4, 2, 2]], dtype=float)
    evidence = make_trajectories(pool, means, tokens=np.array([100, 1, 100, 7, 3]))
    assert np.flatnonzero(HighLearnability()(pool, evidence, budget=2, seed=0).taken).tolist() == [1, 4]
    early = HighLearnability(before=0, after=1)(pool, evidence, budget=2, seed=0)
    assert np.flatnonzero(early.taken).tolist() == [0, 4]
    assert "step 100 to step 200" in early.table["reason"][0].as_py()


def test_two_losses_join_to_what_it_needs(make_pool, make_trajectories):
    pool = make_pool(4)
    both = make_trajectories(pool, np.array([[1, 1], [2, 1], [3, 1], [4, 1]], dtype=float))
    joined = Trajectories.from_losses([both.losses(0), both.losses(-1)])
    assert np.flatnonzero(HighLearnability()(pool, joined, budget=1, seed=0).taken).tolist() == [3]


@pytest.mark.parametrize("options", [{"after": 0}, {"before": 1, "after": 0}, {"after": 7}])
def test_a_drop_that_is_none_is_refused(make_pool, make_trajectories, options):
    pool = make_pool(4)
    with pytest.raises(EvidenceError, match="checkpoint"):
        HighLearnability(**options)(pool, make_trajectories(pool, np.ones((4, 2))), budget=1, seed=0)
