"""What accuracies could have been with other questions and other seeds: one bootstrap for a whole test.

Where every answer is known, questions and seeds are resampled together (Owen 2007, the pigeonhole bootstrap),
the same questions and seeds in all settings, so that what they share cancels in differences and slopes. We
resample the effects of a two-way decomposition instead of the answers themselves, because resampling answers
counts their residual three times. Effects of questions are shrunk, over all settings together, by the
residual that is in them, so that variances and covariances of means are those of `core.variance`. Effects of
seeds are never narrower than the residual says, and widened by Student's t where they exceed it, so that a
95 % interval is nearly one with five seeds too. With two to four seeds the spread of seeds is pooled over
settings and drawn from a normal; with one, draws speak of the questions alone. A mean without answers is
drawn from the binomial's normal.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from cotmill.core.ids import rng_of
from cotmill.core.variance import LEVEL, mean_squares, student
from cotmill.study.points import Point

DRAWS = 400
"""Enough for ends of intervals to move by less than a tenth of their width from seed to seed."""
FEW_SEEDS = 5
NORMAL = 1.959964
BOTH = "bootstrap over questions and seeds"
POOLED = "bootstrap over questions; spread of seeds pooled over settings"
ITEMS_ONLY = "bootstrap over questions; one seed, so nothing is said about other seeds"
MEANS_ONLY = "from means alone: binomial spread of the questions, and of seeds where there are several"


@dataclass(frozen=True)
class Interval:
    """A value with its 95 % interval."""

    value: float
    low: float
    high: float

    def as_json(self) -> dict[str, float]:
        """Give the three numbers."""
        return {"value": self.value, "low": self.low, "high": self.high}


@dataclass(frozen=True)
class Draws:
    """Accuracies of settings: as measured, and as they could have been."""

    measured: Float[np.ndarray, " point"]
    drawn: Float[np.ndarray, "draw point"]
    method: str

    def of(self, places: Sequence[int]) -> Draws:
        """Keep some settings."""
        index = np.array(places, dtype=int)
        return Draws(self.measured[index], self.drawn[:, index], self.method)


def interval(value: float, drawn: Float[np.ndarray, " draw"]) -> Interval:
    """Give the middle 95 % of the draws that are numbers, around what was measured.

    >>> round(interval(0.5, np.linspace(0, 1, 5)).low, 3)
    0.025
    """
    good = drawn[np.isfinite(drawn)]
    if not len(good):
        return Interval(value, -math.inf, math.inf)
    tail = (1 - LEVEL) / 2
    low, high = (float(np.quantile(good, share)) for share in (tail, 1 - tail))
    return Interval(float(value), min(low, value), max(high, value))


def draw(points: Sequence[Point], *, seed: int = 0, draws: int = DRAWS) -> Draws:
    """Draw the accuracies of all settings together."""
    rng = rng_of(seed, "study", "draws")
    seeds = sorted({one for point in points for one in point.seeds})
    questions = _places(points)
    weights = _weights(rng, len(seeds), draws)
    asked = _weights(rng, len(questions), draws)
    few = _few(points)
    spread = _seed_variance(points)
    effects = question_effects(points)
    columns = []
    for place, point in enumerate(points):
        if point.table is None:
            columns.append(_from_mean(point, spread, rng, draws))
            continue
        mine = asked[:, [questions[name] for name in point.questions]]
        moved = mine @ effects[place] / max(1, len(point.questions))
        if few or point.table.shape[0] < FEW_SEEDS:
            moved = moved + math.sqrt(spread / point.table.shape[0]) * rng.standard_normal(draws)
        else:
            moved = moved + _of_seeds(point, weights[:, [seeds.index(one) for one in point.seeds]])
        columns.append(point.accuracy + moved)
    measured = np.array([point.accuracy for point in points])
    return Draws(measured, np.stack(columns, axis=1), _method(points, few))


def _places(points: Sequence[Point]) -> Mapping[str, int]:
    """Number all questions that any setting answered."""
    names = dict.fromkeys(name for point in points if point.table is not None for name in point.questions)
    return {name: place for place, name in enumerate(names)}


def _weights(rng: np.random.Generator, many: int, draws: int) -> Float[np.ndarray, "draw one"]:
    """How often each question or seed comes up, less one."""
    if not many:
        return np.zeros((draws, 0))
    return rng.multinomial(many, np.full(many, 1 / many), size=draws) - 1.0


def _few(points: Sequence[Point]) -> bool:
    """Say whether some setting has too few seeds for a bootstrap over them."""
    return any(point.table is not None and 1 < point.table.shape[0] < FEW_SEEDS for point in points)


def _seed_variance(points: Sequence[Point]) -> float:
    """Variance of one training's accuracy over seeds, pooled over settings, with its t squared."""
    total = freedom = 0.0
    for point in points:
        many = len(point.seeds)
        if many < 2:
            continue
        if point.table is not None:
            of_seed, _, _ = mean_squares(point.table) if point.table.shape[1] > 1 else (0.0, 0.0, 0.0)
            total += (many - 1) * of_seed / point.table.shape[1]
        else:
            total += (many - 1) * point.facts.get("seed_variance", 0.0)
        freedom += many - 1
    if not freedom:
        return 0.0
    return total / freedom * (student(freedom) / NORMAL) ** 2


def question_effects(points: Sequence[Point]) -> dict[int, Float[np.ndarray, " item"]]:
    """Say by how much each question is easier than the mean, without the residual, for each setting."""
    found: dict[int, Float[np.ndarray, " item"]] = {}
    groups: dict[tuple[object, ...], list[int]] = {}
    for place, point in enumerate(points):
        if point.table is not None:
            groups.setdefault((point.seeds, point.questions), []).append(place)
    for places in groups.values():
        tables = np.stack([table for place in places if (table := points[place].table) is not None])
        found |= dict(zip(places, _without_residual(tables), strict=True))
    return found


def _without_residual(tables: Float[np.ndarray, "point seed item"]) -> Float[np.ndarray, "point item"]:
    """Map effects of questions so that their covariance over settings is free of the residual's."""
    _, seeds, items = tables.shape
    level = tables.mean(axis=(1, 2), keepdims=True)
    by_item = tables.mean(axis=1, keepdims=True) - level
    effects = by_item[:, 0]
    if min(seeds, items) < 2:
        return effects
    rest = (tables - tables.mean(axis=2, keepdims=True) - by_item).reshape(len(tables), -1)
    of_item = seeds / (items - 1) * effects @ effects.T
    of_rest = rest @ rest.T / ((seeds - 1) * (items - 1))
    return _root(of_item - of_rest) @ _root(of_item, inverse=True) @ effects


def _root(matrix: Float[np.ndarray, "n n"], *, inverse: bool = False) -> Float[np.ndarray, "n n"]:
    """Take the root of a symmetric matrix, or of its inverse; negative and vanishing parts count as zero."""
    values, vectors = np.linalg.eigh(matrix)
    real = values > 1e-10 * max(float(np.abs(values).max()), 1e-12)
    powers = np.where(real, np.abs(values) ** (-0.5 if inverse else 0.5), 0.0)
    return (vectors * powers) @ vectors.T


def _of_seeds(point: Point, weights: Float[np.ndarray, "draw seed"]) -> Float[np.ndarray, " draw"]:
    """Move a mean by the effects of the seeds that came up, as wide as Student's t wants."""
    table = point.table
    assert table is not None
    many = table.shape[0]
    effects = table.mean(axis=1) - table.mean()
    of_seed, _, rest = mean_squares(table)
    if of_seed <= 0:
        return np.zeros(len(weights))
    wider = (student(many - 1) / NORMAL) ** 2 if of_seed > rest else rest / of_seed
    return math.sqrt(wider * many / (many - 1)) * (weights @ effects) / many


def _from_mean(
    point: Point, spread: float, rng: np.random.Generator, draws: int
) -> Float[np.ndarray, " draw"]:
    """Draw a mean that comes without its answers: questions by the binomial, seeds by their pooled spread."""
    share = (point.accuracy * (point.items or 0) + 1) / (
        (point.items or 0) + 2
    )  # none right is not none possible
    variance = share * (1 - share) / point.items if point.items else 0.0
    extra = max(0.0, spread - variance) if point.seeds else 0.0
    many = max(1, len(point.seeds))
    return point.accuracy + math.sqrt(variance + extra / many) * rng.standard_normal(draws)


def _method(points: Sequence[Point], few: bool) -> str:  # noqa: FBT001 - two callers would not make it clearer
    """Say in words what the draws speak of."""
    tables = [point.table for point in points if point.table is not None]
    if not tables:
        return MEANS_ONLY
    if max(table.shape[0] for table in tables) == 1:
        return ITEMS_ONLY
    return POOLED if few else BOTH
