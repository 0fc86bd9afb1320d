"""What the models rely on: their numbers were altered one by one, and some were told two things at odds.

Reads `probes.parquet` and `shifts.json` of a Run. A model is one value; intervals are over seeds, and the
differences to the arm that is compared to are taken seed by seed.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

import numpy as np

from cotmill.report import draw
from cotmill.report.intervals import Interval, mean_interval
from cotmill.report.parts import Csv, Figure, Panel, Section, Table
from cotmill.report.read import LoadedRun, grid_of, variant_name
from cotmill.report.scores import scaled
from cotmill.report.svg import drawing
from cotmill.report.text import count, percent, points, visible

SHARE = "question_share"
SHOWN = {
    SHARE: "Influence that comes from the question",
    "question_influence": "Changed by an altered question",
    "earlier_line_influence": "Changed by an altered earlier line",
    "follows_given": "Follows the question about a given number",
    "follows_result": "Follows the question about a result",
}
_HOW = (
    "Every number of a worked solution and of its question was altered in turn, to see which later "
    "predictions change, and from where. “Follows the question”: an earlier step was altered so that it "
    "disagrees with the question; how often does the next step agree with the question? Means over seeds "
    "with 95 % intervals."
)


def reliance_section(run: LoadedRun, prefix: str) -> Section | None:
    """Build the section on the probe; only a Run whose recipe has one has it."""
    values = _values(run)
    if not values:
        return None
    tables = [_table(run, values)]
    if run.shifts:
        tables.append(_shifts(run))
    return Section("reliance", "What the models rely on", (_HOW,), (_figure(values, prefix),), tuple(tables))


def _values(run: LoadedRun) -> dict[str, dict[int, Mapping[str, Any]]]:
    """Sort the probes by variant and seed, in the order of the Run; equal models count once."""
    found: dict[str, dict[int, Mapping[str, Any]]] = {variant: {} for variant in run.variants}
    for row in run.probes:
        found.setdefault(variant_name(row["arm"], grid_of(row)), {})[row["seed"]] = row
    return {variant: by_seed for variant, by_seed in found.items() if by_seed}


def _mean(by_seed: Mapping[int, Mapping[str, Any]], name: str) -> Interval | None:
    """Mean over the models; a base that was not trained is one model, whatever the seeds."""
    models = {row["probe"]: row[name] for row in by_seed.values() if row.get(name) is not None}
    return mean_interval(np.array(list(models.values()), dtype=float)) if models else None


def _table(run: LoadedRun, values: Mapping[str, Mapping[int, Mapping[str, Any]]]) -> Table:
    rows = tuple(
        (
            visible(variant), *(_written(_mean(by_seed, name)) for name in SHOWN),
            _difference(run, values, variant), count(len({row["probe"] for row in by_seed.values()})),
        )
        for variant, by_seed in values.items()
    )  # fmt: skip
    against = f"Share against {visible(run.compare_to)}, points" if run.compare_to else "Share against"
    return Table("What the models rely on", ("Arm", *SHOWN.values(), against, "Models"), rows)


def _difference(run: LoadedRun, values: Mapping[str, Mapping[int, Mapping[str, Any]]], variant: str) -> str:
    """Write the shift of the share against the plain arm at the same grid point, seed by seed."""
    arm, grid = run.points[variant]
    plain = values.get(variant_name(run.compare_to or "", grid))
    if plain is None or arm == run.compare_to:
        return ""
    both = [seed for seed in values[variant] if seed in plain]
    apart = [values[variant][seed][SHARE] - plain[seed][SHARE] for seed in both]
    if not apart:
        return ""
    found = mean_interval(np.array(apart))
    if not np.isfinite(found.low):
        return points(found.mean)
    return f"{points(found.mean)} ({points(found.low)} to {points(found.high)})"


def _written(found: Interval | None) -> str:
    if found is None:
        return "no such row"
    if not np.isfinite(found.low):
        return percent(found.mean)
    return f"{percent(found.mean)} ({percent(max(0.0, found.low))} to {percent(min(1.0, found.high))})"


def _shifts(run: LoadedRun) -> Table:
    rows = tuple(
        (
            visible(row["test"]), count(row["trainings"]),
            points(row["mean_shift"]), points(row["mean_gain"]), _correlation(row),
        )
        for row in run.shifts
    )  # fmt: skip
    return Table(
        "Does a shift towards the question go with a gain in accuracy?",
        ("Test", "Trainings", "Mean shift, points", "Mean gain, points", "Correlation"),
        rows,
        note=f"Every training against that of {visible(run.compare_to or '')} with its seed and grid point; "
        "intervals over seeds.",
    )


def _correlation(row: Mapping[str, Any]) -> str:
    if row["correlation"] is None:
        return "none: nothing varies"
    if row["low"] is None:
        return f"{row['correlation']:.2f}"
    return f"{row['correlation']:.2f} ({row['low']:.2f} to {row['high']:.2f})"


def _figure(values: Mapping[str, Mapping[int, Mapping[str, Any]]], prefix: str) -> Figure:
    found = {variant: _mean(by_seed, SHARE) for variant, by_seed in values.items()}
    known: Sequence[tuple[str, Interval]] = [(name, one) for name, one in found.items() if one is not None]
    rows = [draw.Whisker(visible(name), scaled(_drawn(one)), percent(one.mean)) for name, one in known]
    about = "; ".join(f"{visible(name)}: {_written(one)}" for name, one in known)
    paint = partial(draw.whiskers, rows=rows, label="% of all influence that comes from the question")
    svg = drawing(
        f"{prefix}-reliance", "Influence from the question", about, draw.rows_height(len(rows)), paint
    )
    header = ("arm", "seed", *SHOWN)
    lines = tuple(
        (variant, seed, *(row.get(name) for name in SHOWN))
        for variant, by_seed in values.items()
        for seed, row in sorted(by_seed.items())
    )
    caption = "Share of all influence on later numbers that comes from the question, over seeds."
    return Figure("reliance", caption, (Panel("", svg),), Csv("reliance", header, lines))


def _drawn(one: Interval) -> Interval:
    """Give a mean without an interval one of no width, which can be drawn."""
    return one if np.isfinite(one.low) else Interval(one.mean, one.mean, one.mean)
