"""The parts a section is made of: tables and figures, with the same numbers as CSV."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from dataclasses import dataclass

from cotmill.report.text import visible

_FORMULA = ("=", "+", "@", "\t", "\r")
"""What a spreadsheet would run when a cell begins with it; a leading minus is left, since numbers have it."""


@dataclass(frozen=True)
class Csv:
    """Raw numbers behind a figure or a table."""

    name: str
    header: tuple[str, ...]
    rows: tuple[tuple[object, ...], ...]

    def text(self) -> str:
        """Write as CSV; text that a spreadsheet would run as a formula is quoted."""
        out = io.StringIO()
        writer = csv.writer(out, lineterminator="\n")
        writer.writerow(self.header)
        writer.writerows([_cell(value) for value in row] for row in self.rows)
        return out.getvalue()


def _cell(value: object) -> object:
    if value is None:
        return ""
    if isinstance(value, float):
        return f"{value:.6g}"
    if isinstance(value, str):
        plain = visible(value)
        return "'" + plain if plain.startswith(_FORMULA) else plain
    return value


@dataclass(frozen=True)
class Table:
    """A table as it is shown: every cell already written, the first one of a row its header."""

    caption: str
    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    words: frozenset[int] = frozenset({0})
    """Columns that hold words and are set to the left; the others hold numbers."""
    note: str = ""
    strong: frozenset[int] = frozenset()
    """Rows set in bold: the reference that the others are compared to."""


@dataclass(frozen=True)
class Key:
    """One entry of a figure's key: a name, its colour (the name of a CSS variable) and its dashes."""

    label: str
    colour: str
    dashes: str = ""
    filled: bool = False


@dataclass(frozen=True)
class Panel:
    """One drawing of a figure."""

    title: str
    svg: str
    key: tuple[Key, ...] = ()
    """Where the panels of a figure do not share one."""


@dataclass(frozen=True)
class Figure:
    """Panels side by side under one caption, with a key and the raw numbers."""

    name: str
    caption: str
    panels: tuple[Panel, ...]
    csv: Csv
    key: tuple[Key, ...] = ()


@dataclass(frozen=True)
class Example:
    """One row of a pool to read: its score, what is known of it, its question and its solution."""

    score: str
    facts: str
    question: str
    trace: str


@dataclass(frozen=True)
class Extremes:
    """The rows that a method valued most and least."""

    title: str
    most: tuple[Example, ...]
    least: tuple[Example, ...]


@dataclass(frozen=True)
class Section:
    """A headed part of the page; a section with nothing to show is not made."""

    name: str
    title: str
    paragraphs: tuple[str, ...] = ()
    figures: tuple[Figure, ...] = ()
    tables: tuple[Table, ...] = ()
    folded: tuple[Table, ...] = ()
    """Tables that are opened one by one."""


def as_csv(table: Table) -> Csv:
    """Take a table's shown cells as its CSV."""
    return Csv(table.caption, table.columns, table.rows)


def unique(names: Sequence[str]) -> list[str]:
    """Make names different from one another by counting repeats.

    >>> unique(["a", "b", "a"])
    ['a', 'b', 'a-2']
    """
    seen: dict[str, int] = {}
    made = []
    for name in names:
        seen[name] = seen.get(name, 0) + 1
        made.append(name if seen[name] == 1 else f"{name}-{seen[name]}")
    return made
