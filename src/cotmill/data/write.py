"""Write a Pool as it streams by: Parquet shards whose columns agree in the end, whatever came when.

A column that was whole numbers in the first million rows may hold words in the next. Each shard is
written with the types it has; at the end the shards that differ from the common type are written
again. Numbers of several kinds become floats where that loses nothing; all other conflicts become text.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import pyarrow as pa

from cotmill.core.checked import read_table, write_table
from cotmill.core.files import write_checked_json
from cotmill.data.identity import Fingerprint
from cotmill.data.pool import MANIFEST, SHARD_ROWS, Pool, manifest_of, shard_name
from cotmill.data.rejects import RejectLog, Rejects
from cotmill.data.scratch import Scratch
from cotmill.data.table import as_text
from cotmill.data.types import FIXED


class PoolWriter:
    """Takes tables in order and ends as a Pool: in `folder`, or in memory as long as it is small."""

    def __init__(self, folder: Path | None, *, shard_rows: int = SHARD_ROWS) -> None:
        """Write into this folder; without one, into a temporary folder once there is much."""
        self._shard_rows = shard_rows
        self._scratch = None if folder else Scratch()
        self._folder = folder
        self._waiting: list[pa.Table] = []
        self._waiting_rows = self.rows = 0
        self._shards: list[pa.Schema] = []
        self._fingerprint = Fingerprint()
        self.promoted: Counter[str] = Counter()
        """Values that became text because the types of their column conflict, by column."""

    def place(self) -> Path:
        """Return the folder that is written to."""
        return self._folder or self._scratch.path()  # type: ignore[union-attr]

    def add(self, table: pa.Table) -> None:
        """Take the next rows."""
        self._fingerprint.add(table)
        self._waiting.append(table)
        self._waiting_rows += len(table)
        self.rows += len(table)
        if self._waiting_rows >= self._shard_rows:
            self._flush()

    def finish(self, log: RejectLog, about: Mapping[str, Any]) -> Pool:
        """Bring all shards to common types, write the manifest, and open the Pool."""
        rejects = Rejects(log.count, dict(log.reasons), log.path)
        if self._folder is None and not self._shards:
            table = self._joined(self._waiting)
            keep = self._scratch if log.count else None
            known = {**about, "promoted": dict(self.promoted)}
            return Pool(table, schema=table.schema, rows=len(table), rejects=rejects, about=known, keep=keep)
        if self._waiting or not self._shards:
            self._flush()
        schema = self._agree()
        files = [shard_name(number) for number in range(len(self._shards))]
        manifest = manifest_of(str(self._fingerprint), self.rows, schema.names, files)
        file = log.path.name if log.path else None
        manifest["rejects"] = {"count": log.count, "reasons": dict(log.reasons), "file": file}
        manifest["about"] = {**about, "promoted": dict(self.promoted)}
        write_checked_json(self.place() / MANIFEST, manifest)
        return Pool.open(self.place(), keep=self._scratch)

    def _flush(self) -> None:
        """Write what waits as one shard."""
        table = self._joined(self._waiting)
        write_table(table, self.place() / shard_name(len(self._shards)))
        self._shards.append(table.schema)
        self._waiting, self._waiting_rows = [], 0

    def _joined(self, tables: list[pa.Table]) -> pa.Table:
        """Join tables whose columns may differ."""
        schema = common_schema(table.schema for table in tables)
        return (
            pa.concat_tables([self._cast(table, schema) for table in tables])
            if tables
            else schema.empty_table()
        )

    def _agree(self) -> pa.Schema:
        """Write those shards again whose columns differ from the common ones."""
        schema = common_schema(self._shards)
        for number, own in enumerate(self._shards):
            if own != schema:
                path = self.place() / shard_name(number)
                table = self._cast(read_table(path), schema)
                write_table(table, path)
        return schema

    def _cast(self, table: pa.Table, schema: pa.Schema) -> pa.Table:
        """Give a table the common columns."""
        if table.schema == schema:
            return table
        columns = []
        for field in schema:
            if field.name not in table.column_names:
                columns.append(pa.nulls(len(table), field.type))
                continue
            column = table.column(field.name)
            if column.type != field.type and pa.types.is_string(field.type):
                self.promoted[field.name] += len(column) - column.null_count
                columns.append(pa.array([as_text(value) for value in column.to_pylist()], pa.string()))
            else:
                columns.append(column.cast(field.type, safe=False))
        return pa.Table.from_arrays(columns, schema=schema)


def common_schema(schemas: Iterable[pa.Schema]) -> pa.Schema:
    """Find one type for every column of several tables; the fixed columns come first."""
    types: dict[str, list[pa.DataType]] = {}
    for schema in schemas:
        for field in schema:
            types.setdefault(field.name, []).append(field.type)
    own = [pa.field(name, _common(found)) for name, found in types.items() if name not in FIXED.names]
    return pa.schema([*FIXED, *own])


def _common(types: Iterable[pa.DataType]) -> pa.DataType:
    """Find a type that holds the values of all these types."""
    distinct = list(dict.fromkeys(kind for kind in types if not pa.types.is_null(kind)))
    if len(distinct) == 1:
        return distinct[0]
    if pa.uint64() in distinct:
        return pa.string()  # neither signed nor decimal numbers hold all of its values
    if distinct and all(pa.types.is_integer(kind) for kind in distinct):
        return pa.int64()
    if distinct and all(pa.types.is_integer(kind) or pa.types.is_floating(kind) for kind in distinct):
        return pa.float64()
    return pa.string()
