"""Influence pruning: thresholds intersected, strategies, the gate, and how sure a choice is."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest

from cotmill.core.errors import EvidenceError
from cotmill.core.ids import order_keys
from cotmill.data.pool import Pool
from cotmill.evidence import Influence
from cotmill.select import InfluencePruning
from cotmill.select.bands import bands, undecided_at

ROWS = 60


@pytest.fixture
def pool() -> Pool:
    return Pool.from_rows({"question": f"q{i}", "trace": f"#### {i}"} for i in range(ROWS))


@pytest.fixture
def found(pool) -> Influence:
    """Five parts a group that share a signal; one part has long tails."""
    rng = np.random.default_rng(0)
    signal = rng.standard_normal((ROWS, 2))
    tails = rng.standard_t(1.5, (ROWS, 2, 5))
    parts = signal[:, :, None] + 0.3 * tails
    unknown = np.full(ROWS, np.nan)
    tokens = np.full(ROWS, 9)
    tokens[17] = 0
    return Influence(
        row_ids=pool.ids,
        correct_parts=parts[:, 0],
        incorrect_parts=parts[:, 1],
        correct_exact=unknown,
        incorrect_exact=unknown,
        gradient_norm=np.ones(ROWS),
        loss_sum=tokens * 1.0,
        tokens=tokens,
        truncated=np.zeros(ROWS, dtype=bool),
    )


def dropped(pool, found, budget, **options) -> set[str]:
    chosen = InfluencePruning(**options)(pool, found, budget=budget, seed=0)
    return set(pool.ids.tolist()) - set(chosen.row_ids.tolist())


def by_bisection(scores, ranks, count: int) -> set[int]:
    """The smallest set {s <= Q_s(t)} ∩ {r <= Q_r(t)} with at least `count` rows, by bisection on t."""
    low, high = 0.0, 1.0
    for _ in range(60):
        t = (low + high) / 2
        inside = (scores <= np.quantile(scores, t)) & (ranks <= np.quantile(ranks, t))
        low, high = (t, high) if inside.sum() < count else (low, t)
    return set(np.flatnonzero((scores <= np.quantile(scores, high)) & (ranks <= np.quantile(ranks, high))))


@pytest.mark.parametrize("keep", [45, 30, 15])
def test_correct_drops_the_intersection_that_bisection_finds(pool, found, keep):
    fit = np.flatnonzero(~found.unmeasured)
    known = found.at(fit)
    expected = by_bisection(known.score("correct"), known.rank("correct"), ROWS - keep - 1)
    gone = dropped(pool, found, keep, strategy="correct")
    unfit = {str(pool.ids[17])}
    assert unfit <= gone
    inner = {str(pool.ids[fit[place]]) for place in expected}
    assert len(inner - gone) <= len(expected) - (ROWS - keep - 1)


def test_incorrect_drops_the_most_harmful_and_combined_half_of_each(pool, found):
    gone = dropped(pool, found, 40, strategy="incorrect", evidence="score")
    worst = np.argsort(-np.nan_to_num(found.score("incorrect"), nan=-np.inf))[:19]
    assert gone == set(pool.ids[worst].tolist()) | {str(pool.ids[17])}
    both = dropped(pool, found, 39, strategy="combined")
    halves = [dropped(pool, found, 49, strategy=one) for one in ("correct", "incorrect")]
    assert halves[0] | halves[1] <= both


@pytest.mark.parametrize("combine", ["turns", "ranks", "both"])
def test_a_smaller_budget_drops_what_a_larger_one_dropped(pool, found, combine):
    sets = [dropped(pool, found, budget, combine=combine) for budget in ("90%", "75%", "50%", "25%")]
    assert all(small < large for small, large in pairwise(sets))


def test_with_one_group_combined_uses_it_alone(pool, found):
    alone = replace(found, incorrect_parts=np.zeros((ROWS, 0)))
    assert dropped(pool, alone, 30) == dropped(pool, found, 30, strategy="correct")
    with pytest.raises(EvidenceError, match="no incorrect queries"):
        dropped(pool, alone, 30, strategy="incorrect")


def test_scores_that_failed_their_gate_are_refused_unless_told_otherwise(pool, found):
    failed = replace(found, about={"gate": "failed", "gate_why": "tail-patch on correct: 0.40 of 10"})
    with pytest.raises(EvidenceError, match=r"failed their validity gate: tail-patch on correct"):
        dropped(pool, failed, 30)
    assert len(dropped(pool, failed, 30, gate="warn")) == 30


def test_bands_are_narrow_where_parts_agree_and_wide_where_they_do_not(found):
    method, keys = InfluencePruning(strategy="correct"), order_keys(0, found.row_ids)
    agreeing = replace(found, correct_parts=np.repeat(found.correct_parts[:, :1], 5, axis=1))
    sure, unsure = (bands(method.dropping, one, keys, 0) for one in (agreeing, found))
    assert (sure.high - sure.low).max() == 0
    assert set(sure.verdicts(0.5)) == {-1, 1}
    assert (unsure.verdicts(0.5) == 0).any()
    assert ((unsure.low <= unsure.high) & (unsure.low >= 0) & (unsure.high <= 1)).all()
    assert undecided_at(method.dropping, agreeing, keys, (0.5, 0.9), 0) == {"50%": 0, "90%": 0}


def test_the_manifest_says_how_many_rows_are_undecided(pool, found):
    chosen = InfluencePruning()(pool, found, budget="50%", seed=0)
    assert set(chosen.summary["details"]["undecided_rows"]) == {"25%", "50%", "75%", "90%"}
    assert chosen.summary["details"]["gate"] == "not run"
    assert chosen.table["reason"][17].as_py().startswith("left: no label tokens")
