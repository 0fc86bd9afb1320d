"""Columns of Python values to Arrow: the fixed columns of a Pool, and the input's own beside them."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
import pyarrow as pa

from cotmill.core.errors import DataError
from cotmill.data.identity import RowIds, example_ids
from cotmill.data.types import CONTEXT_TYPE, FIXED, HUMAN, Message

RAW = "raw_"
"""Prefix of an input column whose name a fixed column has taken."""

CONVERSION = (
    pa.ArrowInvalid,
    pa.ArrowTypeError,
    pa.ArrowNotImplementedError,
    OverflowError,
    ValueError,
    TypeError,
)
"""What Arrow raises when values of one column do not agree, or do not fit its types."""


def own_name(name: str) -> str:
    """Rename an input column that would clash with a fixed one."""
    return RAW + name if name in FIXED.names else name


def as_text(value: Any) -> str | None:
    """Write any value as text: strings as they are, None as None, the rest as JSON.

    >>> as_text(5), as_text([1, "a"]), as_text("5")
    ('5', '[1, "a"]', '5')
    """
    if value is None or isinstance(value, str):
        return value
    return json.dumps(value, ensure_ascii=False, default=str)


def own_column(values: Sequence[Any]) -> tuple[pa.Array, int]:
    """Convert an input's own column; where types conflict it becomes text, and the changes are counted.

    Objects, and lists of anything but plain values, are stored as JSON text: their inferred types
    would differ from batch to batch.
    """
    nested = any(map(is_nested, values))
    if not nested:
        try:
            return pa.array(values), 0
        except CONVERSION:
            pass
    texts = [as_text(value) for value in values]
    changed = sum(text is not value for text, value in zip(texts, values, strict=True))
    return pa.array(texts, pa.string()), 0 if nested else changed


def is_nested(value: Any) -> bool:
    """Say whether a value is an object, or a list of other than plain values."""
    if isinstance(value, list | tuple):
        return any(isinstance(item, dict | list | tuple) for item in value)
    return isinstance(value, dict)


def fixed_columns(fields: Mapping[str, Sequence[Any]], row_ids: RowIds) -> dict[str, pa.Array]:
    """Build the fixed columns from lists of the other fields; the ids are computed here."""
    golds = [gold or None for gold in fields["gold"]]
    examples = example_ids(fields["question"], golds, fields["context"])
    return {
        "row_id": pa.array(row_ids(examples, fields["trace"], fields["origin"]), pa.string()),
        "example_id": pa.array(examples, pa.string()),
        "question": pa.array(fields["question"], pa.string()),
        "gold": pa.array(golds, pa.string()),
        "trace": pa.array(fields["trace"], pa.string()),
        "origin": pa.array(fields["origin"], pa.string()),
        "source": pa.array(fields["source"], pa.string()),
        "context": context_column(fields["context"]),
    }


def context_column(contexts: Sequence[Sequence[Message]]) -> pa.Array:
    """Build the column of turns; most pools have none at all."""
    if any(contexts):
        turns = [[{"role": turn.role, "content": turn.content} for turn in turns] for turns in contexts]
        return pa.array(turns, CONTEXT_TYPE)
    no_turns = pa.array([], CONTEXT_TYPE.value_type)
    return pa.ListArray.from_arrays(pa.array(np.zeros(len(contexts) + 1, dtype=np.int32)), no_turns)


def table_of(columns: Mapping[str, pa.Array | pa.ChunkedArray]) -> pa.Table:
    """Put fixed columns (with their exact types) before the others."""
    fixed = {field.name: columns[field.name] for field in FIXED}
    others = {name: column for name, column in columns.items() if name not in fixed}
    schema = pa.schema([*FIXED, *(pa.field(name, column.type) for name, column in others.items())])
    return pa.Table.from_arrays([*fixed.values(), *others.values()], schema=schema)


def table_of_rows(rows: Iterable[Mapping[str, Any]], row_ids: RowIds | None = None) -> pa.Table:
    """Build a table from mappings with at least `question`; other fields have defaults, unknown keys stay.

    Raises:
        DataError: a row without a question, or text that is not valid Unicode.
    """
    listed = list(rows)
    fields: dict[str, list[Any]] = {
        name: [] for name in ("question", "gold", "trace", "origin", "source", "context")
    }
    for number, row in enumerate(listed):
        if not isinstance(row.get("question"), str):
            raise DataError(f"row {number} has no question: its keys are {', '.join(map(str, row))}")
        for name, default in (("question", ""), ("trace", ""), ("origin", HUMAN), ("source", "")):
            fields[name].append(default if row.get(name) is None else str(row[name]))
        fields["gold"].append(None if row.get("gold") is None else str(row["gold"]))
        fields["context"].append(messages_of(row.get("context")))
    names = dict.fromkeys(name for row in listed for name in row if name not in FIXED.names)
    try:
        columns = fixed_columns(fields, row_ids or RowIds())
    except UnicodeEncodeError as error:
        raise DataError(f"a row holds text that is not valid Unicode ({error.reason})") from error
    columns |= {name: own_column([row.get(name) for row in listed])[0] for name in names}
    return table_of(columns)


def messages_of(turns: Iterable[Any] | None) -> tuple[Message, ...]:
    """Read turns given as Messages or as role/content mappings."""
    return tuple(
        turn if isinstance(turn, Message) else Message(str(turn["role"]), str(turn["content"]))
        for turn in turns or ()
    )
