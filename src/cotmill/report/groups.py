"""Results by kind of question: by source, by number of steps, by kind of distractor, whatever a test has."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from cotmill.report.answers import MEASURES, Answers, answers, crossed, measure_of
from cotmill.report.intervals import Interval
from cotmill.report.parts import Section, Table
from cotmill.report.read import LoadedRun
from cotmill.report.text import clipped, count, visible

MOST_KINDS = 14
"""A column with more kinds than this is no grouping that a person would read."""


def groups_section(run: LoadedRun, prefix: str) -> Section | None:  # noqa: ARG001 - all sections are called alike
    """Build the section on kinds of questions."""
    tables = [table for test in run.tests for table in _tables(run, test)]
    if not tables:
        return None
    text = (
        "The same answers, split by what is known of the questions. Each entry is a mean over seeds with its "
        "95 % interval, in per cent; among many small groups some intervals miss by chance."
    )
    return Section("groups", "By kind of question", (text,), folded=tuple(tables))


def _tables(run: LoadedRun, test: str) -> list[Table]:
    measure = measure_of(run, test)
    if measure is None:
        return []
    read = {variant: _answers(run, variant, test) for variant in run.variants}
    columns = dict.fromkeys(name for found in read.values() for one in found for name in one.groups)
    made = (_table(read, column, f"{MEASURES[measure]} on {visible(test)}") for column in columns)
    return [table for table in made if table is not None]


def _answers(run: LoadedRun, variant: str, test: str) -> list[Answers]:
    found = (answers(run, cell) for cell in run.of(variant, test))
    return [one for one in found if one is not None]


def _table(read: Mapping[str, Sequence[Answers]], column: str, what: str) -> Table | None:
    variants = [
        variant for variant, found in read.items() if found and all(column in one.groups for one in found)
    ]
    kinds = sorted(
        {kind for name in variants for one in read[name] for kind in set(one.groups[column])}, key=_natural
    )
    if not 2 <= len(kinds) <= MOST_KINDS:
        return None
    rows = []
    for kind in kinds:
        first = read[variants[0]][0]
        split = {name: [one.by_unit(one.groups[column] == kind) for one in read[name]] for name in variants}
        intervals = crossed(split)
        cells = [_cell(intervals.get(variant)) for variant in variants]
        rows.append(
            (clipped(kind, 60) or "(none)", count(len(first.by_unit(first.groups[column] == kind))), *cells)
        )
    label = visible(column.replace("_", " "))
    head = (label.capitalize(), "n items", *(visible(variant) for variant in variants))
    seeds = " and ".join(str(number) for number in sorted({len(read[variant]) for variant in variants}))
    note = f"Seeds: {seeds}."
    return Table(f"{what[0].upper()}{what[1:]} by {label}", head, tuple(rows), note=note)


def _natural(kind: str) -> tuple[object, ...]:
    """Sort 2 before 10.

    >>> sorted(["10 steps", "2 steps"], key=_natural)
    ['2 steps', '10 steps']
    """
    parts = re.split(r"(\d+)", kind)
    return tuple((int(part), "") if part.isdigit() else (-1, part) for part in parts)


def _cell(interval: Interval | None) -> str:
    if interval is None:
        return "–"
    low, high = 100 * interval.low, 100 * interval.high
    return f"{100 * interval.mean:.1f} [{low:.1f}\u00a0to\u00a0{high:.1f}]"
