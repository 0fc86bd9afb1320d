"""What the models of a Run rely on, and whether a shift towards the question goes with a gain."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from cotmill.core.checked import read_table
from cotmill.measure.dependency.shift import correlations, shifts
from cotmill.measure.dependency.summary import ALL
from cotmill.recipe.steps.places import CONFLICT, INFLUENCE

PROBE, GRID = "probe", "grid."
Row = Mapping[str, Any]


def reliance_of(folder: Path) -> dict[str, float | None]:
    """Read the main numbers of one probe.

    `question_share`: the share of all influence that comes from the question. `…_influence`: how often an
    alteration of that source changed a later prediction. `follows_given`, `follows_result`: how often the
    question is followed when the steps before were altered; None where no row allows it.
    """
    found: dict[str, float | None] = {"question_share": 0.0}
    for row in read_table(folder / INFLUENCE).to_pylist():
        if row["distance"] == ALL and row["source"] != ALL:
            found[f"{row['source'].replace(' ', '_')}_influence"] = row["influence"]
            if row["source"] == "question":
                found["question_share"] = row["share"]
    for row in read_table(folder / CONFLICT).to_pylist():
        if row["altered"] == "steps":
            found[f"follows_{row['kind']}"] = row["follows"]
    return found


def shifts_of(results: Iterable[Row], probes: Iterable[Row], against: str | None) -> list[dict[str, Any]]:
    """Correlate, over trainings, the shift against the plain arm with the gain in accuracy; by test."""
    shares = {row[PROBE]: row["question_share"] for row in probes}
    told = [
        {**row, "point": _point(row), "question_share": shares[row[PROBE]]}
        for row in results
        if row.get("train") and row.get(PROBE) in shares and row.get("accuracy") is not None
    ]
    paired = [] if against is None else list(shifts(told, against))
    found = correlations(paired) if paired else []
    return [{name: _known(value) for name, value in row.items()} for row in found]


def _known(value: Any) -> Any:
    """Write None for a number that there is none of: where nothing varies, nothing correlates."""
    return None if isinstance(value, float) and not math.isfinite(value) else value


def _point(row: Row) -> str:
    """Name the grid point of a result."""
    return ", ".join(f"{name.removeprefix(GRID)} {row[name]}" for name in row if name.startswith(GRID))
