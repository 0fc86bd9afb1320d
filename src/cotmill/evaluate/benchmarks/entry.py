"""What a benchmark's module declares: where the rows are, and how a raw row becomes a question."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from cotmill.data.detect import form_named
from cotmill.data.fields import normal

Raw = Mapping[str, Any]
ROW = "row number"
Row = dict[str, Any]
"""`question` and `gold`, optionally `trace`, and the group columns."""


@dataclass(frozen=True)
class Entry:
    """One published set. A module of this folder holds one of these and the functions it needs.

    `question` and `base` raise `BadRowError` with the reason why a row is set aside.
    """

    name: str
    about: str
    source: str
    """Where the rows come from, and what describes them."""
    licence: str
    parts: Mapping[str, tuple[str, ...]]
    """Part → paths below the data folder; the first that exists is read, upstream's whole file first."""
    question: Callable[[Raw], Row]
    """A raw row, with its place in the file under `ROW`, → the row to ask."""
    base: Callable[[Raw], Row] | None = None
    """A raw row → the unchanged question that it varies; asked once, kept out of the headline."""
    default: tuple[str, ...] = ()
    """The parts that are meant when none is named; empty: all."""
    part_column: str | None = None
    """A group column that says which part a row came from."""
    strict_rule: str = "gsm8k"
    groups: tuple[str, ...] = ()
    cluster: str | None = None


def asked(form: str, raw: Raw, **columns: str) -> Row:
    """Read a raw row by one of the forms of `data`, so that a question reads here as it does in training."""
    found = form_named(form)
    named = {normal(name): value for name, value in raw.items()}
    fields = found.row(*(named.get(name) for name in found.reads))
    return {"question": fields.question, "gold": fields.gold, "trace": fields.trace, **columns}


def steps_of(solution: str) -> str:
    """Count the calculator marks of a GSM8K solution; eight and more are one group.

    >>> steps_of("2*3=<<2*3=6>>6, 6+1=<<6+1=7>>7")
    '2'
    """
    steps = solution.count("<<")
    return str(steps) if steps < 8 else "8 or more"
