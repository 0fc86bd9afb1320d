"""Stream CSV and TSV rows, with or without a line of names."""

from __future__ import annotations

import csv
import re
from collections.abc import Iterator
from itertools import chain, islice
from pathlib import Path

from cotmill.core.errors import DataError
from cotmill.data.chunk import CHUNK_ROWS, Chunk
from cotmill.data.rejects import BadRowError, RejectLog
from cotmill.data.stream import LONGEST_LINE, blocks

_NUMBER = re.compile(r"[-+]?[\d.,]+%?")
LONGEST_NAME = 60
"""A first line with a longer cell, or a number among its cells, holds values, not names."""


def csv_chunks(path: Path, log: RejectLog, *, delimiter: str) -> Iterator[Chunk]:
    """Stream the rows; without a line of names the columns are called column_1, column_2 and so on.

    TSV is read without quoting when no cell is a quoted one as a whole, as most TSV is written.
    """
    reader = _Reader(path, log, delimiter)
    cells = iter(reader)
    first = next(cells, None)
    if first is None:
        return
    names = _names(first[1], path)
    if names is None:
        names = [f"column_{number}" for number in range(1, len(first[1]) + 1)]
        cells = chain([first], cells)
    while batch := list(islice(cells, CHUNK_ROWS)):
        good = [(line, row) for line, row in batch if _fits(line, row, len(names), path, log)]
        columns = {name: [row[at] for _, row in good] for at, name in enumerate(names)}
        yield Chunk(columns, [line for line, _ in good])


class _Reader:
    """Rows of cells with their line numbers; bad ones go to the log."""

    def __init__(self, path: Path, log: RejectLog, delimiter: str) -> None:
        self._path, self._log = path, log
        self._quoted = delimiter == "," or _is_quoted(path)
        self._delimiter = delimiter

    def __iter__(self) -> Iterator[tuple[int, list[str]]]:
        csv.field_size_limit(LONGEST_LINE)
        quoting = csv.QUOTE_MINIMAL if self._quoted else csv.QUOTE_NONE
        reader = csv.reader(self._lines(), delimiter=self._delimiter, quoting=quoting)
        while True:
            start = reader.line_num + 1
            try:
                row = next(reader)
            except StopIteration:
                return
            except csv.Error as error:
                self._log.add(self._path.name, start, BadRowError("broken CSV", str(error)), "")
                continue
            if row and any(row):
                yield start, row

    def _lines(self) -> Iterator[str]:
        """Yield lines; bytes that are not UTF-8 become lone surrogates, which are refused cell by cell."""
        for block in blocks(self._path):
            if block.skipped:
                yield "\n"
                error = BadRowError(f"line longer than {LONGEST_LINE:,} bytes", f"{block.skipped:,} bytes")
                self._log.add(self._path.name, block.first, error, block.data)
                continue
            for line in block.data.removesuffix(b"\n").split(b"\n"):
                yield line.decode("utf-8", "surrogateescape") + "\n"


def _names(cells: list[str], path: Path) -> list[str] | None:
    """Return the first line's cells as names, or None when they are values."""
    names = [cell.strip() for cell in cells]
    if any(len(name) > LONGEST_NAME or _NUMBER.fullmatch(name) for name in names):
        return None
    names = [name or f"column_{number}" for number, name in enumerate(names, start=1)]
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise DataError(f"{path} names the column '{twice[0]}' twice; rename one")
    return names


def _is_quoted(path: Path) -> bool:
    """Say whether some cell of a TSV file begins and ends with a quotation mark."""
    for block in islice(blocks(path), 1):
        cells = (cell for line in block.data.split(b"\n") for cell in line.rstrip(b"\r").split(b"\t"))
        return any(len(cell) > 1 and cell.startswith(b'"') and cell.endswith(b'"') for cell in cells)
    return False


def _fits(line: int, row: list[str], columns: int, path: Path, log: RejectLog) -> bool:
    """Set aside a row with too many or too few cells."""
    if len(row) == columns:
        return True
    log.add(path.name, line, BadRowError("wrong number of cells", f"{len(row)}, not {columns}"), row)
    return False
