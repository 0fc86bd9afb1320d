"""Shift and gain: every training against the plain one of its own seed and grid point."""

from __future__ import annotations

import pytest

from cotmill.measure.dependency.shift import correlations, shifts


def trainings(slope: float):
    for seed in range(5):
        for point in ("3", "5"):
            plain = 0.3 + 0.01 * seed
            yield {
                "arm": "SFT",
                "point": point,
                "seed": seed,
                "test": "t",
                "accuracy": 0.5,
                "question_share": plain,
            }
            for number, arm in enumerate(("MFT", "random"), start=1):
                shift = 0.02 * number + 0.001 * seed
                yield {"arm": arm, "point": point, "seed": seed, "test": "t", "accuracy": 0.5 + slope * shift,
                       "question_share": plain + shift}  # fmt: skip


@pytest.mark.parametrize("slope", [2.0, -1.0])
def test_a_gain_that_follows_the_shift_correlates_with_it(slope):
    paired = list(shifts(trainings(slope), "SFT"))
    assert len(paired) == 20
    assert all(row["gain"] == pytest.approx(slope * row["shift"]) for row in paired)
    (found,) = correlations(paired)
    assert found["correlation"] == pytest.approx(slope / abs(slope))
    assert found["seeds"] == 5
    assert found["mean_shift"] == pytest.approx(0.032)


def test_without_a_gain_there_is_no_correlation():
    (found,) = correlations(list(shifts(trainings(0.0), "SFT")))
    assert found["correlation"] != found["correlation"]
