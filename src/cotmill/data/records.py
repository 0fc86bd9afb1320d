"""Chunks of raw rows from files of any format, as they stream by: JSON Lines, JSON, CSV, TSV, Parquet, Arrow.

Rows that cannot be parsed go to the log of rejects here; what the fields mean is decided later, by a form.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import orjson
import pyarrow as pa
import pyarrow.parquet as pq

from cotmill.core.errors import DataError
from cotmill.data.rejects import BadRowError, RejectLog
from cotmill.data.stream import LONGEST_LINE, Block, blocks, head

CHUNK_ROWS = 8192
DEEPEST = 100
"""Objects and lists nested deeper than this are set aside; no data set does it, and parsers recurse."""
_DIGITS = bytes.maketrans(b"123456789", b"000000000")
_LONG_NUMBER = b"0" * 19
SUFFIXES = (".jsonl", ".ndjson", ".json", ".csv", ".tsv", ".parquet", ".arrow")

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


def suffix_of(path: Path) -> str:
    """Return the suffix that tells the format, looking through `.gz`.

    >>> suffix_of(Path("train.jsonl.gz"))
    '.jsonl'
    """
    return Path(path.stem).suffix.lower() if path.suffix.lower() == ".gz" else path.suffix.lower()


def chunks(path: Path, log: RejectLog) -> Iterator[Chunk]:
    """Stream a file's rows, whatever its format.

    Raises:
        DataError: the format is not known, or the file as a whole cannot be read.
    """
    suffix, start = suffix_of(path), head(path)
    if start.startswith(b"PAR1") or suffix == ".parquet":
        yield from parquet_chunks(path)
    elif suffix == ".arrow":
        yield from arrow_chunks(path)
    elif suffix in (".csv", ".tsv"):
        from cotmill.data.records_csv import csv_chunks

        yield from csv_chunks(path, log, delimiter="\t" if suffix == ".tsv" else ",")
    elif start.lstrip()[:1] == b"[" or (suffix == ".json" and not _is_lines(start)):
        from cotmill.data.records_json import document_chunks

        yield from document_chunks(path, log)
    elif suffix in (".jsonl", ".ndjson", ".json") or start.lstrip()[:1] == b"{":
        yield from line_chunks(path, log)
    else:
        raise DataError(
            f"{path} has the suffix '{suffix}'; expected one of {', '.join(SUFFIXES)}, or these with .gz"
        )


def _is_lines(start: bytes) -> bool:
    """Say whether the first line is a JSON object by itself (or goes on beyond what was looked at)."""
    line, newline, _ = start.lstrip().partition(b"\n")
    try:
        return isinstance(json.loads(line), dict)
    except (ValueError, RecursionError):
        return not newline and len(line) > 1000 and not line.startswith(b"[")


# ---- JSON Lines -----------------------------------------------------------------------------------


def line_chunks(path: Path, log: RejectLog) -> Iterator[Chunk]:
    """Stream JSON Lines; what is no JSON object is set aside.

    orjson reads what it can. The lines that it refuses, and blocks with numbers of more than 18 digits
    (which it would round), go to the standard library, so that what a row becomes depends on its text
    alone. (Arrow's own parser is faster still, but a line that is only `null` crashes the process.)
    """
    for block in blocks(path):
        if block.skipped:
            error = BadRowError(f"line longer than {LONGEST_LINE:,} bytes", f"{block.skipped:,} bytes")
            log.add(path.name, block.first, error, block.data)
            continue
        chunk = _parsed(block, path, log)
        if len(chunk):
            yield chunk


def _parsed(block: Block, path: Path, log: RejectLog) -> Chunk:
    """Parse a block line by line."""
    rows, lines = [], []
    parse = parsed_object if _LONG_NUMBER in block.data.translate(_DIGITS) else _parsed_fast
    for number, line in enumerate(block.data.split(b"\n"), start=block.first):
        if line and not line.isspace():
            try:
                rows.append(parse(line))
                lines.append(number)
            except BadRowError as error:
                log.add(path.name, number, error, line)
    return chunk_of(rows, lines)


def _parsed_fast(line: bytes) -> dict[str, Any]:
    """Parse one JSON object by orjson, or else with care."""
    try:
        value = orjson.loads(line)
    except orjson.JSONDecodeError:
        return parsed_object(line)
    return _object(value, line)


def parsed_object(line: bytes) -> dict[str, Any]:
    """Parse one JSON object.

    Raises:
        BadRowError: not UTF-8, no JSON, or no object.
    """
    try:
        value = json.loads(line.decode("utf-8-sig"))
    except UnicodeDecodeError as error:
        raise BadRowError("not UTF-8", str(error)) from error
    except (ValueError, RecursionError) as error:
        raise BadRowError("broken JSON", str(error)) from error
    return _object(value, line)


def _object(value: Any, line: bytes) -> dict[str, Any]:
    """Return the value when it can be a row."""
    if not isinstance(value, dict):
        raise BadRowError("not a JSON object", type(value).__name__)
    if line.count(b"[") + line.count(b"{") > DEEPEST:
        refuse_deep(value)
    return value


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


# ---- Parquet and Arrow ----------------------------------------------------------------------------


def parquet_chunks(path: Path) -> Iterator[Chunk]:
    """Stream a Parquet file."""
    try:
        with pq.ParquetFile(path) as parquet:
            yield from table_chunks(parquet.iter_batches(batch_size=CHUNK_ROWS))
    except (pa.ArrowException, OSError) as error:
        raise DataError(f"{path} is not a readable Parquet file: {error}") from error


def arrow_chunks(path: Path) -> Iterator[Chunk]:
    """Stream an Arrow file as `datasets.save_to_disk` writes it, or an Arrow IPC file."""
    try:
        with pa.memory_map(str(path)) as source:
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
