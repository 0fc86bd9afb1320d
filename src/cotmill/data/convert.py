"""Raw rows to a Pool's columns by a form; rows that the form cannot use are set aside."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import pyarrow as pa

from cotmill.data.chunk import Chunk, Values
from cotmill.data.fields import Fields, answer_text, normal
from cotmill.data.forms import Form
from cotmill.data.identity import RowIds
from cotmill.data.rejects import BadRowError, RejectLog
from cotmill.data.table import as_text, fixed_columns, own_column, own_name, table_of

MOST_COLUMNS = 256
"""Unknown columns beyond this many are kept together, as JSON text in `more_columns`."""
MORE_COLUMNS = "more_columns"


@dataclass
class Converter:
    """Turns the chunks of one file into tables; row ids run on over all files of a Pool."""

    form: Form
    file: str
    log: RejectLog
    row_ids: RowIds
    stratum: str | None = None
    """The source of all rows, whatever they say themselves."""
    default_stratum: str = ""
    promoted: Counter[str] = field(default_factory=Counter)

    def table(self, chunk: Chunk) -> pa.Table:
        """Convert one chunk."""
        names = self._names(chunk)
        good, fields = self._fields(chunk, names)
        try:
            return self._table(chunk, names, good, fields)
        except UnicodeEncodeError:
            good, fields = self._sound(chunk, good, fields)
            return self._table(_with_sound_names(chunk), names, good, fields)

    def _names(self, chunk: Chunk) -> dict[str, str]:
        """Map what the form reads to the names it has in this chunk."""
        found = {normal(name): name for name in reversed(list(chunk.columns))}
        return {name: found[name] for name in self.form.reads if name in found}

    def _fields(self, chunk: Chunk, names: dict[str, str]) -> tuple[list[int], list[Fields]]:
        """Let the form read every row."""
        columns = [chunk.list_of(names.get(name, "")) for name in self.form.reads]
        good, fields, row = [], [], self.form.row
        for position, values in enumerate(zip(*columns, strict=True)):
            try:
                fields.append(row(*values))
                good.append(position)
            except BadRowError as error:
                self._reject(chunk, position, error)
        return good, fields

    def _sound(self, chunk: Chunk, good: list[int], fields: list[Fields]) -> tuple[list[int], list[Fields]]:
        """Set aside the rows that hold what is not Unicode text."""
        sound, kept = [], []
        for position, found in zip(good, fields, strict=True):
            try:
                there = {name: value for name, value in chunk.row(position).items() if value is not None}
                json.dumps(there, ensure_ascii=False, default=str).encode()
                sound.append(position)
                kept.append(found)
            except UnicodeEncodeError as error:
                code = ord(error.object[error.start])
                bytes_escaped = 0xDC80 <= code <= 0xDCFF
                reason = "not UTF-8" if bytes_escaped else "a lone surrogate: half of a character"
                self._reject(chunk, position, BadRowError(reason, f"U+{code:04X}"))
        return sound, kept

    def _reject(self, chunk: Chunk, position: int, error: BadRowError) -> None:
        self.log.add(self.file, chunk.lines[position], error, chunk.row(position))

    def _table(self, chunk: Chunk, names: dict[str, str], good: list[int], fields: list[Fields]) -> pa.Table:
        """Build the columns of the rows that are good."""
        used = {found for name, found in names.items() if name not in self.form.keeps}
        source = next((name for name in chunk.columns if normal(name) == "source"), None)
        lists: dict[str, list[Any]] = {
            name: [found[at] for found in fields] for at, name in enumerate(Fields._fields)
        }
        lists["source"] = self._sources(chunk, source, good, lists["source"])
        lists["origin"] = [origin or self.form.origin for origin in lists["origin"]]
        columns = fixed_columns(lists, self.row_ids)
        own = [name for name in chunk.columns if name not in used | {source}]
        for name in own[:MOST_COLUMNS]:
            columns[own_name(name)] = self._own(name, chunk.columns[name], good, len(chunk))
        if own[MOST_COLUMNS:]:
            rest = [{name: row[name] for name in own[MOST_COLUMNS:]} for row in map(chunk.row, good)]
            columns[MORE_COLUMNS] = pa.array(map(as_text, rest), pa.string())
        return table_of(columns)

    def _sources(self, chunk: Chunk, name: str | None, good: list[int], said: Sequence[str]) -> list[str]:
        """Choose each row's source: given for all, said by the form, a column `source`, or the file's."""
        if self.stratum is not None:
            return [self.stratum] * len(good)
        if name is None:
            return [source or self.default_stratum for source in said]
        own = chunk.list_of(name)
        default = self.default_stratum
        return [
            source or (default if own[position] is None else answer_text(own[position]))
            for position, source in zip(good, said, strict=True)
        ]

    def _own(self, name: str, values: Values, good: list[int], rows: int) -> pa.Array:
        """Keep one of the input's own columns."""
        whole = len(good) == rows
        if not isinstance(values, list):
            return values if whole else values.take(pa.array(good, pa.int64()))
        kept = values if whole else [values[position] for position in good]
        column, changed = own_column(kept)
        if changed:
            self.promoted[own_name(name)] += changed
        return column


def _with_sound_names(chunk: Chunk) -> Chunk:
    """Leave out columns whose names are not Unicode text; rows that had something there were set aside."""
    sound = {name: one for name, one in chunk.columns.items() if name.isascii() or _is_unicode(name)}
    return Chunk(sound, chunk.lines)


def _is_unicode(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True
