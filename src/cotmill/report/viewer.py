"""Rows for a viewer on the page: filters, sorts, texts and pages over rows that are embedded as JSON.

The page's script knows nothing of what the rows mean; it gets facets to filter by, numbers to sort by, and
blocks of text to search and show. All of it is put on the page as text, never as markup.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import pyarrow as pa

from cotmill.report.text import clipped, count

BYTES = 5_500_000
"""JSON that all viewers of a page may take together; with figures and tables the page stays below 8 MB."""


@dataclass(frozen=True)
class Row:
    """One row: a value per facet, a number (or None) per sort, a clipped text per block."""

    key: str
    facets: tuple[str, ...]
    numbers: tuple[float | None, ...]
    texts: tuple[str, ...]
    first: bool = False
    """Whether it is embedded before all others."""


@dataclass(frozen=True)
class Sort:
    """An order to offer: a name, the place of the number, and the direction."""

    label: str
    number: int
    falling: bool


@dataclass(frozen=True)
class Viewer:
    """A viewer as the template shows it."""

    name: str
    title: str
    payload: str
    shown: int
    total: int
    note: str


@dataclass(frozen=True)
class Shape:
    """What the rows of one viewer have."""

    facets: tuple[str, ...]
    blocks: tuple[str, ...]
    numbers: tuple[str, ...] = ()
    sorts: tuple[Sort, ...] = ()
    tones: Mapping[str, str] = field(default_factory=dict)
    """Facet value → `good`, `bad` or `plain`: how its badge is coloured."""
    head: int = 0
    """The block under which rows are gathered: the question."""
    line: int = 1
    """The block whose beginning stands for the row while it is closed."""


def viewer(
    name: str, title: str, shape: Shape, rows: Iterable[Row], total: int, *, budget: int, note: str = ""
) -> Viewer:
    """Embed as many rows as the budget of bytes allows; those marked `first` before the others.

    Rows come in the order in which they are to be kept, and are shown in the order of their keys.
    """
    kept, texts, size = [], {}, 0
    for row in sorted(rows, key=lambda one: not one.first):
        new = dict.fromkeys(text for text in row.texts if text not in texts)
        cost = sum(len(json.dumps(text)) for text in new) + 12 * (
            len(row.facets) + len(row.texts) + len(row.numbers)
        )
        if size + cost > budget:
            break
        size += cost
        for text in new:
            texts[text] = len(texts)
        kept.append(row)
    kept.sort(key=lambda row: row.key)
    said = (
        f"{count(len(kept))} of {count(total)} rows are embedded on this page. " if len(kept) < total else ""
    )
    return Viewer(name, title, script_json(_payload(shape, kept, list(texts))), len(kept), total, said + note)


def _payload(shape: Shape, rows: Sequence[Row], texts: Sequence[str]) -> dict[str, Any]:
    """Number every facet value and every text once, so that repeats cost little."""
    place = {text: at for at, text in enumerate(texts)}
    values = [
        list(dict.fromkeys(clipped(row.facets[at], 200) for row in rows)) for at in range(len(shape.facets))
    ]
    numbered = [{value: at for at, value in enumerate(one)} for one in values]
    return {
        "facets": [
            {"label": label, "values": found, "tones": [shape.tones.get(value, "plain") for value in found]}
            for label, found in zip(shape.facets, values, strict=True)
        ],
        "blocks": list(shape.blocks),
        "head": shape.head,
        "line": shape.line,
        "numbers": list(shape.numbers),
        "sorts": [[sort.label, sort.number, sort.falling] for sort in shape.sorts],
        "texts": list(texts),
        "rows": [
            [
                [numbers[clipped(value, 200)] for numbers, value in zip(numbered, row.facets, strict=True)],
                [None if value is None else float(f"{value:.6g}") for value in row.numbers],
                [place[text] for text in row.texts],
            ]
            for row in rows
        ],
    }


def bounded(table: pa.Table) -> Iterator[dict[str, str]]:
    """Read rows as clipped texts, one at a time: long ones are never held all at once."""
    for at in range(len(table)):
        yield {name: _bounded(table[name][at].as_py()) for name in table.column_names}


def _bounded(value: object) -> str:
    return "" if value is None else clipped(value)


def script_json(value: Any) -> str:
    r"""Write JSON for the inside of a script element: nothing in it can end the element or open a comment.

    >>> script_json("</script><!--")
    '"\\u003c/script\\u003e\\u003c!--"'
    """
    text = json.dumps(value, ensure_ascii=False, separators=(",", ":"), allow_nan=False)
    for risky in "<>&\u2028\u2029":
        text = text.replace(risky, f"\\u{ord(risky):04x}")
    return text
