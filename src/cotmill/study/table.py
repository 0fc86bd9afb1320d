"""Settings from a plain table of accuracies: CSV, TSV, JSON lines or Parquet.

One row a setting (or a setting and a seed). Columns: `model`, `method`, `rows`, and `accuracy` (a share) or
`accuracy_percent`; optional `test`, `seed`, `items` (questions of the test), `kind`, and any numbers:
`parameters`, `loss` (of pre-training), `k`, `paths` (distinct paths per question), `flops`, `hours`.
"""

from __future__ import annotations

import csv
import json
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from cotmill.core.errors import DataError
from cotmill.study.points import Point

PUBLISHED = Path(__file__).parent / "published"
WORDS = ("model", "method", "test", "kind")
OWN = (*WORDS, "rows", "accuracy", "accuracy_percent", "items", "seed")


def published() -> tuple[str, ...]:
    """Name the tables that come with cotmill."""
    return tuple(sorted(path.stem for path in PUBLISHED.glob("*.csv")))


def find_table(name: str | Path) -> Path:
    """Find a table by path, or by name among those that come with cotmill.

    Raises:
        DataError: there is none.
    """
    for path in (Path(name), PUBLISHED / f"{name}.csv"):
        if path.is_file():
            return path
    raise DataError(
        f"there is no table {name}; give a CSV, JSONL or Parquet file, or one of: {', '.join(published())}"
    )


def read_table(path: Path) -> list[Point]:
    """Read settings; rows of one setting that differ in their seed become one setting.

    Raises:
        DataError: a column is missing or a value is no number.
    """
    points = [_point(row, f"{path}, row {n}") for n, row in enumerate(_rows(path), start=1)]
    if not points:
        raise DataError(f"{path} has no rows; expected the columns model, method, rows, accuracy")
    return merged(points)


def merged(points: Iterable[Point]) -> list[Point]:
    """Average settings that are there several times, once for each seed."""
    groups: dict[tuple[Any, ...], list[Point]] = {}
    for point in points:
        groups.setdefault((*point.base, point.rows, point.test), []).append(point)
    return [_average(group) for group in groups.values()]


def _average(group: Sequence[Point]) -> Point:
    first = group[0]
    seeds = tuple(sorted({seed for point in group for seed in point.seeds}))
    if len(group) > max(1, len(seeds)):
        raise DataError(
            f"{first.name} is there {len(group)} times; give rows of one setting different values of seed, "
            "or different names of method"
        )
    mean = sum(point.accuracy for point in group) / len(group)
    facts = {
        name: sum(values) / len(values)
        for name in dict.fromkeys(name for point in group for name in point.facts)
        if (values := [point.facts[name] for point in group if name in point.facts])
    }
    if len(group) > 1:
        spread = sum((point.accuracy - mean) ** 2 for point in group) / (len(group) - 1)
        facts["seed_variance"] = spread
    return replace(first, accuracy=mean, facts=facts, seeds=seeds)


def _rows(path: Path) -> list[Mapping[str, Any]]:
    try:
        if path.suffix == ".parquet":
            import pyarrow.parquet as pq

            return list(pq.read_table(path).to_pylist())
        text = path.read_text(encoding="utf-8-sig")
        if path.suffix in (".jsonl", ".ndjson"):
            return [json.loads(line) for line in text.splitlines() if line.strip()]
        lines = [line for line in text.splitlines() if line.strip() and not line.startswith("#")]
        return list(csv.DictReader(lines, delimiter="\t" if path.suffix == ".tsv" else ","))
    except (UnicodeDecodeError, ValueError, OSError) as error:
        raise DataError(f"{path} cannot be read as a table: {error}") from error


def _point(row: Mapping[str, Any], place: str) -> Point:
    for name in ("model", "rows"):
        if row.get(name) in (None, ""):
            raise DataError(f"{place}: {name} is missing; each row needs model, method, rows and accuracy")
    facts = {
        name: _number(value, name, place)
        for name, value in row.items()
        if name and name not in OWN and value not in (None, "") and _numeric(value)
    }
    items, seed = row.get("items"), row.get("seed")
    return Point(
        model=str(row["model"]),
        method=str(row.get("method") or "SFT"),
        rows=_number(row["rows"], "rows", place),
        test=str(row.get("test") or "test"),
        accuracy=_accuracy(row, place),
        items=None if items in (None, "") else int(_number(items, "items", place)),
        facts=facts,
        seeds=() if seed in (None, "") else (int(_number(seed, "seed", place)),),
        kind=str(row.get("kind") or ""),
    )


def _accuracy(row: Mapping[str, Any], place: str) -> float:
    if row.get("accuracy_percent") not in (None, ""):
        value = _number(row["accuracy_percent"], "accuracy_percent", place) / 100
    elif row.get("accuracy") not in (None, ""):
        value = _number(row["accuracy"], "accuracy", place)
    else:
        raise DataError(f"{place}: accuracy is missing; give accuracy (a share) or accuracy_percent")
    if not 0 <= value <= 1:
        raise DataError(
            f"{place}: an accuracy of {value:g} is no share; percentages go into accuracy_percent"
        )
    return value


def _numeric(value: Any) -> bool:
    try:
        float(value)
    except (TypeError, ValueError):
        return False
    return True


def _number(value: Any, name: str, place: str) -> float:
    if not _numeric(value) or not math.isfinite(float(value)):
        raise DataError(f"{place}: {name} is {value!r}, which is no number")
    return float(value)
