"""Every other measure that an evaluation left: strict accuracy, missing answers, lengths, whatever it has."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import numpy as np

from cotmill.report.answers import answers, crossed
from cotmill.report.intervals import Interval, mean_interval
from cotmill.report.parts import Table
from cotmill.report.read import Cell, LoadedRun
from cotmill.report.text import joined, signed, visible

SHOWN_ELSEWHERE = frozenset((
    "n", "items", "correct", "accuracy", "rouge_l", "low", "high", "rows", "train_steps", "train_tokens",
    "loss",
))  # fmt: skip
"""Columns of the results that other tables show, or that are no result."""

SHARES: Mapping[str, tuple[str, object]] = {
    "strict": ("strict", True),
    "no_answer": ("verdict", "unparsed"),
    "timeout": ("verdict", "timeout"),
    "truncated": ("finish_reason", "length"),
}
"""Measures that are shares of answers: the column of the items and the value that counts."""


def other_table(run: LoadedRun, test: str) -> Table | None:
    """Tabulate what no other table shows, one column a measure."""
    cells = [cell for cell in run.cells if cell.test == test]
    names = sorted({name for cell in cells for name in cell.metrics} - SHOWN_ELSEWHERE)
    zero = [name for name in names if not any(cell.metrics.get(name) for cell in cells)]
    shown = [name for name in names if name not in zero]
    arms = {variant: run.of(variant, test) for variant in run.variants if run.of(variant, test)}
    if not shown:
        return None
    columns = {name: _column(run, arms, name) for name in shown}
    rows = tuple(
        (visible(variant), str(len(found)), *(columns[name][variant] for name in shown))
        for variant, found in arms.items()
    )
    note = (
        "Means over seeds; in brackets 95 % intervals: of shares over items and seeds, else over the seeds."
    )
    if zero:
        note += f" Zero everywhere: {joined([_plain(name) for name in zero])}."
    head = (f"{_plain(name)}, %" if name in SHARES else _plain(name) for name in shown)
    return Table(f"Other measures on {visible(test)}", ("Arm", "Seeds", *head), rows, note=note)


def _plain(name: str) -> str:
    return visible(name.replace("_", " "))


def _column(run: LoadedRun, arms: Mapping[str, Sequence[Cell]], name: str) -> dict[str, str]:
    """Write one measure of every arm."""
    intervals: Mapping[str, Interval] = {}
    if name in SHARES:
        read = {arm: [answers(run, cell, SHARES[name]) for cell in cells] for arm, cells in arms.items()}
        intervals = crossed(
            {arm: [one.by_unit() if one else {} for one in found] for arm, found in read.items()}
        )
    return {arm: _measured(cells, name, intervals.get(arm)) for arm, cells in arms.items()}


def _measured(cells: Sequence[Cell], name: str, interval: Interval | None) -> str:
    values = [cell.metrics[name] for cell in cells if math.isfinite(cell.metrics.get(name, math.nan))]
    if not values:
        return "–"
    factor, found = (
        (100, interval) if interval else (100 if name in SHARES else 1, mean_interval(np.array(values)))
    )
    mean = _short(factor * float(np.mean(values)))
    if not math.isfinite(found.low):
        return mean
    return f"{mean} [{_short(factor * found.low)}\u00a0to\u00a0{_short(factor * found.high)}]"


def _short(value: float) -> str:
    return signed(value, 1 if abs(value) >= 1 or value == 0 else 2).lstrip("+")
