"""Accuracy against the number of rows trained on, one curve for arms that differ only in their budget."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from typing import Any

from cotmill.core.factors import arms_of
from cotmill.report import draw
from cotmill.report.parts import Csv, Figure, Key, Panel, unique
from cotmill.report.read import LoadedRun, variant_name
from cotmill.report.scores import Score, scaled
from cotmill.report.svg import drawing
from cotmill.report.text import visible

SIZES = frozenset({"select.budget", "augment.k", "data.train.lab.rows", "data.train.limit"})
"""Settings that say how many rows are trained on."""


def budget_figure(run: LoadedRun, found: Sequence[Score], prefix: str) -> Figure | None:
    """Draw accuracy against rows trained on, when some method has more than one budget."""
    lines = families(run)
    panels, header = [], ("method", "arm", "test", "rows", "mean", "low", "high", "seeds")
    rows: list[tuple[object, ...]] = []
    colours = {name: _family_style(place, name, run) for place, name in enumerate(lines)}
    for place, test in enumerate(run.tests):
        by_variant = {one.variant: one for one in found if one.test == test and one.rows}
        curves = []
        for name, members in lines.items():
            ordered = sorted(
                (by_variant[v] for v in members if v in by_variant), key=lambda one: one.rows or 0
            )
            if ordered:
                curves.append(_curve(name, ordered, *colours[name]))
                rows += [
                    (
                        name,
                        s.variant,
                        test,
                        s.rows,
                        s.interval.mean,
                        s.interval.low,
                        s.interval.high,
                        len(s.seeds),
                    )
                    for s in ordered
                ]
        if any(len(set(curve.x)) > 1 for curve in curves):
            panels.append(_budget_panel(curves, test, f"{prefix}-bud-{place}"))
    if not panels:
        return None
    key = tuple(Key(visible(name), colour, dashes) for name, (colour, dashes) in colours.items())
    caption = "Results against the number of rows trained on, with 95 % intervals."
    return Figure("budget", caption, tuple(panels), Csv("budget", header, tuple(rows)), key)


def _budget_panel(curves: Sequence[draw.Curve], test: str, name: str) -> Panel:
    about = "; ".join(
        f"{curve.name}: "
        + ", ".join(f"{y:.1f} % at {x:,.0f} rows" for x, y in zip(curve.x, curve.y, strict=True))
        for curve in curves
    )
    paint = partial(draw.points_with_whiskers, curves=curves, across="rows trained on", label="mean, %")
    return Panel(visible(test), drawing(name, f"Accuracy against rows on {test}", about, 2.5, paint))


def _curve(name: str, found: Sequence[Score], colour: str, dashes: str) -> draw.Curve:
    ends = [scaled(one.interval) for one in found]
    return draw.Curve(
        name, tuple(float(one.rows or 0) for one in found), tuple(one.mean for one in ends),
        tuple(one.low for one in ends), tuple(one.high for one in ends), colour, dashes,
    )  # fmt: skip


def _family_style(place: int, name: str, run: LoadedRun) -> tuple[str, str]:
    base = str(run.compare_to or "")
    if name and base.startswith(name):
        return "muted", draw.DASHES[1]
    return f"c{place % 8 + 1}", draw.DASHES[(place // 8) % len(draw.DASHES)]


def families(run: LoadedRun) -> dict[str, list[str]]:
    """Group arms and grid points that differ only in how many rows they train on: one curve each."""
    arms = arms_of(run.recipe)
    base = {name: run.recipe.get(name) for name in ("select", "augment")}
    groups: dict[str, list[str]] = {}
    for variant, (arm, grid) in run.points.items():
        changes = {key: value for part in arms.get(arm, ()) for key, value in part.items()}
        settings = dict(_flat({**base, **changes})) | dict(grid)
        rest = {key: value for key, value in settings.items() if key not in SIZES}
        groups.setdefault(json.dumps(rest, sort_keys=True, default=str), []).append(variant)
    names = unique([_family_name([run.points[member] for member in members]) for members in groups.values()])
    return dict(zip(names, groups.values(), strict=True))


def _flat(tree: Mapping[str, Any], above: str = "") -> Iterator[tuple[str, Any]]:
    """Write nested settings as dotted ones."""
    for key, value in tree.items():
        if isinstance(value, Mapping):
            yield from _flat(value, f"{above}{key}.")
        elif value is not None:
            yield f"{above}{key}", value


def _family_name(members: Sequence[tuple[str, tuple[tuple[str, str], ...]]]) -> str:
    """Name a group by the words that its arms' names share, and by its grid point without the sizes.

    >>> _family_name([("low loss 50%", ()), ("low loss 25%", ())])
    'low loss'
    """
    plain = [arm.split() for arm, _ in members]
    shared = [word for word in plain[0] if all(word in other for other in plain)]
    grid = [(key, value) for key, value in members[0][1] if key not in SIZES]
    return variant_name(" ".join(shared) or f"{members[0][0]} and its like", grid)
