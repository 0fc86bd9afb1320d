"""How much better one arm is than another, when both answered the same questions with the same seeds.

Source: the two-way random effects analysis of variance (Searle, Casella and McCulloch 1992, chapter 4) of
the paired differences: the variance of their mean is (MS_seed + MS_item - MS_rest) / (seeds x items), with
Student's t at Satterthwaite's degrees of freedom. So the interval speaks of new seeds and new questions.

With fewer than five seeds one arm's differences say little about how much seeds differ, so the variance is
pooled over all arms that are compared (`core.variance`), which takes them to be about equally sensitive to
the seed; from five seeds on every arm speaks for itself. With one seed the interval is over the questions
alone, and says so: a second seed could come out elsewhere. Where all pairs are alike there is no spread to
go by, and the interval is what so many questions could have hidden.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import Float

from cotmill.core.variance import LEVEL, Spread, spread_of_differences, student

FEW_SEEDS = 5
"""With fewer the variance is pooled over arms."""
BOTH = "paired by seed and question; two-way variance over seeds and questions, Student's t"
POOLED = "paired by seed and question; few seeds, so one two-way variance for all arms, Student's t"
ITEMS_ONLY = "paired by question; one seed, so over the questions alone, Student's t"


@dataclass(frozen=True)
class Difference:
    """Mean of an arm's results minus those of the arm it is compared to; a share, not points."""

    value: float
    low: float
    high: float
    p_value: float | None
    seeds: int
    items: int
    wins: int
    losses: int
    method: str


Results = Mapping[int, Mapping[str, float]]
"""Seed → question id → result."""


def paired(mine: Results, theirs: Results) -> Difference | None:
    """Compare results by seed and question id; None when there is nothing that both have.

    Only seeds of both, and questions that all of those seeds have, are compared.
    """
    return paired_all({"mine": mine}, theirs).get("mine")


def paired_all(arms: Mapping[str, Results], reference: Results) -> dict[str, Difference]:
    """Compare every arm with the reference; arms that share nothing with it are left out."""
    together: dict[tuple[Any, ...], list[str]] = {}
    for name, arm in arms.items():
        shared = _shared(arm, reference)
        if shared is not None:
            together.setdefault(shared, []).append(name)
    found: dict[str, Difference] = {}
    for (seeds, items), names in together.items():
        base = table_of(reference, seeds, items)
        tables = [table_of(arms[name], seeds, items) for name in names]
        few = 1 < len(seeds) < FEW_SEEDS and len(names) > 1 and len(items) > 1
        spread = spread_of_differences(tables, base) if few else None
        found |= {
            name: difference_of(table - base, spread) for name, table in zip(names, tables, strict=True)
        }
    return {name: found[name] for name in arms if name in found}


def _shared(mine: Results, theirs: Results) -> tuple[tuple[int, ...], tuple[str, ...]] | None:
    """Find the seeds of both, and the questions that all of them have."""
    seeds = tuple(sorted(mine.keys() & theirs.keys()))
    if not seeds:
        return None
    items = set.intersection(*(set(side[seed]) for seed in seeds for side in (mine, theirs)))
    return (seeds, tuple(sorted(items))) if items else None


def table_of(results: Results, seeds: Sequence[int], items: Sequence[str]) -> Float[np.ndarray, "seed item"]:
    """Lay results out by seed and question."""
    return np.array([[results[seed][item] for item in items] for seed in seeds], dtype=float)


def difference_of(
    change: Float[np.ndarray, "seed item"],
    spread: Spread | None = None,
    *,
    level: float = LEVEL,
    most: float = 1.0,
) -> Difference:
    """Average paired differences, with their interval; from a `spread` that is known, or from their own.

    Args:
        change: a difference, or any weighted sum of arms whose weights add up to zero.
        spread: the spread of its mean.
        level: of the interval.
        most: how large such a sum can be.

    >>> difference_of(np.array([[1.0, 0.0, 0.0, -1.0]])).value
    0.0
    """
    mean = float(change.mean())
    variance, freedom = (spread.variance, spread.freedom) if spread else _variance(change)
    half = student(freedom, level) * math.sqrt(variance) if variance else most * unseen_share(change.shape[1])
    counts = {"wins": int((change > 0).sum()), "losses": int((change < 0).sum())}
    return Difference(
        value=mean,
        low=max(-most, mean - half),
        high=min(most, mean + half),
        p_value=_p_value(mean, variance, freedom),
        seeds=change.shape[0],
        items=change.shape[1],
        method=POOLED if spread else BOTH if change.shape[0] > 1 else ITEMS_ONLY,
        **counts,
    )


def unseen_share(items: int) -> float:
    """Bound the share of questions that could still differ when none was seen to: the exact rule of three.

    >>> round(unseen_share(300), 4)
    0.0099
    """
    return 1.0 - (1.0 - LEVEL) ** (1.0 / items)


def _variance(values: Float[np.ndarray, "seed item"]) -> tuple[float, float]:
    """Variance of the grand mean and its degrees of freedom; negative components count as zero."""
    seeds, items = values.shape
    if items == 1:
        return math.inf, 1.0
    if seeds == 1:
        return float(values.var(ddof=1)) / items, items - 1.0
    by_seed, by_item = values.mean(axis=1), values.mean(axis=0)
    rest = float(((values - by_seed[:, None] - by_item[None, :] + values.mean()) ** 2).sum())
    rest /= (seeds - 1) * (items - 1)
    of_seed = max(items * float(by_seed.var(ddof=1)), rest)
    of_item = max(seeds * float(by_item.var(ddof=1)), rest)
    total = of_seed + of_item - rest
    spread = of_seed**2 / (seeds - 1) + of_item**2 / (items - 1) + rest**2 / ((seeds - 1) * (items - 1))
    return total / values.size, total**2 / spread if spread else 1.0


def _p_value(mean: float, variance: float, freedom: float) -> float | None:
    """Two-sided p of "no difference"; None where the data show no spread to judge by."""
    if not 0 < variance < math.inf:
        return None
    from scipy.special import stdtr

    return float(2 * stdtr(freedom, -abs(mean) / math.sqrt(variance)))


def as_json(difference: Difference) -> dict[str, Any]:
    """Give the values by the names that reports read."""
    return {
        "difference": difference.value,
        "low": difference.low,
        "high": difference.high,
        "p_value": difference.p_value,
        "n_seeds": difference.seeds,
        "n_items": difference.items,
        "wins": difference.wins,
        "losses": difference.losses,
        "method": difference.method,
    }
