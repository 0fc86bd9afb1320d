"""What each factor of a recipe brings, with intervals: main effects, interactions, and which arm is best.

Every question (`recipe.contrasts`) is a weighted sum of arms that answered the same questions with the same
seeds. So it is taken question by question and seed by seed first, and its interval is that of any paired
difference (`recipe.difference`): it speaks of new seeds and new questions. With fewer than five seeds the
variance is pooled over all arms.

A design of 18 arms asks dozens of questions, of which one in twenty would look like a finding by chance.
So the p-values of main effects and interactions are also given by Holm's rule (Holm 1979), which keeps the
chance of a single false finding among them at 5 %. The arm with the highest mean is too high by the luck
that put it first: its interval over the baseline is widened for the number of arms (Bonferroni), and seeds
and questions are drawn anew to see how often it comes first again (the pigeonhole bootstrap of Owen 2007).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import Float

from cotmill.core.factors import BASELINE
from cotmill.core.ids import rng_of
from cotmill.core.variance import LEVEL, Spread, spread_of_differences
from cotmill.recipe.contrasts import INTERACTION, MAIN, Contrast, Design, contrasts_of
from cotmill.recipe.difference import FEW_SEEDS, Difference, Results, as_json, difference_of, table_of

DRAWS = 2000
"""Draws of the bootstrap; a share of them is known to about one in a hundred."""


@dataclass(frozen=True)
class Crossed:
    """The results of several arms, on what all of them share."""

    arms: tuple[str, ...]
    seeds: tuple[int, ...]
    items: tuple[str, ...]
    values: Float[np.ndarray, "arm seed item"]

    @classmethod
    def of(cls, results: Mapping[str, Results]) -> Crossed | None:
        """Keep the seeds and questions that all arms have; None when there are none."""
        if len(results) < 2:
            return None
        seeds = tuple(sorted(set.intersection(*(set(arm) for arm in results.values()))))
        if not seeds:
            return None
        items = set.intersection(*(set(arm[seed]) for arm in results.values() for seed in seeds))
        if not items:
            return None
        named = tuple(sorted(items))
        tables = [table_of(arm, seeds, named) for arm in results.values()]
        return cls(tuple(results), seeds, named, np.array(tables))

    def spread(self) -> Spread | None:
        """Give the pooled spread of a difference of two arms, where a single one would rest on too little."""
        if not 1 < len(self.seeds) < FEW_SEEDS or len(self.items) < 2:
            return None
        return spread_of_differences(list(self.values[1:]), self.values[0])

    def contrast(
        self, weights: Mapping[str, float], spread: Spread | None = None, level: float = LEVEL
    ) -> Difference:
        """Measure one weighted sum of arms, with its interval."""
        used = np.array([weights.get(arm, 0.0) for arm in self.arms])
        change = np.tensordot(used, self.values, axes=1)
        # A pooled spread is that of a difference, whose weights have two squares of one.
        own = Spread(spread.variance * float(used @ used) / 2, spread.freedom) if spread else None
        return difference_of(change, own, level=level, most=float(np.abs(used).sum() / 2))


def effects(
    results: Mapping[str, Results], design: Design, declared: Mapping[str, Mapping[str, float]]
) -> dict[str, Any] | None:
    """Answer every question that the arms at hand can answer; None where there is none."""
    crossed = Crossed.of(results)
    if crossed is None:
        return None
    asked = [one for one in contrasts_of(design, declared) if set(one.weights) <= set(crossed.arms)]
    if not asked:
        return None
    spread = crossed.spread()
    found = [(one, crossed.contrast(one.weights, spread)) for one in asked]
    return {
        "seeds": len(crossed.seeds),
        "items": len(crossed.items),
        "means": dict(zip(crossed.arms, crossed.values.mean(axis=(1, 2)).tolist(), strict=True)),
        "effects": list(_told(found)),
        "best": best(crossed, spread),
    }


def _told(found: Sequence[tuple[Contrast, Difference]]) -> Iterator[dict[str, Any]]:
    """Give the values by name; those of main effects and interactions with a p-value for all of them."""
    averaged = [place for place, (one, _) in enumerate(found) if one.kind in (MAIN, INTERACTION)]
    adjusted = dict(zip(averaged, holm([found[place][1].p_value for place in averaged]), strict=True))
    for place, (one, difference) in enumerate(found):
        told = {"kind": one.kind, "name": one.name, "levels": dict(one.levels)}
        more = {"p_adjusted": adjusted[place]} if place in adjusted else {}
        yield told | as_json(difference) | more


def holm(p_values: Sequence[float | None]) -> list[float | None]:
    """Adjust p-values by Holm's rule; what has none keeps none, and counts as a question all the same.

    >>> holm([0.01, 0.04, None])
    [0.03, 0.08, None]
    """
    order = sorted((p, place) for place, p in enumerate(p_values) if p is not None)
    adjusted: list[float | None] = [None] * len(p_values)
    highest = 0.0
    for rank, (p, place) in enumerate(order):
        highest = max(highest, min(1.0, p * (len(p_values) - rank)))
        adjusted[place] = highest
    return adjusted


def best(crossed: Crossed, spread: Spread | None) -> dict[str, Any]:
    """Say which arm has the highest mean, how sure that is, and which ones it cannot be told apart from."""
    means = crossed.values.mean(axis=(1, 2))
    first = crossed.arms[int(means.argmax())]
    level = 1 - (1 - LEVEL) / (len(crossed.arms) - 1)
    others = [arm for arm in crossed.arms if arm != first]
    behind = {arm: crossed.contrast({first: 1.0, arm: -1.0}, spread, level) for arm in others}
    told: dict[str, Any] = {
        "arm": first,
        "mean": float(means.max()),
        "level": level,
        "not_apart": [arm for arm, one in behind.items() if one.low <= 0],
        "firsts": {arm: share for arm, share in _firsts(crossed).items() if share},
    }
    if BASELINE in behind:
        told["over_baseline"] = as_json(behind[BASELINE])
    return told


def _firsts(crossed: Crossed) -> dict[str, float]:
    """Draw seeds and questions anew, and count how often each arm comes first; ties are shared."""
    rng = rng_of(0, "best", *crossed.arms)
    _, seeds, items = crossed.values.shape
    counts = np.zeros(len(crossed.arms))
    for _ in range(DRAWS // 100):
        of_seed = rng.multinomial(seeds, np.full(seeds, 1 / seeds), size=100)
        of_item = rng.multinomial(items, np.full(items, 1 / items), size=100)
        totals = np.einsum("asi,di,ds->da", crossed.values, of_item, of_seed, optimize=True)
        top = totals >= totals.max(axis=1, keepdims=True) - 1e-9
        counts += (top / top.sum(axis=1, keepdims=True)).sum(axis=0)
    shares = counts / counts.sum()
    return dict(zip(crossed.arms, shares.round(6).tolist(), strict=True))
