"""Mean and spread of a row's probability over training."""

import numpy as np
import pytest

from cotmill.core.errors import EvidenceError
from cotmill.select import Cartography

MEANS = np.array([[0.1, 0.1, 0.1], [3.0, 1.0, 0.1], [3.0, 3.0, 3.0], [1.0, 1.0, 0.9]])


@pytest.mark.parametrize(("region", "row"), [("ambiguous", 1), ("hard", 2), ("easy", 0)])
def test_each_region_starts_with_its_row(make_pool, make_trajectories, region, row):
    pool = make_pool(4)
    selection = Cartography(region=region)(pool, make_trajectories(pool, MEANS), budget=1, seed=0)
    assert np.flatnonzero(selection.taken).tolist() == [row]


def test_confidence_and_variability_are_those_of_the_paper(make_pool, make_trajectories):
    pool = make_pool(4)
    chance = np.exp(-MEANS)
    scores = Cartography()(pool, make_trajectories(pool, MEANS), budget=1, seed=0).table["score"]
    np.testing.assert_allclose(scores.to_numpy(), chance.std(axis=1))
    with pytest.raises(EvidenceError, match="at least two checkpoints"):
        Cartography()(pool, make_trajectories(pool, MEANS[:, :1]), budget=1, seed=0)
