"""Two evaluations, item by item: which is better on the questions that both answered, and where they differ.

McNemar's exact test where each question has one answer; a bootstrap over questions (or over base
questions, where a set varies them) of the difference in any case.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from cotmill.core.errors import DataError
from cotmill.evaluate.items import correct_of, layout_of, read_items, without_base
from cotmill.evaluate.metrics import Estimate, cluster_mean
from cotmill.evaluate.paired import McNemar, mcnemar, paired_difference
from cotmill.evaluate.summary import clusters_of


@dataclass(frozen=True)
class Flip:
    """A question on which two runs differ."""

    row_id: str
    question: str
    gold: str
    answer_a: str | None
    answer_b: str | None
    gain: float
    """Share of right answers of b minus that of a."""


@dataclass(frozen=True)
class Comparison:
    """What two evaluations say about each other, over the questions that both have."""

    benchmark: str
    metric: str
    questions: int
    only_a: int
    only_b: int
    a: Estimate
    b: Estimate
    difference: Estimate
    """b minus a; above zero means that b is better."""
    mcnemar: McNemar | None
    flips: tuple[Flip, ...]

    @property
    def decided(self) -> bool:
        """Say whether the interval of the difference leaves zero out."""
        return self.difference.low > 0 or self.difference.high < 0

    def as_dict(self) -> dict[str, Any]:
        """Give plain values for JSON."""
        estimates = {name: getattr(self, name).as_dict() for name in ("a", "b", "difference")}
        return asdict(self) | estimates | {"flips": [asdict(flip) for flip in self.flips]}


def compare_folders(a: Path, b: Path, *, seed: int = 0) -> Comparison:
    """Compare two evaluation folders or items files."""
    return compare_items(read_items(a), read_items(b), seed=seed)


def compare_items(a: pa.Table, b: pa.Table, *, seed: int = 0) -> Comparison:
    """Compare two items tables on the questions that both have, base questions left out.

    Raises:
        DataError: the tables were judged by different metrics, or share no question.
    """
    a, b, layout, other = without_base(a), without_base(b), layout_of(a), layout_of(b)
    if layout.metric != other.metric:
        raise DataError(f"a was judged by {layout.metric}, b by {other.metric}; these cannot be compared")
    a, b = _keyed_alike(a, b)
    means_a, means_b = _by_question(a, layout.metric), _by_question(b, layout.metric)
    shared = [row_id for row_id in means_a if row_id in means_b]
    if not shared:
        raise DataError(
            f"the two share no question: a is {layout.benchmark} ({len(means_a)} questions), "
            f"b is {other.benchmark} ({len(means_b)}); name two evaluations of one benchmark"
        )
    values_a, values_b = (np.array([means[row_id] for row_id in shared]) for means in (means_a, means_b))
    of_row = dict(zip(a.column("row_id").to_pylist(), clusters_of(a, layout).tolist(), strict=True))
    clusters = np.array([of_row[row_id] for row_id in shared])
    single = layout.metric == "answer" and np.isin(np.concatenate([values_a, values_b]), (0.0, 1.0)).all()
    return Comparison(
        benchmark=layout.benchmark,
        metric=layout.metric,
        questions=len(shared),
        only_a=len(means_a) - len(shared),
        only_b=len(means_b) - len(shared),
        a=cluster_mean(values_a, clusters),
        b=cluster_mean(values_b, clusters),
        difference=paired_difference(values_a, values_b, clusters, seed=seed),
        mcnemar=mcnemar(values_a > 0.5, values_b > 0.5) if single else None,
        flips=_flips(a, b, dict(zip(shared, (values_b - values_a).tolist(), strict=True))),
    )


def _keyed_alike(a: pa.Table, b: pa.Table) -> tuple[pa.Table, pa.Table]:
    """Key questions by row, or, where one side came without solutions, by question and gold answer alone."""
    if set(a.column("row_id").to_pylist()) & set(b.column("row_id").to_pylist()):
        return a, b
    if not all("example_id" in items.column_names for items in (a, b)):
        return a, b
    return _keyed_by_example(a), _keyed_by_example(b)


def _keyed_by_example(items: pa.Table) -> pa.Table:
    place = items.column_names.index("row_id")
    return items.set_column(place, "row_id", items.column("example_id"))


def _by_question(items: pa.Table, metric: str) -> dict[str, float]:
    """Mean result of each question over its samples, in the order of the table."""
    values = items.column("rouge_l").to_numpy() if metric == "text" else correct_of(items).astype(float)
    found: dict[str, list[float]] = {}
    for row_id, value in zip(items.column("row_id").to_pylist(), values, strict=True):
        found.setdefault(row_id, []).append(float(value))
    return {row_id: float(np.mean(results)) for row_id, results in found.items()}


def _flips(a: pa.Table, b: pa.Table, gains: dict[str, float]) -> tuple[Flip, ...]:
    """List the questions that came out differently, what b lost first."""
    first_a, first_b = _first_rows(a), _first_rows(b)
    found = [
        Flip(
            row_id,
            first_a[row_id]["question"],
            first_a[row_id]["gold"],
            first_a[row_id].get("predicted"),
            first_b[row_id].get("predicted"),
            gain,
        )
        for row_id, gain in gains.items()
        if gain
    ]
    return tuple(sorted(found, key=lambda flip: (flip.gain, flip.row_id)))


def _first_rows(items: pa.Table) -> dict[str, dict[str, Any]]:
    """The first sample of every question, as rows."""
    names = [name for name in ("row_id", "question", "gold", "predicted") if name in items.column_names]
    found: dict[str, dict[str, Any]] = {}
    for row in items.select(names).to_pylist():
        found.setdefault(row["row_id"], row)
    return found
