"""Chunk: some raw rows of an input file, column by column, each with its line number."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pyarrow as pa

from cotmill.data.rejects import BadRowError

CHUNK_ROWS = 8192
DEEPEST = 100
"""Objects and lists nested deeper than this are set aside; no data set does it, and parsers recurse."""

Values = pa.Array | list[Any]


@dataclass(frozen=True)
class Chunk:
    """Some rows, column by column, and the line (or row) number of each in its file."""

    columns: Mapping[str, Values]
    lines: Sequence[int]

    def __len__(self) -> int:
        return len(self.lines)

    def row(self, position: int) -> dict[str, Any]:
        """Return one row as a dict."""
        return {name: _value(values[position]) for name, values in self.columns.items()}

    def list_of(self, name: str) -> list[Any]:
        """Return a column as Python values; None throughout when it is not there."""
        values = self.columns.get(name)
        if values is None:
            return [None] * len(self)
        return values if isinstance(values, list) else values.to_pylist()


def _value(value: Any) -> Any:
    return value.as_py() if isinstance(value, pa.Scalar) else value


def chunk_of(rows: Sequence[Mapping[str, Any]], lines: Sequence[int]) -> Chunk:
    """Turn parsed rows into columns, in the order in which names first appear."""
    names = dict.fromkeys(name for row in rows for name in row)
    return Chunk({name: [row.get(name) for row in rows] for name in names}, lines)


def refuse_deep(value: Any) -> None:
    """Refuse a value that is nested more deeply than any data is.

    Raises:
        BadRowError: deeper than `DEEPEST`.
    """
    level = [value]
    for _ in range(DEEPEST):
        level = [item for inner in level if isinstance(inner, dict | list) for item in _items(inner)]
        if not level:
            return
    raise BadRowError("nested too deeply", f"more than {DEEPEST} levels")


def _items(value: dict[str, Any] | list[Any]) -> Any:
    return value.values() if isinstance(value, dict) else value
