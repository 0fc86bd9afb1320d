"""The figures of the dependency probe: influence by distance and source, and whom a model follows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import pyarrow as pa

from cotmill.report.draw import DASHES, Curve, Whisker, points_with_whiskers, rows_height, whiskers
from cotmill.report.intervals import Interval
from cotmill.report.svg import drawing, standalone

SOURCES = ("question", "earlier line")
SIDES = {"nothing": "no conflict", "steps": "step altered", "question": "question altered"}


def influence_figure(summary: pa.Table, models: Sequence[str]) -> str:
    """Draw how often an alteration changed a prediction, over distance, one curve per model and source."""
    rows = summary.to_pylist()
    curves = []
    for place, model in enumerate(models):
        for number, source in enumerate(SOURCES):
            found = [row for row in rows if row["model"] == model and row["source"] == source]
            found = [row for row in found if row["distance"] != "all"]
            if found:
                name = f"{model}: {source}"
                curves.append(_curve(name, found, f"c{place + 1}", DASHES[number]))

    def draw(ax: Any) -> None:
        points_with_whiskers(
            ax,
            curves,
            across="distance in tokens, at least",
            label="% of alterations that change a prediction",
        )
        ax.legend(*_legend(curves, ax), frameon=False, fontsize=7)

    title = "Influence of a number on later predictions, by distance and source"
    about = "; ".join(
        f"{curve.name}: " + ", ".join(f"{x:.0f} tokens {y:.1f} %" for x, y in _points(curve))
        for curve in curves
    )
    return standalone(drawing("influence", title, about, 2.9, draw))


def _curve(name: str, rows: Sequence[Mapping[str, Any]], colour: str, dashes: str) -> Curve:
    """Make a curve of the bins, each at the distance at which it begins."""
    mean, low, high = (
        tuple(100 * row[key] for row in rows) for key in ("influence", "influence_low", "influence_high")
    )
    x = tuple(float(row["distance"].partition("-")[0].rstrip("+")) for row in rows)
    return Curve(name, x, mean, low, high, colour, dashes)


def _points(curve: Curve) -> list[tuple[float, float]]:
    """Give a curve point by point."""
    return list(zip(curve.x, curve.y, strict=True))


def _legend(curves: Sequence[Curve], ax: Any) -> tuple[list[Any], list[str]]:
    """Name the curves, in the order in which they were drawn."""
    return list(ax.get_lines()[: len(curves)]), [curve.name for curve in curves]


def conflict_figure(summary: pa.Table, models: Sequence[str]) -> str:
    """Draw how often each model follows the question, by what was altered."""
    rows = [
        Whisker(
            f"{row['model']}, {row['kind']}: {SIDES[row['altered']]}",
            Interval(*(100 * row[key] for key in ("follows", "follows_low", "follows_high"))),
            f"{100 * row['follows']:.0f} % of {row['items']:,}",
            colour=f"c{models.index(row['model']) + 1}",
        )
        for row in summary.to_pylist()
        if row["model"] in models
    ]
    title = "Question and earlier step disagree: share that follows the question"
    about = "; ".join(f"{row.name}: {row.written}" for row in rows)

    def draw(ax: Any) -> None:
        whiskers(ax, rows, label="% that follow the question")

    return standalone(drawing("conflict", title, about, rows_height(len(rows)), draw))
