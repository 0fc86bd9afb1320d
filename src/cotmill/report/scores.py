"""The score of every arm on every test: mean over seeds, with an interval over items and seeds."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from cotmill.report.answers import answers, crossed, measure_of
from cotmill.report.intervals import Interval, mean_interval, wilson
from cotmill.report.read import Cell, LoadedRun


@dataclass(frozen=True)
class Score:
    """One arm on one test: its mean with interval, and what that rests on."""

    variant: str
    test: str
    measure: str
    """A key of `answers.MEASURES`."""
    interval: Interval
    items: int
    seeds: tuple[int, ...]
    by_seed: tuple[float, ...]
    rows: float | None
    """Rows trained on, the mean over seeds."""


def scores(run: LoadedRun) -> tuple[Score, ...]:
    """Score every arm on every test."""
    return tuple(one for test in run.tests for one in _scores(run, test))


def _scores(run: LoadedRun, test: str) -> Iterator[Score]:
    measure = measure_of(run, test)
    if measure is None:
        return
    cells = {
        variant: [cell for cell in run.of(variant, test) if measure in cell.metrics]
        for variant in run.variants
    }
    read = {variant: [answers(run, cell) for cell in found] for variant, found in cells.items()}
    intervals = crossed(
        {name: [one.by_unit() if one else {} for one in found] for name, found in read.items()}
    )
    for variant, found in cells.items():
        if not found:
            continue
        by_seed = tuple(cell.metrics[measure] for cell in found)
        rows = [cell.metrics["rows"] for cell in found if "rows" in cell.metrics]
        yield Score(
            variant,
            test,
            measure,
            _interval(found, by_seed, intervals.get(variant)),
            int(found[0].metrics.get("n", 0)),
            tuple(cell.seed for cell in found),
            by_seed,
            float(np.mean(rows)) if rows else None,
        )


def _interval(cells: Sequence[Cell], by_seed: Sequence[float], found: Interval | None) -> Interval:
    """Interval around the mean of the results; of one seed it is the evaluation's own."""
    own, mean = cells[0].metrics, float(np.mean(by_seed))
    if len(cells) == 1 and {"low", "high"} <= own.keys():
        return Interval(mean, own["low"], own["high"])
    if found is None:
        found = wilson(mean, own.get("n", 0)) if len(cells) == 1 else mean_interval(np.array(by_seed))
    # Where families of questions differ in size, the mean over families is not quite the mean over answers.
    shift = mean - found.mean
    return Interval(mean, max(0.0, found.low + shift), min(1.0, found.high + shift))


def colour_of(run: LoadedRun, variant: str) -> str:
    """Give an arm its colour; the one compared to has the ink's grey."""
    if variant.partition(" [")[0] == run.compare_to:
        return "muted"
    others = [name for name in run.variants if name.partition(" [")[0] != run.compare_to]
    return f"c{others.index(variant) % 8 + 1}"


def scaled(interval: Interval) -> Interval:
    """Write an interval of shares in percent."""
    return Interval(100 * interval.mean, 100 * interval.low, 100 * interval.high)
