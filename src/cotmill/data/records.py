"""Chunks of raw rows from files of any format, as they stream by: JSON Lines, JSON, CSV, TSV, Parquet, Arrow.

Rows that cannot be parsed go to the log of rejects there; what the fields mean is decided later, by a form.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

from cotmill.core.errors import DataError
from cotmill.data.chunk import Chunk
from cotmill.data.records_csv import csv_chunks
from cotmill.data.records_json import document_chunks
from cotmill.data.records_lines import line_chunks
from cotmill.data.records_table import arrow_chunks, parquet_chunks
from cotmill.data.rejects import RejectLog
from cotmill.data.stream import head

SUFFIXES = (".jsonl", ".ndjson", ".json", ".csv", ".tsv", ".parquet", ".arrow")


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
        yield from csv_chunks(path, log, delimiter="\t" if suffix == ".tsv" else ",")
    elif start.lstrip()[:1] == b"[" or (suffix == ".json" and not _is_lines(start)):
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
