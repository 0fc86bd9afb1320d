"""Top, middle and low of the ranking by mean loss."""

import numpy as np
import pytest

from cotmill.evidence import Losses
from cotmill.select import PerplexityLow, PerplexityMiddle, PerplexityTop


@pytest.mark.parametrize(
    ("method", "ranks"),
    [(PerplexityTop, {8, 7, 6}), (PerplexityMiddle, {3, 4, 5}), (PerplexityLow, {0, 1, 2})],
)
def test_the_mean_loss_ranks_and_not_the_sum(make_pool, method, ranks):
    pool = make_pool(10)
    rank = np.array([4, 0, 8, 2, 6, 1, 7, 3, 5, 0])
    # Long rows have small means here, so that ranking by the sum would choose differently.
    tokens = np.where(np.arange(10) == 9, 0, 2 * (9 - rank) ** 3)
    losses = Losses(row_ids=pool.ids, loss_sum=(1.0 + rank) * tokens, tokens=tokens, truncated=tokens == 0)
    assert set(rank[method()(pool, losses, budget=3, seed=0).taken]) == ranks


def test_trajectories_stand_in_with_their_last_checkpoint(make_pool, make_trajectories):
    pool = make_pool(6)
    means = np.stack([np.arange(6.0)[::-1], np.arange(6.0)], axis=1)
    taken = PerplexityTop()(pool, make_trajectories(pool, means), budget=2, seed=0).taken
    assert np.flatnonzero(taken).tolist() == [4, 5]
