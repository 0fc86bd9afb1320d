"""The probe: alter one number, and see which later numbers are predicted otherwise.

Every number of a question and of its solution is altered in turn (to one with as many digits that stands
nowhere in the text), the solution around it kept. At each later number of the solution two things are noted:
whether the likeliest prediction of any of its tokens changed, and by how much its log-probability fell.
Where we differ from the paper: both are kept for every pair, with roles and places, so that any grouping can
be made later; and a copy of a result behind `>>` is told apart, since it depends on its neighbour whatever
the model has learned.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from cotmill.core.errors import DataError
from cotmill.core.progress import progress
from cotmill.data.pool import Pool
from cotmill.measure.dependency.numbers import Number, Read, Reader, another
from cotmill.measure.dependency.reading import Asked, Predicted, predict
from cotmill.model.load import LanguageModel
from cotmill.model.render import Form, form_of, render, rows_of

AT_ONCE = 64
"""Rows whose altered texts are scored together: some thousand texts, sorted by length."""


@dataclass(frozen=True, eq=False)
class Altered:
    """A text, and one of its numbers altered; the later numbers are looked at."""

    read: Read
    number: Number | None
    """None: the text as it is."""
    later: tuple[Number, ...]
    asked: Asked


def probe(lm: LanguageModel, pool: Pool, *, seed: int = 0, form: Form = "auto") -> pa.Table:
    """Measure the influence of every number on every later one; a row for each pair.

    Raises:
        DataError: no row has a number in its solution that another stands before.
    """
    parts: list[pa.Table] = []
    reads = list(read_rows(lm, pool, form=form))
    for begin in progress(range(0, len(reads), AT_ONCE), "altering numbers"):
        altered = [one for read in reads[begin : begin + AT_ONCE] for one in _altered(lm, read, seed)]
        if altered:
            parts.append(_pairs(altered, predict(lm, [one.asked for one in altered])))
    if not parts or not sum(len(part) for part in parts):
        raise DataError(f"none of the {len(pool)} rows has a number in its solution with another before it")
    return pa.concat_tables(parts)


def read_rows(lm: LanguageModel, pool: Pool, *, form: Form) -> Iterator[Read]:
    """Read the rows that have a solution and fit into the model, as training would render them."""
    reader, kind = Reader(lm.tokenizer), form_of(lm.tokenizer, form)
    for row in rows_of(pool):
        if row.trace:
            (text,) = render(lm.tokenizer, [row], kind)
            read = reader.read(row.row_id, text.prompt, text.full)
            if len(read.ids) <= lm.max_length:
                yield read


def _altered(lm: LanguageModel, read: Read, seed: int) -> Iterator[Altered]:
    """Make the text as it is, and one text for each number."""
    reader = Reader(lm.tokenizer)
    solution = tuple(number for number in read.numbers if number.line >= 0 and number.first > 0)
    if not solution:
        return
    yield Altered(read, None, solution, _asked(read.ids, read, solution))
    for number in read.numbers:
        later = tuple(other for other in solution if other.first >= number.last)
        drawn = another(read, number, seed)
        ids = reader.altered(read, [number], drawn) if later and drawn else None
        if ids is not None:
            yield Altered(read, number, later, _asked(ids, read, later))


def _asked(ids: tuple[int, ...], read: Read, later: tuple[Number, ...]) -> Asked:
    """Ask for all tokens of the later numbers, as they stand in the unaltered text."""
    places = np.concatenate([np.arange(number.first, number.last) for number in later])
    return Asked(ids, places, np.asarray(read.ids)[places])


def _pairs(altered: list[Altered], predicted: list[Predicted]) -> pa.Table:
    """Compare every altered text with the text as it is, number by number."""
    rows: list[dict[str, object]] = []
    whole: dict[int, tuple[int, float]] = {}
    for one, found in zip(altered, predicted, strict=True):
        if one.number is None:
            pairs = zip(one.asked.places, found.likeliest, found.log_probability, strict=True)
            whole = {int(place): (int(best), float(score)) for place, best, score in pairs}
        else:
            rows += _compared(one, one.number, found, whole)
    return pa.Table.from_pylist(rows, schema=SCHEMA)


def _compared(
    one: Altered, number: Number, found: Predicted, whole: dict[int, tuple[int, float]]
) -> Iterator[dict[str, object]]:
    """Compare one altered text."""
    begin = 0
    for later in one.later:
        span = range(later.first, later.last)
        best = found.likeliest[begin : begin + len(span)]
        score = found.log_probability[begin : begin + len(span)].sum()
        begin += len(span)
        changed = any(int(now) != whole[place][0] for now, place in zip(best, span, strict=True))
        source = (
            "question" if number.line < 0 else "same line" if number.line == later.line else "earlier line"
        )
        yield {
            "row_id": one.read.row_id,
            "source": source,
            "source_role": number.role,
            "role": later.role,
            "distance": later.first - number.first,
            "line": later.line,
            "changed": changed,
            "fall": sum(whole[place][1] for place in span) - float(score),
        }


SCHEMA = pa.schema(
    {
        "row_id": pa.string(),
        "source": pa.string(),
        "source_role": pa.string(),
        "role": pa.string(),
        "distance": pa.int32(),
        "line": pa.int32(),
        "changed": pa.bool_(),
        "fall": pa.float64(),
    }
)
"""One row per pair: which row, from where to what, how far, and what happened."""
