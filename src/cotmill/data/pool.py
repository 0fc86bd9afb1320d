"""Pool: an ordered, immutable table of (Example, Trace) rows with a fingerprint.

Either an Arrow table in memory, or Parquet files that are read as a stream. Rows are addressed by
content id, never by position.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
from pyarrow import compute

from cotmill.core.checked import opened, read_schema, read_table, write_table
from cotmill.core.errors import DataError
from cotmill.core.files import folder_aside, read_json, write_checked_json
from cotmill.core.stores import is_address, put
from cotmill.data.identity import Fingerprint
from cotmill.data.rejects import Rejects
from cotmill.data.scratch import Scratch
from cotmill.data.table import messages_of, table_of, table_of_rows
from cotmill.data.types import FIXED, LABEL_PREFIX, Example, Trace

pc: Any = compute
"""Its functions are made at run time, which type checkers cannot see."""

MANIFEST = "pool.json"
SCHEMA_VERSION = 1
SHARD_ROWS = 131_072
"""Rows in a Parquet file: about 70 MB of GSM8K text before compression."""
BATCH_ROWS = 8_192


class Pool:
    """Rows of (Example, Trace), in order, each under its own content id.

    `column` reads one column, `batches` streams, `take` keeps some rows; nothing changes a Pool.
    """

    def __init__(
        self,
        backing: pa.Table | Sequence[Path],
        *,
        schema: pa.Schema,
        rows: int,
        fingerprint: str | None = None,
        rejects: Rejects | None = None,
        about: Mapping[str, Any] | None = None,
        keep: object = None,
    ) -> None:
        """Use `from_rows`, `from_table`, `open` or `read_pool` instead; `keep` owns temporary files."""
        in_memory = isinstance(backing, pa.Table)
        self._table: pa.Table | None = backing if in_memory else None
        self._files: Sequence[Path] = () if in_memory else tuple(backing)  # type: ignore[arg-type]
        self._schema, self._rows, self._keep = schema, rows, keep
        self._known_fingerprint = fingerprint
        self.rejects = rejects or Rejects()
        self.about = dict(about or {})
        """How it was read: `read_from`, `forms` by file, `promoted` values by column."""

    # ---- making one -------------------------------------------------------------------------------

    @classmethod
    def from_rows(cls, rows: Iterable[Mapping[str, Any]]) -> Pool:
        """Make a Pool in memory from mappings with `question`, `trace`, `gold` …; ids are computed."""
        return cls.from_table(table_of_rows(rows))

    @classmethod
    def from_table(cls, table: pa.Table) -> Pool:
        """Make a Pool from a table; ids are taken as they are where the table has them.

        Raises:
            DataError: a fixed column is missing or has another type, or an id appears twice.
        """
        if "row_id" not in table.column_names:
            return cls.from_rows(table.to_pylist())
        table = _with_fixed_types(table)
        distinct = pc.count_distinct(table.column("row_id")).as_py()
        if distinct != len(table):
            raise DataError(f"{len(table) - distinct} of {len(table)} rows have the row_id of another row")
        return cls(table, schema=table.schema, rows=len(table))

    @classmethod
    def open(cls, path: Path | str, *, keep: object = None) -> Pool:
        """Open a folder that `write` made, or one Parquet file with a Pool's columns.

        Raises:
            DataError: not a Pool, of a newer version, or damaged.
        """
        path = Path(path)
        if path.is_file():
            return cls.from_table(read_table(path))
        if not (path / MANIFEST).is_file():
            raise DataError(
                f"{path} is not a Pool: it holds no {MANIFEST}. Read other data with read_pool()."
            )
        manifest = read_json(path / MANIFEST)
        if manifest.get("schema_version") != SCHEMA_VERSION:
            raise DataError(
                f"{path} is a Pool of version {manifest.get('schema_version')}; "
                f"this cotmill reads version {SCHEMA_VERSION}"
            )
        files = [path / name for name in manifest["files"]]
        missing = [file.name for file in files if not file.is_file()]
        if missing:
            raise DataError(
                f"{path} is damaged: {len(missing)} of {len(files)} files are missing ({missing[0]} …)"
            )
        rejected = manifest.get("rejects", {})
        rejects_path = path / rejected["file"] if rejected.get("file") else None
        return cls(
            files,
            schema=read_schema(files[0]),
            rows=manifest["rows"],
            fingerprint=manifest["fingerprint"],
            rejects=Rejects(rejected.get("count", 0), rejected.get("reasons", {}), rejects_path),
            about=manifest.get("about"),
            keep=keep,
        )

    # ---- what it is -------------------------------------------------------------------------------

    def __len__(self) -> int:
        """Return the number of rows."""
        return self._rows

    def __repr__(self) -> str:
        """Say size and identity."""
        return f"Pool({self._rows} rows, {self.fingerprint})"

    @property
    def columns(self) -> list[str]:
        """Names of all columns, the fixed ones first."""
        return self._schema.names

    @property
    def schema(self) -> pa.Schema:
        """Arrow schema of all columns."""
        return self._schema

    @property
    def has_labels(self) -> bool:
        """Say whether there are columns that tell what is truly wrong with a row."""
        return any(name.startswith(LABEL_PREFIX) for name in self.columns)

    @cached_property
    def fingerprint(self) -> str:
        """Hash of the row ids and sources in order."""
        if self._known_fingerprint is not None:
            return self._known_fingerprint
        fingerprint = Fingerprint()
        for batch in self.batches(["row_id", "source"]):
            fingerprint.add(batch)
        return str(fingerprint)

    @cached_property
    def ids(self) -> np.ndarray:
        """Row ids in order, as a numpy array of 32-character strings."""
        return np.asarray(self.column("row_id").to_pylist(), dtype="<U32")

    # ---- reading ----------------------------------------------------------------------------------

    def column(self, name: str) -> pa.ChunkedArray:
        """Return one column, whole.

        Raises:
            DataError: there is no such column.
        """
        self._check(name)
        if self._table is not None:
            return self._table.column(name)
        return self._read([name]).column(0)

    def batches(
        self, columns: Sequence[str] | None = None, rows: int = BATCH_ROWS
    ) -> Iterator[pa.RecordBatch]:
        """Stream the rows in order, at most `rows` at a time, in bounded memory."""
        names = list(self.columns if columns is None else columns)
        self._check(*names)
        if self._table is not None:
            yield from self._table.select(names).to_batches(max_chunksize=rows)
            return
        for file in self._files:
            with opened(file) as parquet:
                for batch in parquet.iter_batches(batch_size=rows, columns=names):
                    yield batch.select(names)

    def rows(self) -> Iterator[dict[str, Any]]:
        """Stream all rows as dicts."""
        for batch in self.batches():
            yield from batch.to_pylist()

    def examples(self) -> Iterator[tuple[Example, Trace]]:
        """Stream rows as (Example, Trace)."""
        for batch in self.batches(["question", "gold", "context", "trace", "origin"]):
            for row in batch.to_pylist():
                example = Example(row["question"], row["gold"], messages_of(row["context"]))
                yield example, Trace(row["trace"], row["origin"])

    def table(self) -> pa.Table:
        """Return all rows in memory."""
        return self._read(self.columns) if self._table is None else self._table

    # ---- other Pools from this one ----------------------------------------------------------------

    def take(
        self,
        row_ids: Iterable[str] | np.ndarray | pa.Array | pa.ChunkedArray,
        *,
        why: str = "taken by row id",
    ) -> Pool:
        """Keep the rows with these ids, in this Pool's order; `why` is said in the card of what is left.

        Raises:
            DataError: an id is not in this Pool; the count and the first one are named.
        """
        arrow: Any = row_ids if isinstance(row_ids, pa.Array | pa.ChunkedArray) else None
        wanted: Iterable[str] = row_ids if arrow is None else arrow.to_pylist()
        values = pa.array(dict.fromkeys(str(row_id) for row_id in wanted), pa.string())
        unknown = values.filter(pc.invert(pc.is_in(values, value_set=self.column("row_id").combine_chunks())))
        if len(unknown):
            raise DataError(
                f"{len(unknown)} of {len(values)} row ids are not in this pool (first: '{unknown[0]}')"
            )
        kept = [batch.filter(pc.is_in(batch.column("row_id"), value_set=values)) for batch in self.batches()]
        table = pa.Table.from_batches(kept, schema=self._schema)
        return Pool(
            table,
            schema=table.schema,
            rows=len(table),
            rejects=self.rejects,
            about=self._after(why, len(table)),
        )

    def without_labels(self) -> Pool:
        """Drop the label columns; same rows, same fingerprint."""
        names = [name for name in self.columns if not name.startswith(LABEL_PREFIX)]
        schema = pa.schema([self._schema.field(name) for name in names])
        backing = self._files if self._table is None else self._table.select(names)
        return Pool(
            backing,
            schema=schema,
            rows=self._rows,
            fingerprint=self.fingerprint,
            rejects=self.rejects,
            about=self.about,
            keep=self._keep,
        )

    def _after(self, why: str, rows: int) -> dict[str, Any]:
        """Add a filter to what is known of how the rows came about."""
        step = {"filter": why, "before": self._rows, "after": rows}
        return {"rows_read": self._rows, **self.about, "filters": [*self.about.get("filters", ()), step]}

    def write(self, folder: Path | str) -> Pool:
        """Write Parquet shards and a manifest, whole or not at all, and open what was written.

        The folder may be at an address that fsspec knows; what is opened is then a copy in a scratch folder.
        """
        if is_address(str(folder)):
            return self._write_elsewhere(str(folder))
        folder = Path(folder)
        refuse_foreign(folder)
        files: list[str] = []
        with folder_aside(folder) as part:
            for number, table in enumerate(self._shards()):
                files.append(shard_name(number))
                write_table(table, part / files[-1])
            manifest = manifest_of(self.fingerprint, self._rows, self.columns, files)
            manifest["rejects"] = {"count": self.rejects.count, "reasons": dict(self.rejects.reasons)}
            manifest["about"] = self.about
            write_checked_json(part / MANIFEST, manifest)
        return Pool.open(folder)

    def _write_elsewhere(self, address: str) -> Pool:
        """Write into a scratch folder, then to the address."""
        scratch = Scratch()
        self.write(scratch.path() / "pool")
        put(scratch.path() / "pool", address, last=MANIFEST)
        return Pool.open(scratch.path() / "pool", keep=scratch)

    def _shards(self) -> Iterator[pa.Table]:
        """Cut the rows into tables of `SHARD_ROWS`; an empty Pool is one empty table."""
        waiting: list[pa.RecordBatch] = []
        count = 0
        for batch in self.batches(rows=BATCH_ROWS):
            waiting.append(batch)
            count += len(batch)
            if count >= SHARD_ROWS:
                yield pa.Table.from_batches(waiting, schema=self._schema)
                waiting, count = [], 0
        if waiting or not self._rows:
            yield pa.Table.from_batches(waiting, schema=self._schema)

    def _read(self, names: list[str]) -> pa.Table:
        """Read some columns of all files."""
        return pa.Table.from_batches(
            self.batches(names, rows=SHARD_ROWS),
            schema=pa.schema([self._schema.field(name) for name in names]),
        )

    def _check(self, *names: str) -> None:
        """Refuse a column that is not there."""
        for name in names:
            if name not in self._schema.names:
                raise DataError(f"this pool has no column '{name}'; it has {', '.join(self.columns)}")


def shard_name(number: int) -> str:
    """Name the n-th Parquet file."""
    return f"part-{number:05d}.parquet"


def manifest_of(fingerprint: str, rows: int, columns: list[str], files: list[str]) -> dict[str, Any]:
    """Build the content of `pool.json`."""
    return {
        "schema_version": SCHEMA_VERSION,
        "fingerprint": fingerprint,
        "rows": rows,
        "columns": columns,
        "files": files,
    }


def refuse_foreign(folder: Path) -> None:
    """Refuse to write a Pool over a folder that holds something else."""
    if folder.is_file() or (folder.is_dir() and any(folder.iterdir()) and not (folder / MANIFEST).is_file()):
        raise DataError(f"{folder} exists and is not a Pool; name a new folder to write to")


def _with_fixed_types(table: pa.Table) -> pa.Table:
    """Put the fixed columns first, with their exact types."""
    missing = [name for name in FIXED.names if name not in table.column_names]
    if missing:
        raise DataError(
            f"the table lacks the columns {', '.join(missing)}; it has {', '.join(table.column_names)}"
        )
    columns = {name: table.column(name) for name in table.column_names}
    try:
        for fixed in FIXED:
            columns[fixed.name] = columns[fixed.name].cast(fixed.type)
            if not fixed.nullable and columns[fixed.name].null_count:
                raise DataError(f"column '{fixed.name}' has {columns[fixed.name].null_count} missing values")
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError) as error:
        raise DataError(f"a fixed column has the wrong type: {error}") from error
    return table_of(columns)
