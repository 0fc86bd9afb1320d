"""The four drawings of a report: whiskers, curves with whiskers, curves with bands, and stacked bars.

Names stand above their rows and not beside them, so that a drawing keeps its proportions on a telephone.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from cotmill.report.intervals import Interval
from cotmill.report.svg import COLOURS
from cotmill.report.text import clipped

if TYPE_CHECKING:
    from matplotlib.axes import Axes

DASHES: tuple[str, ...] = ("", "5 2", "1.5 1.5", "6 2 1.5 2")
"""Dash patterns, in turn: colour is never the only difference between two curves."""

ROW = 0.33
"""Inches per row of a drawing with whiskers or bars."""

_LONGEST_NAME = 44


@dataclass(frozen=True)
class Whisker:
    """One row: a name, a mean with its interval, the value written out, and the seeds one by one."""

    name: str
    interval: Interval
    written: str
    dots: tuple[float, ...] = ()
    colour: str = "c1"
    hollow: bool = False


@dataclass(frozen=True)
class Curve:
    """A line through points, with an interval or a band at each."""

    name: str
    x: tuple[float, ...]
    y: tuple[float, ...]
    low: tuple[float, ...]
    high: tuple[float, ...]
    colour: str
    dashes: str = ""


@dataclass(frozen=True)
class Bar:
    """One row of shares that add to one."""

    name: str
    shares: tuple[float, ...]
    written: str = ""


def rows_height(rows: int) -> float:
    """Height in inches that whiskers or bars need."""
    return 0.55 + ROW * rows


def whiskers(ax: Axes, rows: Sequence[Whisker], *, label: str, reference: float | None = None) -> None:
    """Draw means with intervals, one below the other; a dashed line marks the reference."""
    if reference is not None:
        ax.axvline(reference, color=COLOURS["muted"], linewidth=0.8, linestyle=(0, (3, 2)))
    for place, row in enumerate(rows):
        y, colour = -place, COLOURS[row.colour]
        _names(ax, y + 0.33, row.name, row.written)
        ends = [max(row.interval.low, -1e9), min(row.interval.high, 1e9)]
        ax.plot(ends, [y, y], color=colour, linewidth=1.6)
        ax.plot(
            row.dots, [y] * len(row.dots), "|", color=colour, markersize=6, markeredgewidth=0.7, alpha=0.6
        )
        face = COLOURS["paper"] if row.hollow else colour
        ax.plot(
            row.interval.mean, y, "o", color=colour, markersize=5, markerfacecolor=face, markeredgewidth=1.3
        )
    _rows_axis(ax, len(rows), label)


def bars(ax: Axes, rows: Sequence[Bar], colours: Sequence[str], *, label: str) -> None:
    """Draw rows of stacked shares."""
    for place, row in enumerate(rows):
        _names(ax, -place + 0.33, row.name, row.written)
        left = 0.0
        for share, colour in zip(row.shares, colours, strict=True):
            ax.barh(
                -place - 0.02, 100 * share, left=left, height=0.36, color=COLOURS[colour],
                edgecolor=COLOURS["paper"], linewidth=0.6,
            )  # fmt: skip
            left += 100 * share
    _rows_axis(ax, len(rows), label)
    ax.set_xlim(0, 100)


def _names(ax: Axes, y: float, name: str, written: str) -> None:
    """Write a row's name at the left edge and its value at the right one."""
    # A strip of paper behind the words keeps grid and reference lines from striking them through.
    place: Any = {
        "transform": ax.get_yaxis_transform(),
        "va": "center",
        "bbox": {"facecolor": COLOURS["paper"], "linewidth": 0, "pad": 0.6},
    }
    ax.text(0, y, clipped(name, _LONGEST_NAME), ha="left", **place)
    if written:
        ax.text(1, y, written, ha="right", color=COLOURS["muted"], **place)


def _rows_axis(ax: Axes, rows: int, label: str) -> None:
    ax.set_ylim(-rows + 0.6, 0.62)
    ax.set_yticks([])
    ax.grid(axis="x")
    ax.set_xlabel(label)
    ax.locator_params(axis="x", nbins=6)


def points_with_whiskers(ax: Axes, curves: Sequence[Curve], *, across: str, label: str) -> None:
    """Draw curves through few points, each with its interval, over a doubling axis."""
    from matplotlib.ticker import NullFormatter, NullLocator

    ticks = sorted({x for curve in curves for x in curve.x})
    for place, plain in enumerate(curves):
        # Curves are set a little apart, so that no interval hides another.
        curve = replace(plain, x=tuple(x * 1.025 ** (place - (len(curves) - 1) / 2) for x in plain.x))
        _line(ax, curve, marker="o")
        ax.vlines(curve.x, curve.low, curve.high, color=COLOURS[curve.colour], linewidth=1.2, alpha=0.75)
    ax.set_xscale("log", base=2)
    shown = _apart(ticks)
    ax.set_xticks(shown, [f"{tick:,.0f}" for tick in shown])
    ax.xaxis.set_minor_locator(NullLocator())
    ax.xaxis.set_minor_formatter(NullFormatter())
    _curves_axis(ax, across, label)


def _apart(ticks: Sequence[float]) -> list[float]:
    """Leave out ticks whose labels would run into one another: a step of at least a fifth of the range."""
    import math

    span = math.log2(ticks[-1] / ticks[0]) if len(ticks) > 1 else 0.0
    kept: list[float] = []
    for tick in ticks:
        if not kept or math.log2(tick / kept[-1]) >= span / 6:
            kept.append(tick)
    return kept


def curves_with_bands(ax: Axes, curves: Sequence[Curve], *, across: str, label: str) -> None:
    """Draw curves through many points, each with a band."""
    for curve in curves:
        ax.fill_between(curve.x, curve.low, curve.high, color=COLOURS[curve.colour], alpha=0.14, linewidth=0)
        _line(ax, curve, marker="")
    _curves_axis(ax, across, label)


def _line(ax: Axes, curve: Curve, *, marker: str) -> None:
    dashes = tuple(float(part) for part in curve.dashes.split())
    style = (0, dashes) if dashes else "solid"
    ax.plot(
        curve.x, curve.y, color=COLOURS[curve.colour], linestyle=style, linewidth=1.4, marker=marker,
        markersize=3.5, markeredgewidth=0,
    )  # fmt: skip


def _curves_axis(ax: Axes, across: str, label: str) -> None:
    ax.grid(axis="y")
    ax.set_xlabel(across)
    # The name of the vertical axis stands above it, to be read without turning the head.
    ax.set_title(label, loc="left", color=COLOURS["muted"])
    ax.locator_params(axis="y", nbins=6)
    ax.margins(x=0.03)
