"""Is B better than A, judged on the same questions or the same seeds?

Sources: McNemar 1947, in its exact binomial form; the paired bootstrap over questions (Efron and
Tibshirani 1993, chapter 16); Student's t over seeds.

Where we differ from the usual: the bootstrap draws clusters (all samples of a question, all variations
of a base question) together, and a comparison over seeds is paired by seed whenever both sides have it,
since runs with one seed share data order and initial weights.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Shaped

from cotmill.evaluate.metrics import DRAWS, LEVEL, Estimate, ratio_interval, student_quantile


@dataclass(frozen=True)
class McNemar:
    """How two runs fell on the same items, and the exact two-sided p of "neither is better"."""

    both_right: int
    only_a: int
    only_b: int
    both_wrong: int
    p_value: float


def mcnemar(a: Bool[np.ndarray, " row"], b: Bool[np.ndarray, " row"]) -> McNemar:
    """Test whether the items that changed went one way more than a fair coin would send them.

    >>> mcnemar(np.array([True, False, False, True]), np.array([True, True, True, True])).p_value
    0.5
    """
    only_a, only_b = int((a & ~b).sum()), int((b & ~a).sum())
    return McNemar(int((a & b).sum()), only_a, only_b, int((~a & ~b).sum()), _coin_p(only_a, only_b))


def _coin_p(heads: int, tails: int) -> float:
    """Two-sided exact p of a fair coin; 1 when it was never thrown."""
    # Equal to scipy.stats.binomtest (tested), whose import alone would cost more than a comparison.
    from scipy.special import bdtr

    return min(1.0, 2 * float(bdtr(min(heads, tails), heads + tails, 0.5)))


def paired_difference(
    a: Shaped[np.ndarray, " row"],
    b: Shaped[np.ndarray, " row"],
    clusters: Shaped[np.ndarray, " row"] | None = None,
    *,
    seed: int = 0,
    draws: int = DRAWS,
    level: float = LEVEL,
) -> Estimate:
    """Mean of b - a over rows both have, with a percentile interval from drawing whole clusters."""
    change = np.asarray(b, dtype=float) - np.asarray(a, dtype=float)
    if change.size == 0:
        return Estimate(math.nan, math.nan, math.nan, 0)
    labels = np.arange(change.size) if clusters is None else np.asarray(clusters)
    _, member = np.unique(labels, return_inverse=True)
    totals, sizes = np.bincount(member, weights=change), np.bincount(member).astype(float)
    found = ratio_interval(totals, sizes, seed=seed, draws=draws, level=level)
    return Estimate(float(change.mean()), found.low, found.high, found.n)


def over_seeds(values: Sequence[float], *, level: float = LEVEL) -> Estimate:
    """Mean over seeds with Student's t interval; one seed says nothing about the spread.

    >>> over_seeds([0.4, 0.5, 0.6]).value
    0.5
    """
    data = np.asarray(values, dtype=float)
    if data.size < 2:
        value = float(data[0]) if data.size else math.nan
        return Estimate(value, -math.inf, math.inf, int(data.size))
    half = student_quantile(0.5 + level / 2, data.size - 1) * float(data.std(ddof=1)) / math.sqrt(data.size)
    mean = float(data.mean())
    return Estimate(mean, mean - half, mean + half, int(data.size))


@dataclass(frozen=True)
class SeedDifference:
    """Mean of b - a over the seeds both have, with Student's t interval and p; `n` seeds each alone."""

    difference: Estimate
    p_value: float
    seeds: tuple[int, ...]
    only_a: tuple[int, ...]
    only_b: tuple[int, ...]


def difference_over_seeds(
    a: Mapping[int, float], b: Mapping[int, float], *, level: float = LEVEL
) -> SeedDifference:
    """Compare two arms seed by seed; seeds that only one side has are named and left out."""
    shared = tuple(sorted(a.keys() & b.keys()))
    changes = [b[seed] - a[seed] for seed in shared]
    return SeedDifference(
        over_seeds(changes, level=level),
        _student_p(changes),
        shared,
        tuple(sorted(a.keys() - b.keys())),
        tuple(sorted(b.keys() - a.keys())),
    )


def _student_p(changes: Sequence[float]) -> float:
    """Two-sided p of "the mean change is zero"; nan when the seeds show no spread to judge by."""
    if len(changes) < 2 or float(np.std(changes)) == 0:
        return math.nan
    mean, spread = float(np.mean(changes)), float(np.std(changes, ddof=1))
    from scipy.special import stdtr

    return float(2 * stdtr(len(changes) - 1, -abs(mean) / (spread / math.sqrt(len(changes)))))
