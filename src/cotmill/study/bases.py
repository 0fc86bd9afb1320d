"""What the base decides: accuracy against its pre-training loss and its size, and gain against its strength.

Yuan et al. 2023 (arXiv 2308.01825, section 3) put accuracy beside pre-training loss and report no
regression; here loss and size are compared by what they foretell of a base that was left out. Losses of
bases with other tokenizers or corpora are not comparable, and nothing here can tell. Intervals of slopes are
Student's over the bases, since bases scatter around the line by more than the noise of their measurement.

Gain against the accuracy before: noise that makes the first accuracy low makes the gain high, so the plain
slope is biased downwards. It is given beside one that is corrected by the known noise (errors in variables,
Fuller 1987, 1.2).
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
from jaxtyping import Float

from cotmill.core.variance import student
from cotmill.study.curves import stacked
from cotmill.study.draws import Draws, interval
from cotmill.study.points import PLAIN, Point, kind_of

LEAST = 3
"""Bases below which no line is drawn."""
PREDICTORS = {
    "loss": ("pre-training loss", "per 0.1 lower", lambda value: -10 * value),
    "parameters": ("parameters", "per doubling", math.log2),
    "pretraining_flops": ("pre-training FLOPs", "per doubling", math.log2),
}
"""Fact → its name, the unit of its slope, and how it is scaled to that unit."""


def against_bases(points: Sequence[Point], draws: Draws) -> Iterator[dict[str, Any]]:
    """Fit accuracy against each predictor, for every method that enough bases were trained with."""
    for method, places in _by_method(points):
        known = {
            name: [place for place in places if (points[place].fact(name) or 0) > 0] for name in PREDICTORS
        }
        able = [name for name in PREDICTORS if len(known[name]) >= LEAST]
        if not able:
            continue
        shared = [place for place in places if all(place in known[name] for name in able)]
        lines = [_line(points, draws, known[name], shared, name) for name in able]
        yield {
            "method": method,
            "rows": points[places[0]].rows,
            "bases": [points[place].model for place in places],
            "shared": [points[place].model for place in shared],
            "predictors": lines,
            "better": _better(points, draws, shared, able),
        }


def _by_method(points: Sequence[Point]) -> Iterator[tuple[str, list[int]]]:
    """List each method's settings at the amount of data that the most bases have; most bases first."""
    found = []
    for method in dict.fromkeys(point.method for point in points if kind_of(point) != "other"):
        mine = [place for place, point in enumerate(points) if point.method == method]
        sizes = {points[place].rows for place in mine}
        groups = [[place for place in mine if points[place].rows == size] for size in sorted(sizes)]
        best = max(
            groups, key=lambda group: (len({points[place].model for place in group}), points[group[0]].rows)
        )
        if len({points[place].model for place in best}) >= LEAST:
            found.append((method, best))
    yield from sorted(found, key=lambda one: -len(one[1]))


def _scaled(points: Sequence[Point], places: Sequence[int], name: str) -> Float[np.ndarray, " base"]:
    scale = PREDICTORS[name][2]
    return np.array([scale(points[place].facts[name]) for place in places])


def _line(
    points: Sequence[Point], draws: Draws, places: Sequence[int], shared: Sequence[int], name: str
) -> dict[str, Any]:
    """Fit a straight line to all bases that have the predictor; its held-out error is on shared ones."""
    x, y = _scaled(points, places, name), draws.measured[list(places)]
    slope, intercept, half, explained = straight(x, y)
    found = {
        "name": name, "title": PREDICTORS[name][0], "unit": PREDICTORS[name][1], "bases": len(places),
        "slope": {"value": slope, "low": slope - half, "high": slope + half}, "explained": explained,
        "points": [
            {"model": points[place].model, "x": points[place].facts[name], "y": float(y[n]),
             "fitted": float(intercept + slope * x[n])}
            for n, place in enumerate(places)
        ],
    }  # fmt: skip
    if len(shared) > LEAST:
        found["held_out"] = float(
            left_out(_scaled(points, shared, name), draws.measured[None, list(shared)])[0]
        )
    return found


def straight(x: Float[np.ndarray, " n"], y: Float[np.ndarray, " n"]) -> tuple[float, float, float, float]:
    """Fit a line: slope, intercept, half the slope's 95 % interval (Student), share of variance explained."""
    centred = x - x.mean()
    scale = float(centred @ centred)
    if scale == 0:
        return 0.0, float(y.mean()), math.inf, 0.0
    slope = float(centred @ y) / scale
    intercept = float(y.mean()) - slope * float(x.mean())
    left = float(((y - intercept - slope * x) ** 2).sum())
    total = float(((y - y.mean()) ** 2).sum())
    half = student(len(x) - 2) * math.sqrt(left / (len(x) - 2) / scale) if len(x) > 2 else math.inf
    return slope, intercept, half, 1 - left / total if total else 1.0


def left_out(x: Float[np.ndarray, " n"], y: Float[np.ndarray, "draw n"]) -> Float[np.ndarray, " draw"]:
    """Root mean square error on each base in turn, by a line through the others (from the leverages)."""
    centred = x - x.mean()
    basis = np.stack([np.ones_like(x), centred], axis=1)
    hat = basis @ np.linalg.pinv(basis)
    errors = (y - y @ hat.T) / np.maximum(1e-9, 1 - np.diag(hat))
    return np.sqrt((errors**2).mean(axis=1))


def _better(
    points: Sequence[Point], draws: Draws, shared: Sequence[int], able: Sequence[str]
) -> dict[str, Any] | None:
    """Say which predictor foretells a left-out base better, and how sure that is given the noise."""
    if len(able) < 2 or len(shared) <= LEAST:
        return None
    y = stacked(draws)[:, list(shared)]
    errors = {name: left_out(_scaled(points, shared, name), y) for name in able}
    first, second = sorted(able, key=lambda name: float(errors[name][0]))[:2]
    gap = errors[second] - errors[first]
    return {
        "first": first,
        "second": second,
        "difference": interval(float(gap[0]), gap[1:]).as_json(),
        "share": float((gap[1:] > 0).mean()),
    }


def gain_against_strength(points: Sequence[Point], draws: Draws) -> Iterator[dict[str, Any]]:
    """Regress what a method adds to plain fine-tuning on the accuracy of the latter, over the bases."""
    before = {(p.model, p.rows): n for n, p in enumerate(points) if p.method == PLAIN}
    for method, places in _by_method(points):
        pairs = [
            (before[key], place)
            for place in places
            if (key := (points[place].model, points[place].rows)) in before
        ]
        if len(pairs) < LEAST or kind_of(points[places[0]]) in ("sft", "other"):
            continue
        first, second = (np.array(side) for side in zip(*pairs, strict=True))
        yield {
            "method": method,
            "rows": points[places[0]].rows,
            **_strength(draws, first, second),
            "points": [_pair(points, draws, one, other) for one, other in pairs],
        }


def _pair(points: Sequence[Point], draws: Draws, one: int, other: int) -> dict[str, Any]:
    gain = draws.drawn[:, other] - draws.drawn[:, one]
    value = float(draws.measured[other] - draws.measured[one])
    return {
        "model": points[one].model,
        "before": float(draws.measured[one]),
        "gain": interval(value, gain).as_json(),
    }


def _strength(draws: Draws, first: Any, second: Any) -> dict[str, Any]:
    """Give the slope of gain on strength: plain, and corrected for the noise that both share."""
    x, after = draws.measured[first], draws.measured[second]
    slope, _, half, explained = straight(x, after - x)
    noise = float(draws.drawn[:, first].var(axis=0).mean())
    shared = float(
        np.mean(
            [np.cov(draws.drawn[:, a], draws.drawn[:, b])[0, 1] for a, b in zip(first, second, strict=True)]
        )
    )
    many = len(first)
    spread = float(x.var(ddof=1)) - noise
    both = float(np.cov(x, after)[0, 1]) - shared
    corrected = both / spread - 1 if spread > 0 else None
    return {
        "bases": many, "slope": {"value": slope, "low": slope - half, "high": slope + half},
        "corrected": corrected, "explained": explained,
    }  # fmt: skip
