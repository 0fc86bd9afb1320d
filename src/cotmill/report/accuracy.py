"""Accuracy by arm and test, and the differences to the arm compared to."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

from cotmill.report import draw
from cotmill.report.answers import MEASURES, measure_of
from cotmill.report.budget import budget_figure
from cotmill.report.intervals import Interval
from cotmill.report.measures import other_table
from cotmill.report.parts import Csv, Figure, Panel, Section, Table
from cotmill.report.read import LoadedRun
from cotmill.report.scores import Score, colour_of, scaled, scores
from cotmill.report.svg import drawing
from cotmill.report.text import count, joined, percent, points, visible


def accuracy_section(run: LoadedRun, prefix: str) -> Section | None:
    """Build the section on accuracy."""
    found = scores(run)
    figures = []
    if found:
        figures = [
            _accuracy_figure(run, found, prefix),
            _difference_figure(run, prefix),
            budget_figure(run, found, prefix),
        ]
    tables = [
        *(_accuracy_table(run, found, test) for test in run.tests),
        *(other_table(run, test) for test in run.tests),
    ]
    shown = tuple(table for table in tables if table)
    if not found and not shown:
        return None
    title = "Accuracy" if found else "Measures"
    text = (_how(run, found),) if found else ()
    return Section("accuracy", title, text, tuple(figure for figure in figures if figure), shown)


def _how(run: LoadedRun, found: Sequence[Score]) -> str:
    seeds = max(len(one.seeds) for one in found)
    text = "Accuracy is the share of test questions whose final answer the grader accepts. "
    if any(one.measure == "rouge_l" for one in found):
        text += "Where outputs are texts, ROUGE-L against the reference text stands in its place. "
    if seeds == 1:
        return text + "There is one seed, so each interval is Wilson’s over the questions alone."
    methods = sorted({str(one.extra["method"]) for one in run.comparisons if "method" in one.extra})
    text += "Intervals of means hold for new questions and new seeds alike (two-way variance, Wilson’s form)."
    return text + (f" Intervals of differences: {visible('; '.join(methods))}." if methods else "")


def _accuracy_figure(run: LoadedRun, found: Sequence[Score], prefix: str) -> Figure:
    panels = tuple(
        _accuracy_panel(run, test, [one for one in found if one.test == test], f"{prefix}-acc-{place}")
        for place, test in enumerate(run.tests)
        if any(one.test == test for one in found)
    )
    against = f" The dashed line marks “{visible(run.compare_to)}”." if run.compare_to else ""
    caption = f"Accuracy by arm. Dots are means, bars 95 % intervals, ticks the seeds one by one.{against}"
    header = ("arm", "test", "measure", "seed", "n", "value", "mean", "low", "high")
    rows = tuple(
        (
            one.variant,
            one.test,
            one.measure,
            seed,
            one.items,
            value,
            one.interval.mean,
            one.interval.low,
            one.interval.high,
        )
        for one in found
        for seed, value in zip(one.seeds, one.by_seed, strict=True)
    )
    return Figure("accuracy", caption, panels, Csv("accuracy", header, rows))


def _accuracy_panel(run: LoadedRun, test: str, found: Sequence[Score], name: str) -> Panel:
    rows = [
        draw.Whisker(
            one.variant, scaled(one.interval), f"{100 * one.interval.mean:.1f}",
            tuple(100 * value for value in one.by_seed),
            "muted" if colour_of(run, one.variant) == "muted" else "c1",
        )
        for one in found
    ]  # fmt: skip
    base = [100 * one.interval.mean for one in found if one.variant == run.compare_to]
    about = "; ".join(
        f"{one.variant}: {percent(one.interval.mean)}, {_range(one.interval)}, {len(one.seeds)} seeds"
        for one in found
    )
    label = f"{MEASURES[found[0].measure]}, %"
    paint = partial(draw.whiskers, rows=rows, label=label, reference=base[0] if base else None)
    svg = drawing(name, f"{MEASURES[found[0].measure]} on {test}", about, draw.rows_height(len(rows)), paint)
    return Panel(visible(test), svg)


def _points_of(run: LoadedRun, test: str) -> str:
    return f"points of {MEASURES[measure_of(run, test) or 'accuracy']}"


def _range(interval: Interval) -> str:
    return f"{100 * interval.low:.1f}\u00a0to\u00a0{100 * interval.high:.1f}"


def _difference_figure(run: LoadedRun, prefix: str) -> Figure | None:
    if not run.comparisons:
        return None
    panels = []
    for place, test in enumerate(run.tests):
        found = [one for one in run.comparisons if one.test == test]
        rows = [
            draw.Whisker(
                one.variant, scaled(Interval(one.difference, one.low, one.high)), points(one.difference),
                (), ("c3" if one.difference > 0 else "c6") if one.told_apart else "muted", not one.told_apart,
            )
            for one in found
        ]  # fmt: skip
        if rows:
            about = "; ".join(
                f"{one.variant}: {points(one.difference)}, {points(one.low)} to {points(one.high)}"
                for one in found
            )
            paint = partial(draw.whiskers, rows=rows, label=_points_of(run, test), reference=0.0)
            name = f"{prefix}-diff-{place}"
            svg = drawing(name, f"Differences on {test}", about, draw.rows_height(len(rows)), paint)
            panels.append(Panel(visible(test), svg))
    against = joined(sorted({f"“{visible(one.against)}”" for one in run.comparisons}))
    caption = f"Difference to {against}, in points, with 95 % intervals. Hollow: cannot be told apart."
    header = ("arm", "against", "test", "difference", "low", "high", "n_items", "n_seeds")
    rows = tuple(
        (one.variant, one.against, one.test, one.difference, one.low, one.high, one.n_items, one.n_seeds)
        for one in run.comparisons
    )
    return Figure("differences", caption, tuple(panels), Csv("differences", header, rows))


def _accuracy_table(run: LoadedRun, found: Sequence[Score], test: str) -> Table | None:
    against = {one.variant: one for one in run.comparisons if one.test == test}
    rows, strong = [], set()
    for one in (one for one in found if one.test == test):
        compared = against.get(one.variant)
        if one.variant.partition(" [")[0] == run.compare_to:
            strong.add(len(rows))
        rows.append((
            visible(one.variant), count(one.rows) if one.rows else "", count(one.items), str(len(one.seeds)),
            f"{100 * one.interval.mean:.1f}", _range(one.interval),
            points(compared.difference) if compared else "",
            f"{points(compared.low)}\u00a0to\u00a0{points(compared.high)}" if compared else "",
        ))  # fmt: skip
    if not rows:
        return None
    columns = (
        "Arm", "Rows trained on", "n items", "Seeds", "Mean, %", "95 % interval", "Difference, points",
        "95 % interval",
    )  # fmt: skip
    note = f"In bold: “{visible(run.compare_to)}”, which the differences refer to." if strong else ""
    name = MEASURES[measure_of(run, test) or "accuracy"]
    return Table(
        f"{name[0].upper()}{name[1:]} on {visible(test)}",
        columns,
        tuple(rows),
        note=note,
        strong=frozenset(strong),
    )
