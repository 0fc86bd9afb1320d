"""Accuracy against an amount (labelled rows, or distinct paths): slope, bend, ceiling, what more would bring.

Every number has an interval from the same draws. What is foretold carries three doubts: about the measured
accuracies, about the form (chosen anew in every draw), and about the accuracy that will be measured, whose
spread is the largest of three: that of the draws, what the curve leaves unexplained, and its held-out error.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
from jaxtyping import Float

from cotmill.core.ids import rng_of
from cotmill.study.choose import Choice, choose
from cotmill.study.draws import Draws, interval
from cotmill.study.forms import BROKEN, LINE, Rows, fit
from cotmill.study.points import Point

LAST = 4
"""Amounts that the slope at the large end is taken over: three doublings where each is twice the last."""
LEAST = 3
"""Fewer amounts than this are not foretold from."""
AHEAD = (2.0, 4.0)
TRIED = 160
"""Draws that the test of extrapolation uses: it is made for every cut of every curve."""
SHOWN = 25
"""Places at which a curve is written down for drawing."""


def stacked(draws: Draws) -> Float[np.ndarray, "draw point"]:
    """Put what was measured first among the draws."""
    return np.vstack([draws.measured, draws.drawn])


def curve(points: Sequence[Point], draws: Draws, x: Rows) -> dict[str, Any]:
    """Fit all forms to settings of one base, smallest amount first, and say what follows."""
    y = stacked(draws)
    measured = [interval(float(y[0, n]), y[1:, n]).as_json() for n in range(len(points))]
    found: dict[str, Any] = {
        "model": points[0].model,
        "method": points[0].method,
        "points": [
            {"amount": float(amount), "seeds": len(point.seeds), "items": point.items, **told}
            for amount, point, told in zip(x, points, measured, strict=True)
        ],
    }
    if len(np.unique(x)) < 2:
        return found
    found["slope"] = _slope(x, y)
    found["last_slope"] = _slope(x[-LAST:], y[:, -LAST:]) if len(x) > LAST else found["slope"]
    if len(x) < LEAST:
        return found
    choice = choose(x, y)
    found |= {"forms": _forms(choice), "chosen": choice.best.name, "bend": _bend(choice)}
    found["ceiling"] = _ceiling(choice)
    found["drawn"] = _drawn(choice, x)
    found["ahead"] = [foretold(choice, y, x, times * float(x[-1])) for times in AHEAD]
    return found


def _slope(x: Rows, y: Float[np.ndarray, "draw point"]) -> dict[str, float]:
    """Give the accuracy gained by a doubling, along a straight line."""
    slopes = fit(LINE, x, y).linear[:, 1]
    return interval(float(slopes[0]), slopes[1:]).as_json()


def _forms(choice: Choice) -> list[dict[str, Any]]:
    """Compare the forms: what they leave unexplained, what they foretell, how often draws prefer them."""
    many = len(choice.chosen) - 1
    return [
        {
            "name": form.name,
            "about": form.about,
            "parameters": form.parameters,
            "left": math.sqrt(float(choice.fitted[form.name].error[0]) / choice.amounts),
            "held_out": float(choice.held_out[form.name][0]),
            "preferred": float((choice.chosen[1:] == place).sum()) / max(1, many),
        }
        for place, form in enumerate(choice.forms)
    ]


def _bend(choice: Choice) -> dict[str, Any] | None:
    """Say where the broken line bends; `seen` when it foretells better and the change is clear."""
    broken = choice.fitted.get(BROKEN.name)
    if broken is None:
        return None
    turns, before = broken.linear[:, 2], broken.linear[:, 1]
    turn = interval(float(turns[0]), turns[1:])
    better = choice.held_out[BROKEN.name][0] < choice.held_out[LINE.name][0]
    knees = 2 ** broken.nonlinear[:, 0]
    return {
        "at": interval(float(knees[0]), knees[1:]).as_json(),
        "before": interval(float(before[0]), before[1:]).as_json(),
        "after": interval(float(before[0] + turns[0]), (before + turns)[1:]).as_json(),
        "turn": turn.as_json(),
        "seen": bool(better and (turn.low > 0 or turn.high < 0)),
    }


def _ceiling(choice: Choice) -> dict[str, Any] | None:
    """Give the ceiling of the saturating form that foretells best, with the doubt about which that is."""
    able = [form for form in choice.forms if form.ceiling]
    if not able:
        return None
    errors = np.stack([choice.held_out[form.name] for form in able])
    best = np.argmin(errors, axis=0)
    ends = np.stack([choice.fitted[form.name].ceilings for form in able])  # type: ignore[arg-type]
    each = ends[best, np.arange(len(best))]
    return {"form": able[int(best[0])].name, **interval(float(each[0]), each[1:]).as_json()}


def _drawn(choice: Choice, x: Rows) -> list[dict[str, float]]:
    """Write the curve down with its band, from the smallest amount to four times the largest."""
    places = np.geomspace(float(x[0]), float(x[-1]) * AHEAD[-1], SHOWN)
    found = choice.at(places)
    return [
        {"amount": float(place), **interval(float(found[0, n]), found[1:, n]).as_json()}
        for n, place in enumerate(places)
    ]


def foretold(choice: Choice, y: Float[np.ndarray, "draw point"], x: Rows, amount: float) -> dict[str, Any]:
    """Foretell the accuracy that would be measured at an amount, with a prediction interval."""
    spread = spread_of_new(choice, y, x)
    found = choice.at(np.array([amount]))[:, 0]
    return {"amount": amount, **interval(float(found[0]), np.clip(found[1:] + spread, 0.0, 1.0)).as_json()}


def spread_of_new(
    choice: Choice, y: Float[np.ndarray, "draw point"], x: Rows, salt: str = ""
) -> Float[np.ndarray, " other"]:
    """Draw how far a new measurement lies from the curve."""
    noise = math.sqrt(float(y[1:].var(axis=0).mean()))
    best = choice.fitted[choice.best.name]
    left = math.sqrt(float(best.error[0]) / max(1, len(x) - choice.best.parameters))
    sigma = max(noise, left, float(choice.held_out[choice.best.name][0]))
    return sigma * rng_of(0, "study", "new", len(x), salt).standard_normal(len(y) - 1)


def extrapolations(points: Sequence[Point], draws: Draws, x: Rows) -> Iterator[dict[str, Any]]:
    """Fit on the small end and foretell the large end, for every cut, and with each form alone."""
    y = stacked(draws)[: TRIED + 1]
    for cut in range(LEAST, len(points)):
        choice = choose(x[:cut], y[:, :cut])
        for place in range(cut, len(points)):
            told = foretold(choice, y[:, :cut], x[:cut], float(x[place]))
            truth = float(y[0, place])
            alone = {
                form.name: float(choice.fitted[form.name].at(x[[place]])[0, 0]) - truth
                for form in choice.forms
            }
            yield {
                "model": points[0].model, "method": points[0].method, "fitted_on": cut,
                "times": float(x[place] / x[cut - 1]), "form": choice.best.name, "measured": truth,
                "inside": told["low"] <= truth <= told["high"], "errors": alone, **told,
            }  # fmt: skip
