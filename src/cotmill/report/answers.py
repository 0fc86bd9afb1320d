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
import pyarrow.parquet as pq
from jaxtyping import Bool, Float, Shaped

from cotmill.report.intervals import Interval, mean_interval, share_interval
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


def answers(run: LoadedRun, cell: Cell) -> Answers | None:
    """Read a cell's answers; None where the Run has not kept them."""
    step = run.step(cell, "evaluate")
    path = step.find(FILE) if step else None
    if path is None:
        return None
    schema = pq.read_schema(path)
    layout = _layout(schema)
    score = "verdict" if "verdict" in schema.names else "rouge_l"
    groups = [name for name in layout.get("groups", ()) if name in schema.names]
    unit = layout.get("cluster") or "row_id"
    wanted = dict.fromkeys(
        name for name in ("row_id", unit, score, layout.get("base"), *groups) if name in schema.names
    )
    if not {"row_id", score} <= set(wanted):
        return None
    table = pq.read_table(path, columns=list(wanted))
    if layout.get("base") in table.column_names:
        table = table.filter(pa.array([not base for base in table[layout["base"]].to_pylist()]))
    raw = table[score].to_pylist()
    values = np.array([value == "correct" for value in raw] if score == "verdict" else raw, dtype=float)
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


def crossed(found: Sequence[Mapping[str, float]]) -> Interval | None:
    """Mean and interval over seeds and units, when all seeds have the same units; else over the seeds."""
    if not found or not all(found):
        return None
    if any(one.keys() != found[0].keys() for one in found):
        means = np.array([float(np.mean(list(one.values()))) for one in found])
        wide = mean_interval(means)
        return Interval(wide.mean, max(0.0, wide.low), min(1.0, wide.high))
    return share_interval(np.array([[one[unit] for unit in found[0]] for one in found], dtype=float))
