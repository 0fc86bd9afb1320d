"""What a pool is, in numbers: counts, lengths, steps, duplicates, gold answers that cannot be found.

One pass over the rows, and one more over the first `near_limit` of them for near-duplicates.
"""

from __future__ import annotations

import re
from array import array
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from itertools import islice
from typing import Any

import numpy as np
from jaxtyping import Int, UInt64

from cotmill.data.duplicates import Near, near_duplicates
from cotmill.data.gold import MARK, final_answer
from cotmill.data.identity import digest
from cotmill.data.pool import Pool

NEAR_LIMIT = 200_000
"""Rows looked at for near-duplicates: about 1 GB of memory and a minute."""
SHOWN = 5
"""Row ids given as examples of a finding."""

_MARKS = re.compile(r"<<[^<>]*>>")
_CONTROL = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]")
_NUMBER = re.compile(r"-?(\d+\.?\d*|\.\d+)", re.ASCII)
_LETTER = re.compile(r"[A-E]")
"""The gold answer of a multiple-choice question; traces rarely end on the letter."""


@dataclass(frozen=True)
class Spread:
    """How values are distributed."""

    least: int
    p10: int
    median: int
    p90: int
    p99: int
    most: int
    mean: float

    @classmethod
    def of(cls, values: Iterable[int] | np.ndarray) -> Spread | None:
        """Summarise values; None when there are none."""
        numbers = np.fromiter(values, dtype=np.int64)
        if not len(numbers):
            return None
        points = np.percentile(numbers, [0, 10, 50, 90, 99, 100], method="lower").tolist()
        return cls(*points, mean=round(float(numbers.mean()), 2))


@dataclass
class Finding:
    """Rows with something about them: how many, and the ids of the first few."""

    rows: int = 0
    first: list[str] = field(default_factory=list)

    def add(self, row_id: str) -> None:
        """Count one."""
        self.rows += 1
        if len(self.first) < SHOWN:
            self.first.append(row_id)


@dataclass(frozen=True)
class NearSummary:
    """Near-duplicates in short; `first` holds the row ids of the first groups."""

    groups: int
    rows_too_many: int
    largest: int
    looked_at: int
    threshold: float
    first: list[list[str]]


@dataclass(frozen=True)
class Description:
    """All that `cotmill check` says without a model."""

    rows: int
    examples: int
    questions: int
    fingerprint: str
    with_trace: int
    with_gold: int
    with_context: int
    sources: dict[str, int]
    origins: dict[str, int]
    own_columns: list[str]
    question_characters: Spread | None
    trace_characters: Spread | None
    trace_words: Spread | None
    steps: Spread | None
    steps_histogram: dict[int, int]
    findings: dict[str, Finding]
    near_questions: NearSummary
    near_rows: NearSummary


NO_GOLD = "no gold answer can be found"
OTHER_ANSWER = "the trace ends on another answer than gold"
REPEATED = "the same question and trace as an earlier row"
TWO_GOLDS = "a question with several different gold answers"
CONTROL = "control characters"
REPLACED = "replacement characters (text was decoded wrongly)"
CUT = "the trace seems cut off (it ends within a mark)"


def steps_in(trace: str) -> int:
    r"""Count the steps: calculator marks, else lines but the final one, else equations.

    >>> steps_in("a <<1+1=2>>2\nb <<2*2=4>>4\n#### 4"), steps_in("First, a.\nSo b.\n#### 4")
    (2, 2)
    """
    marks = len(_MARKS.findall(trace))
    if marks:
        return marks
    lines = sum(1 for line in trace.split("\n") if line.strip() and not line.lstrip().startswith(MARK))
    return lines if lines > 1 else max(1, trace.count("="))


def same_answer(left: str, right: str) -> bool:
    """Compare answers cheaply: as text, or as plain numbers. `cotmill.verify` judges; this only counts.

    >>> same_answer("70,000", "$70000.0"), same_answer("1/2", "0.5")
    (True, False)
    """
    plain = [answer.replace(",", "").strip(" $.%").lower() for answer in (left, right)]
    if plain[0] == plain[1]:
        return True
    return all(map(_NUMBER.fullmatch, plain)) and float(plain[0]) == float(plain[1])


class _Counts:
    """What one pass over the rows gathers: about 60 bytes a row."""

    def __init__(self) -> None:
        self.sources: Counter[str] = Counter()
        self.origins: Counter[str] = Counter()
        self.question_characters, self.trace_characters = array("q"), array("q")
        self.trace_words, self.steps = array("q"), array("q")
        self.with_gold = self.with_context = 0
        self.findings = {name: Finding() for name in (NO_GOLD, OTHER_ANSWER, CONTROL, REPLACED, CUT)}
        self.examples, self.contents, self.questions = array("Q"), array("Q"), array("Q")

    def add(self, row: dict[str, Any]) -> None:
        """Count one row."""
        question, trace, gold = row["question"], row["trace"], row["gold"]
        self.sources[row["source"]] += 1
        self.origins[row["origin"]] += 1
        self.with_gold += gold is not None
        self.with_context += bool(row["context"])
        self.question_characters.append(len(question))
        if trace:
            self.trace_characters.append(len(trace))
            self.trace_words.append(trace.count(" ") + trace.count("\n") + 1)
            self.steps.append(steps_in(trace))
        self.examples.append(int(row["example_id"][:16], 16))
        self.contents.append(_key(row["example_id"], trace))
        self.questions.append(_key(question, str(row["context"])) if question else 0)
        for name in _said_of(question, trace, gold):
            self.findings[name].add(row["row_id"])

    def compared(self, pool: Pool) -> dict[str, Finding]:
        """Find what only shows when rows are compared: repeats, and questions with several answers."""
        questions, examples = _keys(self.questions), _keys(self.examples)
        return {
            REPEATED: _finding(pool, _later(_keys(self.contents))),
            TWO_GOLDS: _finding(pool, _conflicts(questions, examples)),
        }


def _keys(values: array[int]) -> UInt64[np.ndarray, " row"]:
    """View 64-bit keys as numpy's uint64; the `Q` of array is that under another name."""
    return np.asarray(values).view(np.uint64)


def _key(*parts: str) -> int:
    """Hash texts to 64 bits."""
    return int(digest(*(part.encode() for part in parts))[:16], 16)


def _said_of(question: str, trace: str, gold: str | None) -> Iterator[str]:
    """Name what is to be said about a row by itself."""
    if gold is None:
        yield NO_GOLD
    elif trace and not _LETTER.fullmatch(gold):
        said = final_answer(trace)
        if said is not None and not same_answer(said, gold):
            yield OTHER_ANSWER
    text = question + trace
    if _CONTROL.search(text):
        yield CONTROL
    if "\ufffd" in text:
        yield REPLACED
    if trace.rfind("<<") > trace.rfind(">>"):
        yield CUT


def _later(keys: UInt64[np.ndarray, " row"]) -> Int[np.ndarray, " repeat"]:
    """Return the positions of keys that occurred before."""
    again = np.ones(len(keys), dtype=bool)
    again[np.unique(keys, return_index=True)[1]] = False
    return np.flatnonzero(again)


def _conflicts(
    questions: UInt64[np.ndarray, " row"], examples: UInt64[np.ndarray, " row"]
) -> Int[np.ndarray, " conflict"]:
    """Return the positions whose question occurred before with another gold answer."""
    _, first, group = np.unique(questions, return_index=True, return_inverse=True)
    return np.flatnonzero((examples != examples[first[group]]) & (questions != 0))


def _finding(pool: Pool, positions: Int[np.ndarray, " position"]) -> Finding:
    """Look up the ids of the first rows."""
    column = pool.column("row_id") if len(positions) else []
    return Finding(len(positions), [str(column[int(position)]) for position in positions[:SHOWN]])


_READ = ["row_id", "example_id", "question", "gold", "trace", "origin", "source", "context"]


def describe(pool: Pool, *, near_limit: int = NEAR_LIMIT) -> Description:
    """Gather the numbers."""
    counts = _Counts()
    for batch in pool.batches(_READ):
        for row in batch.to_pylist():
            counts.add(row)
    questions, rows = _near(pool, near_limit)
    findings = counts.findings | counts.compared(pool)
    return Description(
        rows=len(pool),
        examples=len(np.unique(_keys(counts.examples))),
        questions=len(np.unique(_keys(counts.questions)[_keys(counts.questions) != 0])),
        fingerprint=pool.fingerprint,
        with_trace=len(counts.trace_characters),
        with_gold=counts.with_gold,
        with_context=counts.with_context,
        sources=dict(counts.sources.most_common()),
        origins=dict(counts.origins.most_common()),
        own_columns=pool.columns[len(_READ) :],
        question_characters=Spread.of(counts.question_characters),
        trace_characters=Spread.of(counts.trace_characters),
        trace_words=Spread.of(counts.trace_words),
        steps=Spread.of(counts.steps),
        steps_histogram=dict(sorted(Counter(counts.steps).items())),
        findings={name: finding for name, finding in findings.items() if finding.rows},
        near_questions=questions,
        near_rows=rows,
    )


def _near(pool: Pool, limit: int) -> tuple[NearSummary, NearSummary]:
    """Look for near-duplicates among different questions, and among different rows."""
    questions: dict[str, str] = {}
    whole: dict[str, str] = {}
    batches = pool.batches(["row_id", "question", "trace"])
    rows = (row for batch in batches for row in batch.to_pylist())
    for row in islice(rows, limit):
        questions.setdefault(row["question"], row["row_id"])
        whole.setdefault(f"{row['question']}\n{row['trace']}", row["row_id"])
    return _summary(questions), _summary(whole)


def _summary(texts: dict[str, str]) -> NearSummary:
    """Find near-duplicates and keep what is worth saying."""
    ids = list(texts.values())
    near: Near = near_duplicates(list(texts))
    largest = max((len(group) for group in near.groups), default=0)
    first = [[ids[position] for position in group[:SHOWN]] for group in near.groups[:SHOWN]]
    return NearSummary(len(near.groups), near.extra, largest, near.looked_at, near.threshold, first)
