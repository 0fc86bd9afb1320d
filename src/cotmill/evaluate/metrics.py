"""Numbers of one evaluation, each with an interval that respects what belongs together.

Sources: E. B. Wilson 1927 (score interval); Korn and Graubard 1998 (effective sample size in place of
n for clustered proportions); Chen et al. 2021, arXiv 2107.03374, equation 1 (unbiased pass@k); Wang et
al. 2022, arXiv 2203.11171 (majority vote).

Where we differ: several samples of one question, and several variations of one base question, are one
cluster, so their interval is that of the questions, not of the samples. Majority ties count as the share
of tied answers that are right (the expectation of a fair coin) in place of whichever came first.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import NormalDist

import numpy as np
from jaxtyping import Float, Int, Shaped

from cotmill.core.ids import rng_of

LEVEL = 0.95
"""Confidence level of every interval, unless told otherwise."""

DRAWS = 5_000
"""Bootstrap draws: the 2.5 % point then has a standard error of about 0.2 % in probability."""

CELLS = 4_000_000
"""Bootstrap counts held at once; a draw over more clusters than this still works, one draw at a time."""


@dataclass(frozen=True)
class Estimate:
    """A mean with its interval. `n` counts independent units: questions or clusters, never samples."""

    value: float
    low: float
    high: float
    n: int

    def as_dict(self) -> dict[str, float | int | None]:
        """Give plain values for JSON; what is not finite becomes null."""
        numbers = {name: getattr(self, name) for name in ("value", "low", "high")}
        return {name: number if math.isfinite(number) else None for name, number in numbers.items()} | {
            "n": self.n
        }

    def __str__(self) -> str:
        """Write as a percentage with its interval."""
        return f"{100 * self.value:.1f} % [{100 * self.low:.1f}, {100 * self.high:.1f}]"


def wilson(successes: float | int, n: float | int, *, level: float = LEVEL) -> Estimate:
    """Wilson's score interval of a proportion; with n = 0 nothing is known: nan in [0, 1].

    >>> print(wilson(50, 100))
    50.0 % [40.4, 59.6]
    """
    if n <= 0:
        return Estimate(math.nan, 0.0, 1.0, 0)
    share, z = successes / n, NormalDist().inv_cdf(0.5 + level / 2)
    centre = (share + z * z / (2 * n)) / (1 + z * z / n)
    half = z / (1 + z * z / n) * math.sqrt(share * (1 - share) / n + z * z / (4 * n * n))
    # A bound equals 0 or 1 exactly when the share does; rounding must not say otherwise.
    low = 0.0 if successes <= 0 else max(0.0, centre - half)
    high = 1.0 if successes >= n else min(1.0, centre + half)
    return Estimate(share, low, high, round(n))


def cluster_mean(
    values: Shaped[np.ndarray, " row"],
    clusters: Shaped[np.ndarray, " row"] | None = None,
    *,
    level: float = LEVEL,
) -> Estimate:
    """Mean of values in [0, 1] with an interval that treats each cluster as one draw.

    The cluster-robust variance gives an effective sample size, corrected by Student's t for few
    clusters, and that goes into Wilson's interval, which keeps its cover near 0 and 1. With one 0/1 value
    per cluster it is Wilson's interval of the plain proportion.
    """
    data = np.asarray(values, dtype=float)
    if data.size == 0:
        return wilson(0, 0, level=level)
    totals, sizes = _by_cluster(data, clusters)
    share, count = float(data.mean()), len(totals)
    if count == data.size and np.isin(data, (0.0, 1.0)).all():
        return wilson(float(data.sum()), count, level=level)
    effective = _effective_size(totals - share * sizes, share, data.size, level)
    found = wilson(share * effective, effective, level=level)
    return Estimate(share, found.low, found.high, count)


def _by_cluster(
    data: Float[np.ndarray, " row"], clusters: Shaped[np.ndarray, " row"] | None
) -> tuple[Float[np.ndarray, " cluster"], Float[np.ndarray, " cluster"]]:
    """Sum and size of each cluster; without clusters every row is one of its own."""
    if clusters is None:
        return data, np.ones_like(data)
    _, member = np.unique(np.asarray(clusters), return_inverse=True)
    return np.bincount(member, weights=data), np.bincount(member).astype(float)


def _effective_size(residuals: Float[np.ndarray, " cluster"], share: float, rows: int, level: float) -> float:
    """Rows of simple random sampling that would carry the same variance, at most `rows`."""
    count = len(residuals)
    if count < 2:
        return 1.0
    variance = count / (count - 1) * float((residuals**2).sum()) / rows**2
    size = float(count) if variance == 0 else share * (1 - share) / variance
    z = NormalDist().inv_cdf(0.5 + level / 2)
    return float(np.clip(size * (z / student_quantile(0.5 + level / 2, count - 1)) ** 2, 1.0, rows))


def student_quantile(probability: float, freedom: float | int) -> float:
    """Quantile of Student's t."""
    # scipy.special loads in a tenth of the time of scipy.stats.
    from scipy.special import stdtrit

    return float(stdtrit(freedom, probability))


def bootstrap_mean(
    values: Shaped[np.ndarray, " row"],
    clusters: Shaped[np.ndarray, " row"] | None = None,
    *,
    seed: int = 0,
    draws: int = DRAWS,
    level: float = LEVEL,
) -> Estimate:
    """Mean of any values with a percentile interval; whole clusters are drawn, seeded by hash."""
    data = np.asarray(values, dtype=float)
    if data.size == 0:
        return Estimate(math.nan, math.nan, math.nan, 0)
    totals, sizes = _by_cluster(data, clusters)
    found = ratio_interval(totals, sizes, seed=seed, draws=draws, level=level)
    return Estimate(float(data.mean()), found.low, found.high, found.n)


def ratio_interval(
    totals: Float[np.ndarray, " row"],
    sizes: Float[np.ndarray, " row"],
    *,
    seed: int = 0,
    draws: int = DRAWS,
    level: float = LEVEL,
) -> Estimate:
    """Total over size, for example nats per token, with a percentile interval from drawing rows."""
    if len(totals) == 0:
        return Estimate(math.nan, math.nan, math.nan, 0)
    drawn = resampled_ratios(totals, sizes, seed=seed, draws=draws)
    low, high = np.quantile(drawn, ((1 - level) / 2, (1 + level) / 2))
    return Estimate(float(totals.sum() / sizes.sum()), float(low), float(high), len(totals))


def resampled_ratios(
    totals: Float[np.ndarray, " cluster"], sizes: Float[np.ndarray, " cluster"], *, seed: int, draws: int
) -> Float[np.ndarray, " draw"]:
    """Draw clusters with replacement and return total / size of each draw."""
    count, rng = len(totals), rng_of(seed, "bootstrap", len(totals))
    step, ratios = max(1, CELLS // count), np.empty(draws)
    for start in range(0, draws, step):
        picks = rng.integers(count, size=(min(step, draws - start), count))
        ratios[start : start + len(picks)] = totals[picks].sum(axis=1) / sizes[picks].sum(axis=1)
    return ratios


def pass_at_k(
    correct: Int[np.ndarray, " question"], samples: Int[np.ndarray, " question"], k: int
) -> Float[np.ndarray, " question"]:
    """Chance, per question, that at least one of k samples drawn from those at hand is right.

    Unbiased for any k up to the number of samples: 1 - C(n - c, k) / C(n, k), as a stable product.

    >>> pass_at_k(np.array([1, 0, 4]), np.array([4, 4, 4]), 2).tolist()
    [0.5, 0.0, 1.0]
    """
    if (samples < k).any():
        raise ValueError(f"pass@{k} needs {k} samples of every question; the fewest are {samples.min()}")
    missed = np.ones(len(correct))
    for drawn in range(k):
        missed *= np.clip(samples - correct - drawn, 0, None) / (samples - drawn)
    return 1.0 - missed


def majority_at_k(answers: Sequence[str | None], correct: Sequence[bool], k: int) -> float:
    """Share of right majority votes of one question, over consecutive blocks of k of its samples.

    Samples without an answer do not vote; a block in which none votes is wrong.

    >>> majority_at_k(["4", "5", "4", None], [True, False, True, False], 4)
    1.0
    """
    blocks = len(answers) // k
    if blocks == 0:
        raise ValueError(f"maj@{k} needs {k} samples of every question; one has {len(answers)}")
    parts = (slice(block * k, (block + 1) * k) for block in range(blocks))
    return sum(_vote(answers[part], correct[part]) for part in parts) / blocks


def _vote(answers: Sequence[str | None], correct: Sequence[bool]) -> float:
    """Chance that the most frequent answer, ties drawn evenly, is right."""
    votes = Counter(answer for answer in answers if answer is not None)
    if not votes:
        return 0.0
    most = max(votes.values())
    tied = [answer for answer, count in votes.items() if count == most]
    right = {answer for answer, is_right in zip(answers, correct, strict=True) if is_right}
    return sum(answer in right for answer in tied) / len(tied)
