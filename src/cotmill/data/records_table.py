"""Stream the rows of Parquet and Arrow files.

Neither format makes sure that its text is UTF-8, or that no two columns have one name.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from cotmill.core.errors import DataError
from cotmill.data.chunk import CHUNK_ROWS, Chunk, Values
from cotmill.data.stream import unpacked

MANY_ROWS = 1_000_000
"""Rows before their number is compared with the size of the file."""
ROWS_PER_BYTE = 4
"""The same short row a million times is packed to a thousand rows a byte; different texts need bytes each."""

UNREADABLE = (pa.ArrowException, OSError, UnicodeDecodeError)
"""What Arrow raises for what is no such file, or one with names that are no text."""


def parquet_chunks(path: Path) -> Iterator[Chunk]:
    """Stream a Parquet file."""
    try:
        with unpacked(path) as handle, pq.ParquetFile(handle) as parquet:
            _refuse_bomb(path, parquet.metadata)
            yield from table_chunks(parquet.iter_batches(batch_size=CHUNK_ROWS))
    except UNREADABLE as error:
        raise DataError(f"{path} is not a readable Parquet file: {error}") from error


def _refuse_bomb(path: Path, told: pq.FileMetaData) -> None:
    """Refuse a file that promises far more rows than text could be packed into its bytes.

    Raises:
        DataError: it does.
    """
    size = path.stat().st_size
    if told.num_rows > MANY_ROWS and told.num_rows > ROWS_PER_BYTE * size:
        raise DataError(
            f"{path} promises {told.num_rows:,} rows in {size:,} bytes; no text packs so well: refused"
        )


def arrow_chunks(path: Path) -> Iterator[Chunk]:
    """Stream an Arrow file as `datasets.save_to_disk` writes it, or an Arrow IPC file."""
    try:
        with unpacked(path) as source:
            magic = source.read(6)
            source.seek(0)
            if magic == b"ARROW1":
                reader = pa.ipc.open_file(source)
                yield from table_chunks(
                    reader.get_batch(number) for number in range(reader.num_record_batches)
                )
            else:
                yield from table_chunks(pa.ipc.open_stream(source))
    except UNREADABLE as error:
        raise DataError(f"{path} is not a readable Arrow file: {error}") from error


def table_chunks(batches: Iterator[pa.RecordBatch] | Any) -> Iterator[Chunk]:
    """Number the rows of record batches."""
    done = 0
    for batch in batches:
        for start in range(0, len(batch), CHUNK_ROWS):
            part = batch.slice(start, CHUNK_ROWS)
            names = _distinct(part.schema.names)
            columns = {name: _sound(_plain(part.column(at))) for at, name in enumerate(names)}
            yield Chunk(columns, range(done + 1, done + len(part) + 1))
            done += len(part)


def _distinct(names: list[str]) -> list[str]:
    """Give the names of the columns.

    Raises:
        ArrowInvalid: two have the same; one would hide the other.
    """
    twice = sorted(name for name, count in Counter(names).items() if count > 1)
    if twice:
        raise pa.ArrowInvalid(f"it names the column {twice[0]!r} twice; rename one")
    return names


def _sound(column: pa.Array) -> Values:
    """Give text that is not UTF-8 as Python does, byte by byte: the rows that hold it are set aside later.

    Raises:
        ArrowInvalid: such text lies deeper in the column.
    """
    try:
        column.validate(full=True)
    except pa.ArrowInvalid:
        if not pa.types.is_string(column.type):
            raise
        rows = column.view(pa.binary()).to_pylist()
        return [None if row is None else row.decode("utf-8", "surrogateescape") for row in rows]
    return column


def _plain(column: pa.Array) -> pa.Array:
    """Undo what Parquet and JSON do not share: dictionaries, large and view strings, text in bytes."""
    if pa.types.is_dictionary(column.type):
        column = column.dictionary_decode()
    if pa.types.is_large_string(column.type) or pa.types.is_string_view(column.type):
        column = column.cast(pa.string())
    return _as_text(column) if _is_binary(column.type) and column.null_count < len(column) else column


def _is_binary(kind: pa.DataType) -> bool:
    return pa.types.is_binary(kind) or pa.types.is_large_binary(kind) or pa.types.is_binary_view(kind)


def _as_text(column: pa.Array) -> pa.Array:
    """Read bytes as text where all of them are: some writers of Parquet mark text so."""
    try:
        return column.cast(pa.string())
    except pa.ArrowInvalid:
        return column
