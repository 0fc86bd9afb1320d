"""Stream the rows of Parquet and Arrow files."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from cotmill.core.errors import DataError
from cotmill.data.chunk import CHUNK_ROWS, Chunk
from cotmill.data.stream import unpacked

MANY_ROWS = 1_000_000
"""Rows before their number is compared with the size of the file."""
ROWS_PER_BYTE = 4
"""The same short row a million times is packed to a thousand rows a byte; different texts need bytes each."""


def parquet_chunks(path: Path) -> Iterator[Chunk]:
    """Stream a Parquet file."""
    try:
        with unpacked(path) as handle, pq.ParquetFile(handle) as parquet:
            _refuse_bomb(path, parquet.metadata)
            yield from table_chunks(parquet.iter_batches(batch_size=CHUNK_ROWS))
    except (pa.ArrowException, OSError) as error:
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
    except (pa.ArrowException, OSError) as error:
        raise DataError(f"{path} is not a readable Arrow file: {error}") from error


def table_chunks(batches: Iterator[pa.RecordBatch] | Any) -> Iterator[Chunk]:
    """Number the rows of record batches."""
    done = 0
    for batch in batches:
        for start in range(0, len(batch), CHUNK_ROWS):
            part = batch.slice(start, CHUNK_ROWS)
            columns = {name: _plain(part.column(at)) for at, name in enumerate(part.schema.names)}
            yield Chunk(columns, range(done + 1, done + len(part) + 1))
            done += len(part)


def _plain(column: pa.Array) -> pa.Array:
    """Undo encodings that Parquet and JSON do not share: dictionaries, large and view strings."""
    if pa.types.is_dictionary(column.type):
        column = column.dictionary_decode()
    if pa.types.is_large_string(column.type) or pa.types.is_string_view(column.type):
        column = column.cast(pa.string())
    return column
