"""Points with whiskers and the curves that were fitted to them: the drawing of every scaling law."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from cotmill.report.svg import COLOURS

if TYPE_CHECKING:
    from matplotlib.axes import Axes


@dataclass(frozen=True)
class Series:
    """Points (x, y, low, high), a fitted curve (x, y, low, high), and how they look."""

    name: str
    colour: str
    points: tuple[tuple[float, float, float, float], ...]
    curve: tuple[tuple[float, float, float, float], ...] = ()
    dashes: str = ""


@dataclass(frozen=True)
class Axis:
    """What an axis says, and whether each step of it is a doubling."""

    label: str
    doubling: bool = False
    reverse: bool = False


def scatter(
    ax: Axes,
    series: Sequence[Series],
    *,
    across: Axis,
    label: str,
    diagonal: bool = False,
    level: float | None = None,
) -> None:
    """Draw points over their fitted curves.

    Args:
        ax: where.
        series: what.
        across: the horizontal axis.
        label: the vertical axis, written above it.
        diagonal: draw the line on which both axes agree.
        level: draw a horizontal line there.
    """
    for one in series:
        _curve(ax, one)
        x, y, low, high = zip(*one.points, strict=True) if one.points else ((), (), (), ())
        ax.vlines(x, low, high, color=COLOURS[one.colour], linewidth=0.9, alpha=0.7)
        ax.plot(x, y, "o", color=COLOURS[one.colour], markersize=3.4, markeredgewidth=0)
    if diagonal:
        ends = [point[n] for one in series for point in one.points for n in (0, 1)]
        ax.plot([min(ends), max(ends)], [min(ends), max(ends)], color=COLOURS["muted"], linewidth=0.8)
    if level is not None:
        ax.axhline(level, color=COLOURS["muted"], linewidth=0.8, linestyle=(0, (3, 2)))
    _axes(ax, series, across, label)


def _curve(ax: Axes, one: Series) -> None:
    if not one.curve:
        return
    x, y, low, high = zip(*one.curve, strict=True)
    dashes = tuple(float(part) for part in one.dashes.split())
    ax.fill_between(x, low, high, color=COLOURS[one.colour], alpha=0.1, linewidth=0)
    ax.plot(x, y, color=COLOURS[one.colour], linewidth=1.3, linestyle=(0, dashes) if dashes else "solid")


def _axes(ax: Axes, series: Sequence[Series], across: Axis, label: str) -> None:
    from matplotlib.ticker import FuncFormatter, NullFormatter, NullLocator

    ax.grid(axis="y")
    if across.doubling:
        ax.set_xscale("log", base=2)
        ax.xaxis.set_major_formatter(FuncFormatter(lambda value, _: short(value)))
        ax.xaxis.set_minor_locator(NullLocator())
        ax.xaxis.set_minor_formatter(NullFormatter())
        places = sorted({point[0] for one in series for point in (*one.points, *one.curve)})
        if len(places) > 1 and places[-1] / places[0] < 4:
            ax.set_xticks([places[0], places[-1]])
    else:
        ax.locator_params(axis="x", nbins=6)
    if across.reverse:
        ax.invert_xaxis()
    ax.set_xlabel(across.label)
    ax.set_title(label, loc="left", color=COLOURS["muted"])
    ax.locator_params(axis="y", nbins=6)
    ax.margins(x=0.04)


def short(value: float) -> str:
    """Write an amount in three digits.

    >>> short(7473.0), short(1.3e10), short(2.5), short(4.2e22)
    ('7.47k', '13B', '2.5', '4.2e22')
    """
    if value >= 1e15:
        return f"{value:.2g}".replace("e+", "e")
    for scale, letter in ((1e12, "T"), (1e9, "B"), (1e6, "M"), (1e3, "k")):
        if value >= scale:
            return f"{value / scale:.3g}{letter}"
    return f"{value:.3g}"
