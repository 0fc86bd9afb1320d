"""The score of every arm on every test: mean over seeds, with an interval over items and seeds."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from cotmill.report.intervals import Interval, mean_interval, share_interval, wilson
from cotmill.report.read import Cell, LoadedRun


@dataclass(frozen=True)
class Score:
    """One arm on one test: its mean with interval, and what that rests on."""

    variant: str
    test: str
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
    cells = [cell for cell in run.of(variant, test) if "accuracy" in cell.metrics]
    if not cells:
        return None
    outcomes = [_outcomes(run, cell) for cell in cells]
    by_seed = tuple(cell.metrics["accuracy"] for cell in cells)
    items = int(cells[0].metrics.get("n", 0))
    rows = [cell.metrics["rows"] for cell in cells if "rows" in cell.metrics]
    interval = _interval(outcomes, by_seed, items)
    mean_rows = float(np.mean(rows)) if rows else None
    return Score(variant, test, interval, items, tuple(cell.seed for cell in cells), by_seed, mean_rows)


def _outcomes(run: LoadedRun, cell: Cell) -> Mapping[str, float]:
    """Share of right answers by question, where the Run has kept the items."""
    step = run.step(cell, "evaluate")
    table = step.table("items.parquet", ("row_id", "verdict")) if step else None
    if table is None or table.num_columns < 2:
        return {}
    found: dict[str, list[bool]] = {}
    for row, verdict in zip(table["row_id"].to_pylist(), table["verdict"].to_pylist(), strict=True):
        found.setdefault(row, []).append(verdict == "correct")
    return {row: sum(right) / len(right) for row, right in found.items()}


def _interval(outcomes: Sequence[Mapping[str, float]], by_seed: Sequence[float], items: int) -> Interval:
    """Interval over items and seeds; when seeds answered different items, over the seeds alone."""
    ids = list(outcomes[0])
    if ids and all(one.keys() == outcomes[0].keys() for one in outcomes):
        return share_interval(np.array([[one[row] for row in ids] for one in outcomes], dtype=float))
    if len(by_seed) == 1:
        return wilson(by_seed[0], items)
    found = mean_interval(np.array(by_seed))
    return Interval(found.mean, max(0.0, found.low), min(1.0, found.high))


def colour_of(run: LoadedRun, variant: str) -> str:
    """Give an arm its colour; the one compared to has the ink's grey."""
    if variant.partition(" [")[0] == run.compare_to:
        return "muted"
    others = [name for name in run.variants if name.partition(" [")[0] != run.compare_to]
    return f"c{others.index(variant) % 8 + 1}"


def scaled(interval: Interval) -> Interval:
    """Write an interval of shares in percent."""
    return Interval(100 * interval.mean, 100 * interval.low, 100 * interval.high)
