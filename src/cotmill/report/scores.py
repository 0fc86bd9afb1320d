"""The score of every arm on every test: mean over seeds, with an interval over items and seeds."""

from __future__ import annotations

from collections.abc import Sequence
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
    made = (_score(run, variant, test) for test in run.tests for variant in run.variants)
    return tuple(one for one in made if one is not None)


def _score(run: LoadedRun, variant: str, test: str) -> Score | None:
    measure = measure_of(run, test)
    cells = [cell for cell in run.of(variant, test) if measure in cell.metrics]
    if not cells or measure is None:
        return None
    by_seed = tuple(cell.metrics[measure] for cell in cells)
    rows = [cell.metrics["rows"] for cell in cells if "rows" in cell.metrics]
    return Score(
        variant,
        test,
        measure,
        _interval(run, cells, by_seed),
        int(cells[0].metrics.get("n", 0)),
        tuple(cell.seed for cell in cells),
        by_seed,
        float(np.mean(rows)) if rows else None,
    )


def _interval(run: LoadedRun, cells: Sequence[Cell], by_seed: Sequence[float]) -> Interval:
    """Interval around the mean of the results; of one seed it is the evaluation's own."""
    own, mean = cells[0].metrics, float(np.mean(by_seed))
    if len(cells) == 1 and {"low", "high"} <= own.keys():
        return Interval(mean, own["low"], own["high"])
    read = [answers(run, cell) for cell in cells]
    found = crossed([one.by_unit() if one else {} for one in read])
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
