"""Accuracy against the number of rows trained on, one curve for arms that differ only in their budget."""

from __future__ import annotations

import json
from collections.abc import Sequence
from functools import partial

from cotmill.report import draw
from cotmill.report.parts import Csv, Figure, Key, Panel
from cotmill.report.read import LoadedRun
from cotmill.report.scores import Score, scaled
from cotmill.report.svg import drawing
from cotmill.report.text import visible


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
    """Group arms that differ only in their budget: one curve each, named by what they share."""
    arms = run.recipe.get("arms") or {}
    groups: dict[str, list[tuple[str, str]]] = {}
    for variant in run.variants:
        arm, _, grid = variant.partition(" [")
        select = (arms.get(arm) or {}).get("select", run.recipe.get("select"))
        rest = {key: value for key, value in (arms.get(arm) or {}).items() if key != "select"}
        method = {key: value for key, value in (select or {}).items() if key != "budget"}
        budget = str((select or {}).get("budget", ""))
        groups.setdefault(json.dumps([method, rest, grid], sort_keys=True, default=str), []).append(
            (variant, budget)
        )
    return {_family_name(members): [variant for variant, _ in members] for members in groups.values()}


def _family_name(members: Sequence[tuple[str, str]]) -> str:
    """Name a group by its arms' names without their budgets, when they then agree."""
    bare = {
        " ".join(variant.replace(budget, "").split()) if budget else variant for variant, budget in members
    }
    return bare.pop() if len(bare) == 1 else members[0][0]
