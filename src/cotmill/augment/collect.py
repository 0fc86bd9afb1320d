"""Samples of any number of stores, question by question, beside the question and its given solutions.

The stores are streamed in their order by question and merged; only the questions of the Pool are held in
memory. A sample that two stores hold is taken once. Writers are told apart by model and settings.
"""

from __future__ import annotations

import heapq
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import groupby
from operator import itemgetter
from typing import Any, NamedTuple

from cotmill.augment.store import SampleStore
from cotmill.core.errors import DataError
from cotmill.data.pool import Pool
from cotmill.data.table import messages_of
from cotmill.data.types import Example, Message

COLUMNS = (
    "sample_id", "example_id", "model", "model_name", "settings", "index", "seed", "text", "tokens",
    "finish_reason",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Question:
    """A question of the Pool, and the solutions that the Pool has for it."""

    example: Example
    source: str
    golds: tuple[str, ...]


class Sampled(NamedTuple):
    """A question with its samples, in the order of the stores."""

    example_id: str
    question: Question
    samples: list[dict[str, Any]]


def questions_of(pool: Pool) -> dict[str, Question]:
    """Read every question of a Pool with its solutions; rows without a solution are questions too."""
    examples: dict[str, tuple[Example, str]] = {}
    golds: dict[str, list[str]] = defaultdict(list)
    names = ["example_id", "question", "gold", "context", "source", "trace"]
    for batch in pool.batches(names):
        for row in batch.to_pylist():
            if row["example_id"] not in examples:
                context: tuple[Message, ...] = messages_of(row["context"])
                examples[row["example_id"]] = Example(row["question"], row["gold"], context), row["source"]
            if row["trace"].strip():
                golds[row["example_id"]].append(row["trace"])
    return {name: Question(*found, tuple(golds[name])) for name, found in examples.items()}


@dataclass
class Writers:
    """Who wrote the samples: a short name for every pair of model and settings, and how far each went."""

    names: dict[tuple[str, str], str] = field(default_factory=dict)
    samples: int = 0
    last_index: int = -1


def writers_of(stores: Sequence[SampleStore]) -> Writers:
    """Name the writers of the samples, in the order of their names.

    Raises:
        DataError: there is no sample at all.
    """
    found: dict[tuple[str, str], str] = {}
    writers = Writers()
    for store in stores:
        for batch in store.batches(["model", "model_name", "settings", "index"]):
            columns: list[list[Any]] = [column.to_pylist() for column in batch.columns]
            models, names, settings, index = columns
            for model, name, told in set(zip(models, names, settings, strict=True)):
                found[model, told] = min(found.get((model, told), name), name)
            writers.samples += len(batch)
            writers.last_index = max(writers.last_index, *index)
    if not found:
        raise DataError("the stores hold no samples; draw some with `cotmill sample` first")
    writers.names = _short(found)
    return writers


def _short(found: Mapping[tuple[str, str], str]) -> dict[tuple[str, str], str]:
    """Tell writers of one name apart by their settings and, if need be, by the model's fingerprint."""
    by_name: dict[str, list[tuple[str, str]]] = defaultdict(list)
    for pair, name in sorted(found.items(), key=lambda item: (item[1], item[0])):
        by_name[name].append(pair)
    short = {}
    for name, pairs in by_name.items():
        models, settings = {model for model, _ in pairs}, {told for _, told in pairs}
        for model, told in pairs:
            marks = [f"model {model[:6]}"] * (len(models) > 1) + [f"settings {told[:6]}"] * (
                len(settings) > 1
            )
            short[model, told] = " ".join([name, *marks])
    return short


def sampled_questions(
    stores: Sequence[SampleStore], questions: Mapping[str, Question], writers: Writers, k: int | None
) -> Iterator[Sampled]:
    """Stream the questions that have samples, in the order of their ids; each sample has its `writer`.

    Samples of questions that the Pool does not have are passed over; `Sampled` never holds them.
    """
    streams = [_by_question(store, k) for store in stores]
    merged: Iterable[tuple[str, list[dict[str, Any]]]] = heapq.merge(*streams, key=itemgetter(0))
    for example_id, parts in groupby(merged, key=itemgetter(0)):
        rows = {row["sample_id"]: row for _, part in parts for row in part}
        if example_id in questions and rows:
            samples = [
                {**row, "writer": writers.names[row["model"], row["settings"]]} for row in rows.values()
            ]
            samples.sort(key=lambda row: (row["writer"], row["index"], row["sample_id"]))
            yield Sampled(example_id, questions[example_id], samples)


def _by_question(store: SampleStore, k: int | None) -> Iterator[tuple[str, list[dict[str, Any]]]]:
    """Group the rows of one store."""
    rows = (row for batch in store.batches(list(COLUMNS)) for row in batch.to_pylist())
    for example_id, group in groupby(rows, key=itemgetter("example_id")):
        yield example_id, [row for row in group if k is None or row["index"] < k]
