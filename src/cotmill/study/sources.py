"""Settings from whatever a person has: Run folders, tables, or the name of a shipped table."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from cotmill.core.errors import DataError
from cotmill.core.files import read_json
from cotmill.study.points import Point
from cotmill.study.runs import read_runs
from cotmill.study.table import find_table, read_table


def read_sources(sources: Sequence[str | Path], facts: Path | None = None) -> list[Point]:
    """Read all sources, Runs together, and add what is told about bases.

    Raises:
        DataError: a source is neither a Run nor a table, or the facts are no JSON of the expected form.
    """
    folders = [Path(one) for one in sources if Path(one).is_dir()]
    tables = [one for one in sources if not Path(one).is_dir()]
    points = [*read_runs(folders), *(point for one in tables for point in read_table(find_table(one)))]
    return points if facts is None else [_told(point, _facts(facts)) for point in points]


def _facts(path: Path) -> dict[str, dict[str, float]]:
    try:
        told = read_json(path)
        return {str(model): {str(k): float(v) for k, v in known.items()} for model, known in told.items()}
    except (OSError, ValueError, TypeError, AttributeError) as error:
        raise DataError(
            f'{path} cannot be read: {error}; expected {{"my/base": {{"parameters": 5e8, "loss": 2.1}}}}'
        ) from error


def _told(point: Point, facts: dict[str, dict[str, float]]) -> Point:
    return replace(point, facts={**point.facts, **facts.get(point.model, {})})
