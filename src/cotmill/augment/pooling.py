"""Several models in one pool: who found what alone, what more samples bring, what is covered, and suspects.

Everything here is a function of two tables that `augment.shards` writes: questions × writers, and questions
× paths × writers. A path belongs to its question: the same key under two questions is two paths.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from itertools import pairwise
from typing import Any

import numpy as np
import pyarrow as pa
from jaxtyping import Float, Int

from cotmill.augment.choose import Chosen
from cotmill.augment.config import RftConfig
from cotmill.augment.richness import Counted, yield_curve
from cotmill.core.ids import rng_of

QUESTIONS = pa.schema(
    [
        ("example_id", pa.string()), ("writer", pa.string()), ("steps", pa.int32()),
        ("gold_paths", pa.int32()), ("samples", pa.int32()), ("usable", pa.int32()), ("right", pa.int32()),
        ("accepted", pa.int32()), ("kept", pa.int32()), ("tokens", pa.int64()),
    ]
)  # fmt: skip
PATHS = pa.schema(
    [
        ("example_id", pa.string()), ("path", pa.string()), ("writer", pa.string()), ("count", pa.int32()),
        ("given", pa.bool_()),
    ]
)  # fmt: skip
ALL = "all writers"
SHOWN_TRACES = 3
RATES = (0.0, 0.2, 0.4, 0.6, 0.8, 1.0)
"""Bounds of the bins of pass rates; questions that are never solved are a bin of their own."""
RESAMPLES = 1000


# ---- suspect gold answers -------------------------------------------------------------------------


def suspect(one: Chosen, config: RftConfig) -> dict[str, Any] | None:
    """Describe a question where many paths agree on an answer that is not the gold one; None for others.

    Only paths count that can be read, whose equations are right and whose numbers come from somewhere. As
    many different paths as the config asks for must agree, and more than agree on the gold answer. Such a
    question is listed, never dropped: a common misreading looks the same as a wrong gold answer.
    """
    paths: dict[str, dict[str, list[Any]]] = defaultdict(dict)
    right: set[str] = set()
    for item in one.decisions:
        found = item.finding
        if found is None or not item.path or not found.equations or not found.grounding:
            continue
        if found.answer:
            right.add(item.path)
        elif found.predicted and found.checked:
            paths[found.predicted].setdefault(item.path, []).append(item)
    if not paths:
        return None
    answer, agreeing = max(paths.items(), key=lambda pair: (len(pair[1]), pair[0]))
    if len(agreeing) < config.suspect_paths or len(agreeing) <= len(right):
        return None
    items = [item for group in agreeing.values() for item in group]
    example = one.question.example
    return {
        "example_id": one.example_id, "question": example.question, "gold": example.gold, "answer": answer,
        "paths": len(agreeing), "samples": len(items), "right_paths": len(right),
        "writers": sorted({item.sample["writer"] for item in items}),
        "traces": [group[0].text for _, group in sorted(agreeing.items())][:SHOWN_TRACES],
    }  # fmt: skip


# ---- who found what ---------------------------------------------------------------------------------


def shares(paths: pa.Table, seed: int = 0) -> list[dict[str, Any]]:
    """Say for every writer how many paths it found, how many nobody else did, and their share of all.

    The interval of the share is a bootstrap over questions.
    """
    questions, names, writers = (_codes(paths, name) for name in ("example_id", "path", "writer"))
    if not len(paths):
        return []
    of_path = np.unique(np.stack([questions[0], names[0]], axis=1), axis=0, return_inverse=True)[1].reshape(
        -1
    )
    found_by = np.bincount(of_path)
    alone = found_by[of_path] == 1
    all_paths = np.bincount(questions[0][_first_of(of_path)], minlength=len(questions[1]))
    rows = []
    for code, writer in enumerate(writers[1]):
        mine = writers[0] == code
        exclusive = np.bincount(questions[0][mine & alone], minlength=len(questions[1]))
        low, high = _ratio_interval(exclusive, all_paths, seed)
        rows.append(
            {
                "writer": writer, "paths": int(mine.sum()), "exclusive": int(exclusive.sum()),
                "all_paths": int(all_paths.sum()), "share": float(exclusive.sum() / all_paths.sum()),
                "low": low, "high": high,
            }
        )  # fmt: skip
    return sorted(rows, key=lambda row: row["writer"])


def _codes(table: pa.Table, name: str) -> tuple[Int[np.ndarray, " row"], list[str]]:
    """Number the values of a column, and list them."""
    column = table.column(name).combine_chunks().dictionary_encode()
    if isinstance(column, pa.ChunkedArray):
        column = (
            pa.concat_arrays(column.chunks)
            if column.num_chunks
            else pa.array([], pa.string()).dictionary_encode()
        )
    return column.indices.to_numpy(zero_copy_only=False).astype(np.int64), column.dictionary.to_pylist()


def _first_of(codes: Int[np.ndarray, " row"]) -> Int[np.ndarray, " code"]:
    return np.unique(codes, return_index=True)[1]


def _ratio_interval(
    top: Int[np.ndarray, " example"], bottom: Int[np.ndarray, " example"], seed: int
) -> tuple[float, float]:
    """95 % interval of sum(top) / sum(bottom) by drawing questions again."""
    rng = rng_of(seed, "shares")
    ratios = np.empty(RESAMPLES)
    for number in range(RESAMPLES):
        drawn = rng.integers(len(top), size=len(top))
        ratios[number] = top[drawn].sum() / max(1, bottom[drawn].sum())
    low, high = np.quantile(ratios, [0.025, 0.975])
    return float(low), float(high)


# ---- what more samples bring ------------------------------------------------------------------------


def curves(questions: pa.Table, paths: pa.Table, sizes: Sequence[int] | None = None) -> list[dict[str, Any]]:
    """Yield curves of every writer and of all together: distinct paths, and those that no solution had."""
    rows = []
    for what in ("distinct", "new"):
        counted = _counted(questions, paths, new=what == "new")
        if len(counted) == 2:
            counted.pop(ALL)
        for writer, found in sorted(counted.items(), key=lambda pair: (pair[0] == ALL, pair[0])):
            curve = yield_curve(found, sizes, resamples=RESAMPLES)
            for size, mean, low, high in zip(curve.sizes, curve.mean, curve.low, curve.high, strict=True):
                row = {"writer": writer, "paths": what, "samples": size}
                rows.append(row | {"mean": mean, "low": low, "high": high, "questions": curve.questions})
    return rows


def _counted(questions: pa.Table, paths: pa.Table, *, new: bool) -> dict[str, list[Counted]]:
    """How often each path of each question was seen: by each writer, and by all."""
    counts: dict[str, dict[str, Counter[str]]] = defaultdict(lambda: defaultdict(Counter))
    for example_id, path, writer, count, given in _rows(paths, PATHS.names):
        if not (new and given):
            counts[writer][example_id][path] += count
            counts[ALL][example_id][path] += count
    samples: dict[str, Counter[str]] = defaultdict(Counter)
    for example_id, writer, drawn in _rows(questions, ["example_id", "writer", "samples"]):
        samples[writer][example_id] += drawn
        samples[ALL][example_id] += drawn
    return {
        writer: [
            Counted(tuple(counts[writer][example_id].values()), drawn)
            for example_id, drawn in sorted(by.items())
        ]
        for writer, by in samples.items()
    }


def _rows(table: pa.Table, names: Sequence[str]) -> Iterator[tuple[Any, ...]]:
    for batch in table.select(list(names)).to_batches():
        yield from zip(*(column.to_pylist() for column in batch.columns), strict=True)


# ---- what is covered --------------------------------------------------------------------------------


def coverage(questions: pa.Table, paths: pa.Table) -> list[dict[str, Any]]:
    """Per difficulty, by pass rate and by steps of the given solution: how many questions have what.

    `solved` counts questions with at least one right answer; paths and kept traces are means per question.
    """
    table = _per_question(questions, paths)
    rate = table["right"] / np.maximum(table["samples"], 1)
    groups = {"pass rate": _rate_names(rate), "steps": [str(int(n)) if n else "none" for n in table["steps"]]}
    rows = [_covered("all", "all", table, np.ones(len(rate), dtype=bool))] if len(rate) else []
    for by, names in groups.items():
        listed = np.array(names, dtype=object)
        order = {name: float(rate[listed == name].mean()) for name in dict.fromkeys(names)}
        ranked = sorted(order, key=lambda name: order[name] if by == "pass rate" else _number(name))
        rows += [_covered(by, name, table, listed == name) for name in ranked]
    return rows


def _number(name: str) -> int:
    return int(name) if name.isdigit() else 0


def _rate_names(rate: Float[np.ndarray, " example"]) -> list[str]:
    bins = [f"{low:.0%} to {high:.0%}" for low, high in pairwise(RATES)]
    return ["never" if not one else bins[max(0, int(np.searchsorted(RATES, one)) - 1)] for one in rate]


def _per_question(questions: pa.Table, paths: pa.Table) -> dict[str, Float[np.ndarray, " example"]]:
    """Sum the writers of every question."""
    codes, names = _codes(questions, "example_id")
    table = {
        name: np.bincount(codes, weights=questions.column(name).to_numpy(), minlength=len(names)).astype(
            float
        )
        for name in ("samples", "usable", "right", "accepted", "kept", "tokens")
    }
    table["steps"] = np.zeros(len(names))
    table["steps"][codes] = questions.column("steps").to_numpy()
    place = {name: number for number, name in enumerate(names)}
    distinct = Counter(example_id for example_id, _ in set(_rows(paths, ["example_id", "path"])))
    table["paths"] = np.zeros(len(names))
    for example_id, count in distinct.items():
        table["paths"][place[example_id]] = count
    return table


def _covered(
    by: str, name: str, table: dict[str, Float[np.ndarray, " example"]], mine: np.ndarray
) -> dict[str, Any]:
    return {
        "by": by, "group": name, "questions": int(mine.sum()),
        "solved": int((table["right"][mine] > 0).sum()),
        "with_accepted": int((table["accepted"][mine] > 0).sum()),
        "samples": float(table["samples"][mine].mean()), "right": float(table["right"][mine].mean()),
        "paths": float(table["paths"][mine].mean()), "kept": float(table["kept"][mine].mean()),
    }  # fmt: skip
