"""The groups of queries: what the fine-tuned model says where fine-tuning changed right and wrong.

Source: Humane et al. 2025 (arXiv 2510.06108): questions of a validation set that went from wrong to right
make the group `correct`, those that went from right to wrong the group `incorrect`; the query is the
fine-tuned model's own completion. Everything the paper leaves open is an option here. Queries are a Pool
with two more columns, `group` and `weight`, so any file with a `group` column serves as well.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa

from cotmill.core.errors import DataError
from cotmill.data.pool import Pool
from cotmill.measure.influence.config import QueryConfig

GROUPS = ("correct", "incorrect")
SMALL = 20
"""Questions below which a group's mean is mostly chance: its error falls with the root of their number."""
RIGHT = "correct"


@dataclass(frozen=True)
class Flips:
    """How the questions of a validation set went, before and after fine-tuning."""

    questions: int
    gained: int
    """Wrong before, right after."""
    lost: int
    """Right before, wrong after."""
    kept_right: int
    kept_wrong: int


def make_queries(
    base: pa.Table, tuned: pa.Table, config: QueryConfig | None = None, *, solutions: Pool | None = None
) -> tuple[Pool, Flips]:
    """Make queries of two items tables of one validation set: the base model's and the fine-tuned one's.

    A question that was sampled several times counts as right when more than half of its answers are.

    Raises:
        DataError: the tables share no question, no question is a query, or solutions are asked for and
            missing.
    """
    config = config or QueryConfig()
    before, after = _by_question(base), _by_question(tuned)
    shared = [question for question in after if question in before]
    if not shared:
        raise DataError(
            f"the two evaluations share none of their {len(before)} and {len(after)} questions; evaluate "
            "both models on one validation set"
        )
    turned = [(_right(before[one]), _right(after[one])) for one in shared]
    flips = Flips(
        len(shared),
        *(turned.count(pair) for pair in ((False, True), (True, False), (True, True), (False, False))),
    )
    texts = _solutions(solutions) if config.text == "solution" else {}
    rows: list[dict[str, Any]] = []
    for question, (was, now) in zip(shared, turned, strict=True):
        if config.questions == "outcomes" or was != now:
            rows += _rows(after[question], config, texts, right=now)
    if not rows:
        raise DataError(
            f"fine-tuning changed the answer of none of {len(shared)} questions, so there are no queries; "
            "take more questions, or questions: outcomes"
        )
    return Pool.from_rows(rows), flips


def _by_question(items: pa.Table) -> dict[str, list[Mapping[str, Any]]]:
    """Gather the answers of each question, in the order in which they were sampled."""
    needed = ("example_id", "sample", "question", "gold", "output", "verdict")
    if missing := [name for name in needed if name not in items.column_names]:
        raise DataError(
            f"an items table lacks {', '.join(missing)}; give folders that cotmill evaluate wrote, of a "
            "benchmark whose answers are judged"
        )
    found: dict[str, list[Mapping[str, Any]]] = {}
    for item in items.select(list(needed)).to_pylist():
        found.setdefault(item["example_id"], []).append(item)
    return {question: sorted(told, key=lambda item: item["sample"]) for question, told in found.items()}


def _right(answers: list[Mapping[str, Any]]) -> bool:
    return 2 * sum(answer["verdict"] == RIGHT for answer in answers) > len(answers)


def _solutions(pool: Pool | None) -> dict[str, str]:
    """Give the solution of every question that has one."""
    if pool is None:
        raise DataError("solutions are asked for as queries; give the validation set with its solutions")
    pairs = zip(pool.column("example_id").to_pylist(), pool.column("trace").to_pylist(), strict=True)
    return {example: trace for example, trace in pairs if trace}


def _rows(
    answers: list[Mapping[str, Any]], config: QueryConfig, texts: Mapping[str, str], *, right: bool
) -> Iterator[dict[str, Any]]:
    """Give the queries of one question; they share a weight of one."""
    first = answers[0]
    if config.text == "solution":
        if first["example_id"] not in texts:
            raise DataError(f"the question {first['question']!r} has no solution in the validation set")
        traces = [texts[first["example_id"]]]
    else:
        traces = [one["output"] for one in answers if (one["verdict"] == RIGHT) == right and one["output"]]
        traces = traces[: config.rollouts]
    for trace in traces:
        yield {
            "question": first["question"],
            "gold": first["gold"],
            "trace": trace,
            "origin": config.text,
            # A solution is wanted whatever the model said; only a completion can be wrong.
            "group": GROUPS[0 if config.text == "solution" else not right],
            "weight": 1.0 / len(traces),
        }


def disjoint(validation: Pool, tests: Mapping[str, Pool]) -> tuple[Pool, int]:
    """Drop questions of a validation set that are in a test; a validation set is never reported on.

    Returns what is left and how many were dropped.

    Raises:
        DataError: more than half of the validation set is in a test: it is that test.
    """
    ids = validation.column("example_id").to_pylist()
    asked = {name: set(test.column("example_id").to_pylist()) for name, test in tests.items()}
    for name, others in asked.items():
        shared = sum(one in others for one in ids)
        if 2 * shared > len(ids):
            raise DataError(
                f"{shared} of {len(ids)} validation questions are in the test {name!r}; rows that are chosen "
                "by a test must not be judged by it: name another validation set"
            )
    every = set().union(*asked.values())
    fit = np.array([one not in every for one in ids])
    return (validation if fit.all() else validation.take(validation.ids[fit])), int((~fit).sum())


def groups_of(queries: Pool) -> tuple[np.ndarray, np.ndarray]:
    """Read the group (0 correct, 1 incorrect) and the weight of every query.

    Raises:
        DataError: there is no column `group`, or it holds other words.
    """
    if "group" not in queries.columns:
        raise DataError(
            f"queries need a column group with the words {' and '.join(GROUPS)}; the columns are "
            f"{', '.join(queries.columns)}"
        )
    words = queries.column("group").to_pylist()
    if strange := sorted({str(word) for word in words} - set(GROUPS)):
        raise DataError(f"the column group holds {', '.join(strange)}; expected {' or '.join(GROUPS)}")
    weights = np.ones(len(words))
    if "weight" in queries.columns:
        weights = np.array(queries.column("weight").to_pylist(), dtype=np.float64)
    return np.array([GROUPS.index(word) for word in words]), weights


def warnings_about(queries: Pool) -> list[str]:
    """Say which groups are too small to be trusted."""
    groups, _ = groups_of(queries)
    examples = np.array(queries.column("example_id").to_pylist())
    told = []
    for number, name in enumerate(GROUPS):
        count = len(set(examples[groups == number].tolist()))
        if not count:
            told.append(f"there are no {name} queries; strategies that need them will be refused")
        elif count < SMALL:
            told.append(
                f"only {count} questions are {name} queries; their mean has an error of about 1/√{count} of "
                "their spread, so expect many undecided rows: take a larger validation set"
            )
    return told
