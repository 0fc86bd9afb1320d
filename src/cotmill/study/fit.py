"""All fits of a set of settings, as plain data that a page can be drawn from."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from cotmill.core.errors import DataError
from cotmill.study.bases import against_bases, gain_against_strength
from cotmill.study.curves import curve, extrapolations
from cotmill.study.draws import DRAWS, draw
from cotmill.study.paths import against_paths
from cotmill.study.points import Point, curves_of, of_test

VERSION = 1


def fit_all(
    points: Sequence[Point], *, test: str | None = None, source: str = "", seed: int = 0, draws: int = DRAWS
) -> dict[str, Any]:
    """Fit everything that the settings allow.

    Raises:
        DataError: there is nothing to fit: no setting with another amount of data, another base, or more
        paths.
    """
    chosen = [point for point in of_test(points, test) if point.rows > 0 or point.method]
    drawn = draw(chosen, seed=seed, draws=draws)
    curves, ahead = [], []
    for _, members in curves_of([point for point in chosen if point.rows > 0]):
        places = [chosen.index(member) for member in members]
        x = np.array([member.rows for member in members])
        if len(np.unique(x)) > 1:
            curves.append(curve(members, drawn.of(places), x))
            ahead += extrapolations(members, drawn.of(places), x)
    found = {
        "version": VERSION,
        "source": source,
        "test": chosen[0].test,
        "settings": len(chosen),
        "intervals": drawn.method,
        "curves": curves,
        "extrapolation": {"each": ahead, "summary": summary(ahead)},
        "bases": list(against_bases(chosen, drawn)),
        "strength": list(gain_against_strength(chosen, drawn)),
        "paths": list(against_paths(chosen, drawn)),
    }
    if not any(found[name] for name in ("curves", "bases", "paths")):
        raise DataError(
            f"{source or 'the table'} has {len(chosen)} settings on {chosen[0].test}, and nothing to draw "
            f"a line "
            "through; give at least two amounts of data for one base and method, or three bases"
        )
    return found


def summary(ahead: Sequence[Mapping[str, Any]]) -> dict[str, Any] | None:
    """Sum up the test of extrapolation: how often the interval held the truth, and typical errors."""
    if not ahead:
        return None
    errors: dict[str, list[float]] = {}
    for one in ahead:
        for name, error in one["errors"].items():
            errors.setdefault(name, []).append(error)
    missed = [one["value"] - one["measured"] for one in ahead]
    return {
        "many": len(ahead),
        "inside": sum(bool(one["inside"]) for one in ahead),
        "error": float(np.mean(np.abs(missed))),
        "bias": float(np.mean(missed)),
        "forms": [
            {
                "name": name,
                "many": len(found),
                "error": float(np.mean(np.abs(found))),
                "bias": float(np.mean(found)),
            }
            for name, found in errors.items()
        ],
    }
