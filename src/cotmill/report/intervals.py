"""The interval of a mean over items and seeds that were all crossed: every seed answered every item.

Source: the two-way random effects analysis of variance (Searle, Casella and McCulloch 1992, chapter 4):
the variance of the grand mean is (MS_seed + MS_item - MS_rest) / (seeds x items). It goes into Wilson's
score interval as an effective sample size (Korn and Graubard 1998), with Student's t at Satterthwaite's
degrees of freedom, so that the interval keeps its cover near 0 and 1.

Where we differ from the usual: a plain Wilson interval of all answers would treat ten seeds on one item as
ten items, and a t interval over seeds alone would take the items for the only ones there are.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from statistics import NormalDist

import numpy as np
from jaxtyping import Float

LEVEL = 0.95
"""Confidence level of every interval that the report computes itself."""

_Z = NormalDist().inv_cdf(0.5 + LEVEL / 2)


@dataclass(frozen=True)
class Interval:
    """A mean and the ends of its 95 % interval."""

    mean: float
    low: float
    high: float


def share_interval(outcomes: Float[np.ndarray, "seed row"]) -> Interval:
    """Share of right answers over seeds and items; with one seed this is Wilson's interval over the items.

    Outcomes are 0 or 1, or the share of right answers where a question was asked several times.

    >>> found = share_interval(np.array([[1.0, 0.0] * 50]))
    >>> round(found.low, 3), round(found.high, 3)
    (0.404, 0.596)
    """
    seeds, rows = outcomes.shape
    share = float(outcomes.mean())
    if seeds == 1 or rows == 1 or share in (0.0, 1.0):
        # Where every answer is alike the seeds add nothing that could be seen: the items alone count.
        return wilson(share, rows)
    variance, freedom = _variance(outcomes)
    if variance == 0:
        return wilson(share, rows)
    effective = share * (1 - share) / variance * (_Z / _student(freedom)) ** 2
    return wilson(share, float(np.clip(effective, 1.0, seeds * rows)))


def _variance(values: Float[np.ndarray, "seed row"]) -> tuple[float, float]:
    """Variance of the grand mean and its degrees of freedom; a negative component is left out."""
    seeds, rows = values.shape
    by_seed, by_row, mean = values.mean(axis=1), values.mean(axis=0), values.mean()
    freedom = (seeds - 1) * (rows - 1)
    rest = float(((values - by_seed[:, None] - by_row[None, :] + mean) ** 2).sum()) / freedom
    of_seed, of_row = rows * float(by_seed.var(ddof=1)), seeds * float(by_row.var(ddof=1))
    if of_seed <= rest:
        return max(of_row, rest) / (seeds * rows), float(rows - 1)
    if of_row <= rest:
        return of_seed / (seeds * rows), float(seeds - 1)
    total = of_seed + of_row - rest
    spread = of_seed**2 / (seeds - 1) + of_row**2 / (rows - 1) + rest**2 / freedom
    return total / (seeds * rows), total**2 / spread


def wilson(share: float, n: float | int) -> Interval:
    """Wilson's score interval of a share of n; with n = 0 nothing is known."""
    if n <= 0:
        return Interval(math.nan, 0.0, 1.0)
    z = _Z
    centre = (share + z * z / (2 * n)) / (1 + z * z / n)
    half = z / (1 + z * z / n) * math.sqrt(share * (1 - share) / n + z * z / (4 * n * n))
    low = 0.0 if share <= 0 else max(0.0, centre - half)
    high = 1.0 if share >= 1 else min(1.0, centre + half)
    return Interval(share, low, high)


def crossed_mean(values: Float[np.ndarray, "seed row"]) -> Interval:
    """Mean over seeds and rows of any numbers, with Student's t interval; one seed counts as the only one.

    >>> found = crossed_mean(np.array([[1.0, 2.0, 3.0]]))
    >>> found.mean, round(found.high - found.low, 2)
    (2.0, 4.97)
    """
    seeds, rows = values.shape
    mean = float(values.mean())
    if rows < 2:
        return Interval(mean, -math.inf, math.inf)
    variance, freedom = (float(values.var(ddof=1)) / rows, rows - 1.0) if seeds == 1 else _variance(values)
    half = _student(freedom) * math.sqrt(variance)
    return Interval(mean, mean - half, mean + half)


def mean_interval(values: Float[np.ndarray, " seed"]) -> Interval:
    """Mean over seeds with Student's t interval; one seed has no interval, said by infinite ends."""
    mean = float(values.mean())
    if len(values) < 2:
        return Interval(mean, -math.inf, math.inf)
    half = _student(len(values) - 1) * float(values.std(ddof=1)) / math.sqrt(len(values))
    return Interval(mean, mean - half, mean + half)


def _student(freedom: float | int) -> float:
    """Upper end of Student's t at our level."""
    # scipy.special loads in a tenth of the time of scipy.stats.
    from scipy.special import stdtrit

    return float(stdtrit(freedom, 0.5 + LEVEL / 2))
