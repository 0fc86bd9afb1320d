"""The interval of a mean over items and seeds that were all crossed: every seed answered every item.

Source: the two-way random effects analysis of variance (Searle, Casella and McCulloch 1992, chapter 4):
the variance of the grand mean is (MS_seed + MS_item - MS_rest) / (seeds x items). It goes into Wilson's
score interval as an effective sample size (Korn and Graubard 1998), with Student's t at Satterthwaite's
degrees of freedom, so that the interval keeps its cover near 0 and 1.

Where we differ from the usual: a plain Wilson interval of all answers would treat ten seeds on one item as
ten items, and a t interval over seeds alone would take the items for the only ones there are. And the mean
squares are pooled over the arms of a test, since two or three seeds of one arm say next to nothing about
how much seeds differ (with one degree of freedom t is 12.7). For shares they are pooled relative to
p (1 - p). That takes arms to be about equally sensitive to the seed.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import NormalDist

import numpy as np
from jaxtyping import Float

from cotmill.core.variance import LEVEL, pooled, spread_of_differences, student

_Z = NormalDist().inv_cdf(0.5 + LEVEL / 2)


@dataclass(frozen=True)
class Interval:
    """A mean and the ends of its 95 % interval."""

    mean: float
    low: float
    high: float


def share_intervals(arms: Sequence[Float[np.ndarray, "seed row"]]) -> list[Interval]:
    """Shares of right answers over seeds and items, one interval an arm; all arms answered alike many.

    Outcomes are 0 or 1, or the share of right answers where a question was asked several times. With one
    seed this is Wilson's interval over the items.

    >>> (found,) = share_intervals([np.array([[1.0, 0.0] * 50])])
    >>> round(found.low, 3), round(found.high, 3)
    (0.404, 0.596)
    """
    shares = [float(arm.mean()) for arm in arms]
    spread = pooled([arm / math.sqrt(p * (1 - p)) for arm, p in zip(arms, shares, strict=True) if 0 < p < 1])
    seeds, rows = arms[0].shape
    effective = float(rows)
    if spread is not None and spread.variance > 0:
        effective = (_Z / student(spread.freedom)) ** 2 / spread.variance
    return [wilson(share, float(np.clip(effective, 1.0, seeds * rows))) for share in shares]


def crossed_means(arms: Sequence[Float[np.ndarray, "seed row"]]) -> list[Interval]:
    """Means over seeds and rows of any numbers, with Student's t interval; one seed counts as the only one.

    >>> (found,) = crossed_means([np.array([[1.0, 2.0, 3.0]])])
    >>> found.mean, round(found.high - found.low, 2)
    (2.0, 4.97)
    """
    seeds, rows = arms[0].shape
    means = [float(arm.mean()) for arm in arms]
    if rows < 2:
        return [Interval(mean, -math.inf, math.inf) for mean in means]
    if seeds == 1:
        widths = [student(rows - 1) * float(arm.std(ddof=1)) / math.sqrt(rows) for arm in arms]
    else:
        spread = pooled(arms)
        half = student(spread.freedom) * math.sqrt(spread.variance) if spread else math.inf
        widths = [half] * len(arms)
    return [Interval(mean, mean - half, mean + half) for mean, half in zip(means, widths, strict=True)]


def crossed_differences(
    arms: Sequence[Float[np.ndarray, "seed row"]], reference: Float[np.ndarray, "seed row"]
) -> list[Interval]:
    """Means of each arm minus the reference, paired by seed and row, with Student's t interval.

    Seeds and rows are blocks: what spreads a difference is how arms depart from the mean of all arms there,
    so the mean squares come from those departures, with one arm's degrees of freedom spent on the mean.
    With two arms in all this is the interval of the paired differences themselves.
    """
    seeds, rows = reference.shape
    changes = [arm - reference for arm in arms]
    if seeds == 1 or rows == 1:
        return [crossed_means([change])[0] for change in changes]
    spread = spread_of_differences(arms, reference)
    half = spread.half if spread else math.inf
    means = [float(change.mean()) for change in changes]
    return [Interval(mean, mean - half, mean + half) for mean in means]


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


def mean_interval(values: Float[np.ndarray, " seed"]) -> Interval:
    """Mean over seeds with Student's t interval; one seed has no interval, said by infinite ends."""
    mean = float(values.mean())
    if len(values) < 2:
        return Interval(mean, -math.inf, math.inf)
    half = student(len(values) - 1) * float(values.std(ddof=1)) / math.sqrt(len(values))
    return Interval(mean, mean - half, mean + half)
