"""How far a small model's trajectories stand for a large one's."""

import numpy as np
import pytest

from cotmill.core.errors import EvidenceError
from cotmill.evidence import Trajectories
from cotmill.evidence.agreement import agreement


def made(means: np.ndarray, ids: list[str] | None = None) -> Trajectories:
    tokens = np.full(len(means), 4)
    return Trajectories(
        row_ids=ids or [f"r{i}" for i in range(len(means))],
        loss_sum=means * 4,
        tokens=tokens,
        steps=np.arange(means.shape[1]) + 1,
        truncated=np.zeros(len(means), dtype=bool),
    )


def test_a_model_agrees_with_itself_in_any_order_and_with_fewer_checkpoints():
    means = np.random.default_rng(0).gamma(2, 1, (80, 6))
    found = agreement(made(means), made(2 * means[::-1] + 1, [f"r{i}" for i in range(80)][::-1]))
    assert found.level == pytest.approx(1.0)
    assert found.fall == pytest.approx(1.0)
    assert found.neighbours == 1.0
    assert found.rows == 80
    fewer = agreement(made(means), made(means[:, [1, 3, 5]]))
    assert fewer.checkpoints == pytest.approx((1.0, 1.0, 1.0))


def test_models_that_have_nothing_in_common_agree_by_chance():
    first, second = (made(np.random.default_rng(seed).gamma(2, 1, (300, 4))) for seed in (0, 1))
    found = agreement(first, second)
    assert abs(found.level) < 0.2
    assert found.level_low < found.level < found.level_high
    assert abs(found.neighbours - found.neighbours_by_chance) < 0.03


def test_too_few_rows_in_common_are_refused():
    means = np.random.default_rng(0).gamma(2, 1, (40, 3))
    with pytest.raises(EvidenceError, match="10 rows were measured with both models; 20 are needed"):
        agreement(made(means), made(means, [f"r{i}" for i in range(30, 70)]))
