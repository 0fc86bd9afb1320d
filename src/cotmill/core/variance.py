"""Variance of means over seeds and questions that were all crossed: every seed answered every question.

Source: the two-way random effects analysis of variance (Searle, Casella and McCulloch 1992, chapter 4): the
variance of the grand mean is (MS_seed + MS_item - MS_rest) / (seeds x items), with Student's t at
Satterthwaite's degrees of freedom. Negative components are left out.

Mean squares can be pooled over the arms of a comparison, since two or three seeds of one arm say next to
nothing about how much seeds differ (with one degree of freedom t is 12.7). That takes arms to be about
equally sensitive to the seed.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

LEVEL = 0.95
"""Confidence level of every interval that we compute."""


@dataclass(frozen=True)
class Spread:
    """Variance of a grand mean, and its degrees of freedom."""

    variance: float
    freedom: float

    @property
    def half(self) -> float:
        """Half the width of the interval of the mean."""
        return student(self.freedom) * math.sqrt(self.variance)


def spread_of_differences(
    arms: Sequence[Float[np.ndarray, "seed row"]], reference: Float[np.ndarray, "seed row"]
) -> Spread | None:
    """Give the spread of the mean difference of any arm from the reference; None with one seed or row.

    Seeds and rows are blocks: what spreads a difference is how arms depart from the mean of all arms there,
    so the mean squares come from those departures, with one arm's degrees of freedom spent on the mean.
    With two arms in all this is the spread of the paired differences themselves.
    """
    table = np.array([reference, *arms])
    departures = (table - table.mean(axis=0)) * math.sqrt(2 * len(table) / len(arms))
    return pooled(list(departures), many=len(arms))


def pooled(arms: Sequence[Float[np.ndarray, "seed row"]], many: int | None = None) -> Spread | None:
    """Pool the arms' mean squares, without components that come out negative; None with one seed or row.

    Args:
        arms: one table an arm.
        many: how many independent tables they are worth; not given: all of them.
    """
    if not arms or min(arms[0].shape) < 2:
        return None
    seeds, rows = arms[0].shape
    of_seed, of_row, rest = np.mean([mean_squares(arm) for arm in arms], axis=0).tolist()
    # Arms answer the same items, so more arms tell more about seeds, but not about items.
    many_seeds = (many or len(arms)) * (seeds - 1)
    if of_seed <= rest:
        return Spread(max(of_row, rest) / (seeds * rows), float(rows - 1))
    if of_row <= rest:
        return Spread(of_seed / (seeds * rows), float(many_seeds))
    total = of_seed + of_row - rest
    parts = of_seed**2 / many_seeds + of_row**2 / (rows - 1) + rest**2 / (many_seeds * (rows - 1))
    return Spread(total / (seeds * rows), total**2 / parts)


def mean_squares(values: Float[np.ndarray, "seed row"]) -> tuple[float, float, float]:
    """Mean squares of seeds, of rows, and of what is left."""
    seeds, rows = values.shape
    by_seed, by_row = values.mean(axis=1), values.mean(axis=0)
    left = values - by_seed[:, None] - by_row[None, :] + values.mean()
    rest = float((left**2).sum()) / ((seeds - 1) * (rows - 1))
    return rows * float(by_seed.var(ddof=1)), seeds * float(by_row.var(ddof=1)), rest


def student(freedom: float | int, level: float = LEVEL) -> float:
    """Upper end of Student's t at a level."""
    # scipy.special loads in a tenth of the time of scipy.stats.
    from scipy.special import stdtrit

    return float(stdtrit(freedom, 0.5 + level / 2))
