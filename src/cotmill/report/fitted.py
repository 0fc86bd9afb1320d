"""A fitted curve as a panel, as rows of numbers, and as a line of a table."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

from cotmill.report.parts import Csv, Panel, Table
from cotmill.report.scatter import Axis, Series, scatter, short
from cotmill.report.svg import drawing
from cotmill.report.text import signed, slug, visible

Found = Mapping[str, Any]
COLOURS = 8
HEIGHT = 2.6
"""Inches."""


def points(told: Found | None, digits: int = 1) -> str:
    """Write a value with its interval, in points."""
    if told is None:
        return ""
    low, high = (signed(100 * told[end], digits) for end in ("low", "high"))
    return f"{signed(100 * told['value'], digits)} ({low} to {high})"


def percent(told: Found | None) -> str:
    """Write an accuracy with its interval, in percent."""
    return (
        ""
        if told is None
        else f"{100 * told['value']:.1f} ({100 * told['low']:.1f} to {100 * told['high']:.1f})"
    )


def series_of(curve: Found, models: Sequence[str]) -> Series:
    """Turn a fitted curve into points and a line."""
    ends = ("value", "low", "high")
    return Series(
        str(curve["model"]),
        f"c{models.index(curve['model']) % COLOURS + 1}",
        tuple((one["amount"], *(100 * one[end] for end in ends)) for one in curve["points"]),
        tuple((one["amount"], *(100 * one[end] for end in ends)) for one in curve.get("drawn", ())),
    )


def panel(
    name: str, title: str, series: Sequence[Series], across: Axis, *, label: str = "accuracy, %", **more: Any
) -> Panel:
    """Draw one panel, and say in words what it shows."""
    about = "; ".join(
        f"{one.name}: " + ", ".join(f"{y:.1f} at {short(x)}" for x, y, _, _ in one.points) for one in series
    )
    paint = partial(scatter, series=series, across=across, label=label, **more)
    return Panel(
        visible(title), drawing(f"s-{slug(name)}", f"{label} against {across.label}", about, HEIGHT, paint)
    )


def curves_csv(name: str, curves: Sequence[Found]) -> Csv:
    """Give the numbers of curves: what was measured, and what was fitted."""
    header = ("model", "method", "what", "amount", "accuracy", "low", "high")
    rows = [
        (curve["model"], curve["method"], what, one["amount"], one["value"], one["low"], one["high"])
        for curve in curves
        for what, listed in (("measured", curve["points"]), ("fitted", curve.get("drawn", ())))
        for one in listed
    ]
    return Csv(name, header, tuple(rows))


def slopes_table(curves: Sequence[Found], caption: str, unit: str) -> Table:
    """Put what curves say on one line each."""
    columns = (
        "base", "method", f"{unit}", "a doubling brings", "at the large end", "bend", "form", "ceiling, %",
        "twice as many",
    )  # fmt: skip
    rows = tuple(_slope_row(curve) for curve in curves)
    note = (
        "The last column foretells what would be measured with twice as many, with a prediction interval. "
        "A ceiling is the end of the best saturating form; where its interval is wide, the data do not "
        "tell it."
    )
    return Table(caption, columns, rows, frozenset({0, 1, 5, 6}), note)


def _slope_row(curve: Found) -> tuple[str, ...]:
    amounts = [one["amount"] for one in curve["points"]]
    bend, ceiling = curve.get("bend"), curve.get("ceiling")
    if bend is None:
        turned = "too few amounts"
    elif bend["seen"]:
        turned = f"at {short(bend['at']['value'])}: {points(bend['before'])}, then {points(bend['after'])}"
    else:
        turned = "none seen"
    ahead = percent(next(iter(curve.get("ahead", ())), None))
    return (
        visible(curve["model"]), visible(curve["method"]), f"{short(amounts[0])} to {short(amounts[-1])}",
        points(curve.get("slope")), points(curve.get("last_slope")), turned, curve.get("chosen", ""),
        percent(ceiling), ahead,
    )  # fmt: skip
