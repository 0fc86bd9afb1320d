"""The case study, over many items: question and an earlier step disagree; which does the next step follow?

Two kinds of item are found in every worked solution. `given`: a number of the question is used in one line
and again in a later one (24-18=6, then 24+6=30). `result`: what one line works out is used in a later one
(the 6). Then one side is altered, and the later line is asked for its operand: is the value that agrees with
the question likelier, or the one that agrees with the steps before?

| altered | the question says | the steps before say |
|---|---|---|
| nothing | v | v |
| steps | v (or implies it) | w: every v in the solution before the asked line is replaced |
| question | w: the one v in the question is replaced (`given` only) | v |

Where the rows come with the problem's dependency graph (the lab's tests), only values that belong to exactly
one quantity of it are used, and the kind of item is the quantity's own; elsewhere, values that stand once in
the question and are used as operands. The paper shows a single such case; the share is over items, with
intervals, here.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Literal

import numpy as np
import pyarrow as pa

from cotmill.core.errors import DataError
from cotmill.data.pool import Pool
from cotmill.measure.dependency.influence import read_rows
from cotmill.measure.dependency.numbers import Number, Read, Reader, another
from cotmill.measure.dependency.reading import Asked, predict
from cotmill.model.load import LanguageModel
from cotmill.model.render import Form

GRAPH = "lab_graph"
Kind = Literal["given", "result"]
Altered = Literal["nothing", "steps", "question"]


@dataclass(frozen=True, eq=False)
class Item:
    """An operand that question and earlier steps agree on, and what is altered so that they do not."""

    read: Read
    kind: Kind
    asked: Number
    sides: Mapping[Altered, tuple[Number, ...]]
    other: str
    """The number that takes its place."""


def conflicts(lm: LanguageModel, pool: Pool, *, seed: int = 0, form: Form = "auto") -> pa.Table:
    """Put question and steps at odds in every row that allows it; a row for each item and side altered.

    Raises:
        DataError: no row uses a number twice.
    """
    graphs = dict(zip(pool.ids, pool.column(GRAPH).to_pylist(), strict=True)) if GRAPH in pool.columns else {}
    rows: list[dict[str, object]] = []
    asked: list[Asked] = []
    for read in read_rows(lm, pool, form=form):
        for item in items_of(read, graphs.get(read.row_id), seed):
            for altered, told in _texts(Reader(lm.tokenizer), item):
                asked += told
                rows.append({"row_id": read.row_id, "kind": item.kind, "altered": altered,
                             "distance": item.asked.first - item.sides["steps"][-1].first})  # fmt: skip
    if not rows:
        raise DataError(f"none of the {len(pool)} rows uses a number in two lines of its solution")
    scores = [found.log_probability.sum() for found in predict(lm, asked)]
    for row, true, other in zip(rows, scores[::2], scores[1::2], strict=True):
        # The first of each pair is the value that agrees with the question.
        row |= {"question": float(true), "steps": float(other), "follows_question": bool(true > other)}
    return pa.Table.from_pylist(rows)


def items_of(read: Read, graph: str | None, seed: int) -> Iterator[Item]:
    """Find the items of a row: at most one for each value, at the last line that uses it."""
    kinds = _kinds(read, graph)
    for value, kind in kinds.items():
        uses = [number for number in read.numbers if number.text == value]
        operands = [number for number in uses if number.role == "operand"]
        if not operands:
            continue
        asked = operands[-1]
        steps = tuple(number for number in uses if 0 <= number.line < asked.line)
        question = tuple(number for number in uses if number.line < 0)
        twice = sum(number.line == asked.line and number.role == "operand" for number in uses) > 1
        other = another(read, asked, seed)
        if steps and other and not twice:
            sides: dict[Altered, tuple[Number, ...]] = {"nothing": (), "steps": steps}
            if kind == "given":
                sides["question"] = question
            yield Item(read, kind, asked, sides, other)


def _kinds(read: Read, graph: str | None) -> dict[str, Kind]:
    """Say for each usable value whether the question gives it or a line works it out."""
    stated = Counter(number.text for number in read.numbers if number.line < 0)
    if graph is not None:
        nodes = json.loads(graph)["nodes"]
        held = Counter(str(value) for _, _, value, *_ in nodes)
        named = {str(value): kind for _, kind, value, *_ in nodes if held[str(value)] == 1}
        kinds: dict[str, Kind] = {
            value: "given" if kind == "given" else "result"
            for value, kind in named.items()
            if (kind == "given" and stated[value] == 1) or (kind == "result" and not stated[value])
        }
        return kinds
    found: dict[str, Kind] = {value: "given" for value, count in stated.items() if count == 1}
    results = Counter(number.text for number in read.numbers if number.role == "result")
    found.update({value: "result" for value, count in results.items() if count == 1 and not stated[value]})
    return found


def _texts(reader: Reader, item: Item) -> Iterator[tuple[Altered, list[Asked]]]:
    """Make, for each side, the text with the value that agrees with the question, and with the steps'."""
    for altered, places in item.sides.items():
        own = item.asked.text
        for_question, for_steps = (item.other, own) if altered == "question" else (own, item.other)
        pair = [_asked(reader, item, places, written) for written in (for_question, for_steps)]
        if all(one is not None for one in pair):
            yield altered, [one for one in pair if one is not None]


def _asked(reader: Reader, item: Item, places: tuple[Number, ...], written: str) -> Asked | None:
    """Alter the places, write a value where the operand is asked for, and ask for its tokens."""
    ids = reader.altered(item.read, list(places), item.other) if places else item.read.ids
    own = reader.altered(item.read, [item.asked], written) if written != item.asked.text else item.read.ids
    if ids is None or own is None:
        return None
    span = np.arange(item.asked.first, item.asked.last)
    truth = np.asarray(own)[span]
    whole = np.asarray(ids)
    whole[span] = truth
    return Asked(tuple(whole.tolist()), span, truth)
