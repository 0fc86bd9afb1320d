"""Stream the rows of a JSON document: an array of objects, objects one after another, or one object of rows.

The document is never held as a whole: elements are decoded one at a time from a window of text. An
element that is broken is set aside, and reading goes on where the next object seems to start; the
streaming parsers at hand (ijson) end at the first fault and do not know line numbers.
"""

from __future__ import annotations

import codecs
import json
import re
from collections.abc import Iterator
from itertools import chain, islice
from pathlib import Path
from typing import Any

from cotmill.core.errors import DataError
from cotmill.data.chunk import CHUNK_ROWS, Chunk, chunk_of, refuse_deep
from cotmill.data.rejects import RAW_LIMIT, BadRowError, RejectLog
from cotmill.data.stream import BLOCK, LONGEST_LINE, Source, opened

Element = tuple[int, dict[str, Any]]

_DECODER = json.JSONDecoder()
_GAP = re.compile(r"[\s,\[\]]*")
"""Between elements; brackets of arrays among it, so that arrays may follow each other or nest."""
_NEXT_OBJECT = re.compile(r"\}[\s,]*(?=\{)|\n[\s,]*(?=\{)")
_AT_END = 16
"""An error this close to the end of the window is probably there because the rest is not read yet."""


class Document:
    """A window of text that moves over a document, element by element."""

    def __init__(self, source: Source, *, block: int = BLOCK) -> None:
        """Read the first window."""
        self._source, self._block = source, block
        self._decode = codecs.getincrementaldecoder("utf-8")("surrogateescape").decode
        self._text, self._at, self._ended = "", 0, False
        self._line = self.line = 1
        self.raw = ""
        """Line and first characters of the element read last, be it good or bad."""
        self._read_on()
        self._text = self._text.removeprefix("\ufeff")

    def __iter__(self) -> Iterator[Element | BadRowError]:
        """Yield elements with their lines; what is no usable element comes as the reason."""
        while self._skip_gap():
            self.line = self._line
            try:
                value, end = self._value()
                self.raw = self._text[self._at : self._at + RAW_LIMIT]
                self._pass(end)
                yield self.line, _checked(value)
            except BadRowError as error:
                if error.reason == "broken JSON":
                    self.raw = self._text[self._at : self._at + RAW_LIMIT]
                    self._resynchronise()
                yield error

    def _read_on(self, times: int = 1) -> None:
        """Read more text, and drop what has been passed."""
        size = times * self._block
        data = self._source.read(size)
        self._ended = len(data) < size
        self._text = self._text[self._at :] + self._decode(data, self._ended)
        self._at = 0

    def _pass(self, end: int) -> None:
        """Go on to a place in the window."""
        self._line += self._text.count("\n", self._at, end)
        self._at = end

    def _skip_gap(self) -> bool:
        """Go on to the next element; False at the end of the document."""
        while True:
            gap = _GAP.match(self._text, self._at)
            self._pass(gap.end() if gap else self._at)
            if self._at < len(self._text):
                return True
            if self._ended:
                return False
            self._read_on()

    def _value(self) -> tuple[Any, int]:
        """Decode the element here, reading on as long as it is not whole."""
        times = 1
        while True:
            try:
                value, end = _DECODER.raw_decode(self._text, self._at)
                if end < len(self._text) or self._ended:
                    return value, end
            except RecursionError as error:
                raise BadRowError("broken JSON", "nested too deeply") from error
            except json.JSONDecodeError as error:
                cut = error.msg.startswith("Unterminated") or error.pos >= len(self._text) - _AT_END
                if not cut or self._ended or len(self._text) - self._at > LONGEST_LINE:
                    raise BadRowError("broken JSON", error.msg) from error
            except ValueError as error:
                raise BadRowError("broken JSON", str(error)) from error
            self._read_on(times)
            times *= 2

    def _resynchronise(self) -> None:
        """Go on to the next place that looks like the start of an object."""
        start = self._at + 1
        while True:
            found = _NEXT_OBJECT.search(self._text, start)
            if found:
                self._pass(found.end())
                return
            start = max(self._at, len(self._text) - _AT_END)
            self._pass(start)
            if self._ended:
                self._pass(len(self._text))
                return
            self._read_on()
            start = 0


def _checked(value: Any) -> dict[str, Any]:
    """Return an element that can be a row; an object around one object is taken off."""
    if not isinstance(value, dict):
        raise BadRowError("not a JSON object", type(value).__name__)
    refuse_deep(value)
    if len(value) == 1:
        [(name, inner)] = value.items()
        if isinstance(inner, dict):
            return {"entry": name, **inner}
    return value


def document_chunks(path: Path, log: RejectLog) -> Iterator[Chunk]:
    """Stream a JSON document's rows.

    Raises:
        DataError: the document is one object in which no table of rows can be seen.
    """
    with opened(path) as source:
        rows = _good(Document(source), path, log)
        first = list(islice(rows, 2))
        if len(first) == 1 and (inside := _table_in(first[0][1], path)) is not None:
            rows = ((first[0][0], row) for row in inside)
        else:
            rows = chain(first, rows)
        while batch := list(islice(rows, CHUNK_ROWS)):
            yield chunk_of([row for _, row in batch], [line for line, _ in batch])


def _good(document: Document, path: Path, log: RejectLog) -> Iterator[Element]:
    """Set bad elements aside."""
    for element in document:
        if isinstance(element, BadRowError):
            log.add(path.name, document.line, element, document.raw)
        else:
            yield element


def _table_in(value: dict[str, Any], path: Path) -> list[dict[str, Any]] | None:
    """Find the rows in an object that is not a row: {"data": [rows]}, {id: row}, or {column: values}."""
    tables = {name: inner for name, inner in value.items() if _is_table(inner)}
    if len(tables) > 1:
        raise DataError(f"{path} holds several tables ({', '.join(tables)}); save the one you want as a file")
    if tables:
        return next(iter(tables.values()))
    if len(value) > 1 and all(isinstance(inner, dict) for inner in value.values()):
        return [{"entry": name, **inner} for name, inner in value.items()]
    lengths = {len(inner) if _is_column(inner) else -1 for inner in value.values()}
    if len(value) > 1 and len(lengths) == 1 and -1 not in lengths:
        return [dict(zip(value, cells, strict=True)) for cells in zip(*value.values(), strict=True)]
    return None


def _is_column(value: Any) -> bool:
    """Say whether a value is a list of cells, and not of turns or rows."""
    return isinstance(value, list) and not any(isinstance(cell, dict) for cell in value)


def _is_table(value: Any) -> bool:
    """Say whether a value is a list of rows, and not a list of turns."""
    return (
        isinstance(value, list)
        and bool(value)
        and all(isinstance(row, dict) and not row.keys() & {"role", "from"} for row in value)
    )
