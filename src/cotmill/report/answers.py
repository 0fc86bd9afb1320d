"""Answers to a test, as numbers: right or wrong (or a text score) by question, with what they are grouped by.

The table of items says in its metadata how it is to be read: which columns are groups, which rows belong
together (variations of one question), and which are base questions that stay out of the headline numbers.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
from jaxtyping import Bool, Float, Shaped

from cotmill.core.checked import read_schema, read_table
from cotmill.report.intervals import Interval, mean_interval, share_intervals
from cotmill.report.read import Cell, LoadedRun, Step

FILE = "items.parquet"
META = b"cotmill_items"
MEASURES = {"accuracy": "accuracy", "rouge_l": "ROUGE-L"}
"""What a test may be scored by: the name in the results, and the name to show."""


@dataclass(frozen=True, eq=False)
class Answers:
    """One cell's results: a value an answer, and the unit (question or family) it belongs to."""

    units: Shaped[np.ndarray, " row"]
    values: Float[np.ndarray, " row"]
    groups: Mapping[str, Shaped[np.ndarray, " row"]]

    def by_unit(self, kept: Bool[np.ndarray, " row"] | None = None) -> dict[str, float]:
        """Mean by unit, of all answers or of some."""
        units = self.units if kept is None else self.units[kept]
        values = self.values if kept is None else self.values[kept]
        names, place = np.unique(units, return_inverse=True)
        means = np.bincount(place, weights=values) / np.maximum(1, np.bincount(place))
        return dict(zip(names.tolist(), means.tolist(), strict=True))


def answers(run: LoadedRun, cell: Cell, mark: tuple[str, object] | None = None) -> Answers | None:
    """Read a cell's answers; None where the Run has not kept them.

    Args:
        run: the Run.
        cell: one of its cells.
        mark: a column and the value that counts as one; not given: the verdict "correct", or the text score.
    """
    step = run.step(cell, "evaluate")
    path = step.find(FILE) if step else None
    if path is None:
        return None
    schema = read_schema(path)
    layout = _layout(schema)
    if mark is None and "verdict" in schema.names:
        mark = ("verdict", "correct")
    score = mark[0] if mark else "rouge_l"
    if not {"row_id", score} <= set(schema.names):
        return None
    groups = [name for name in layout.get("groups", ()) if name in schema.names]
    unit = layout.get("cluster") or "row_id"
    wanted = ("row_id", unit, score, layout.get("base"), *groups)
    table = read_table(
        path, columns=list(dict.fromkeys(str(name) for name in wanted if name in schema.names))
    )
    if layout.get("base") in table.column_names:
        table = table.filter(pa.array([not base for base in table[layout["base"]].to_pylist()]))
    raw = table[score].to_pylist()
    values = np.array([value == mark[1] for value in raw] if mark else raw, dtype=float)
    return Answers(_texts(table, unit), values, {name: _texts(table, name) for name in groups})


def _layout(schema: pa.Schema) -> Mapping[str, Any]:
    raw = (schema.metadata or {}).get(META)
    return json.loads(raw) if raw else {}


def _texts(table: pa.Table, name: str) -> Shaped[np.ndarray, " row"]:
    values = table[name if name in table.column_names else "row_id"].to_pylist()
    return np.array(["" if value is None else str(value) for value in values], dtype=object).astype(str)


def verdicts(step: Step | None) -> dict[tuple[str, int], bool | None]:
    """Right or wrong by question and sample, in the table's order; None where outputs are only scored."""
    table = step.table(FILE, ("row_id", "sample", "verdict")) if step else None
    if table is None or "row_id" not in table.column_names:
        return {}
    ids = table["row_id"].to_pylist()
    samples = table["sample"].to_pylist() if "sample" in table.column_names else [0] * len(ids)
    raw = table["verdict"].to_pylist() if "verdict" in table.column_names else [None] * len(ids)
    right = (None if verdict is None else verdict == "correct" for verdict in raw)
    return dict(zip(zip(ids, samples, strict=True), right, strict=True))


def measure_of(run: LoadedRun, test: str) -> str | None:
    """Say what a test is scored by."""
    have = {name for cell in run.cells if cell.test == test for name in cell.metrics}
    return next((name for name in MEASURES if name in have), None)


def crossed(arms: Mapping[str, Sequence[Mapping[str, float]]]) -> dict[str, Interval]:
    """Mean and interval of each arm over its seeds and units; an arm without answers is left out.

    Where all seeds of an arm have the same units they are crossed, and arms of one shape are pooled in what
    they say about spread; else the interval is over the seeds alone.
    """
    tables = {name: _table(seeds) for name, seeds in arms.items() if seeds and all(seeds)}
    found: dict[str, Interval] = {}
    for shape in {table.shape for table in tables.values() if table is not None}:
        alike = {name: table for name, table in tables.items() if table is not None and table.shape == shape}
        found |= dict(zip(alike, share_intervals(list(alike.values())), strict=True))
    for name, table in tables.items():
        if table is None:
            wide = mean_interval(np.array([float(np.mean(list(seed.values()))) for seed in arms[name]]))
            found[name] = Interval(wide.mean, max(0.0, wide.low), min(1.0, wide.high))
    return found


def _table(seeds: Sequence[Mapping[str, float]]) -> Float[np.ndarray, "seed unit"] | None:
    """Put the seeds of an arm into a table; None when they did not answer the same units."""
    if any(one.keys() != seeds[0].keys() for one in seeds):
        return None
    return np.array([[one[unit] for unit in seeds[0]] for one in seeds], dtype=float)
