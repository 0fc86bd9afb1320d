"""From the table of items to the numbers of a report.

Headline numbers are over the questions of the benchmark, without the base questions that some sets ask
beside them. With several samples a question, accuracy is their mean (avg@k) and pass@k and maj@k are
given for k = 1, 2, 4, … up to the number of samples.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import Any

import numpy as np
import pyarrow as pa

from cotmill.core.errors import DataError
from cotmill.evaluate.items import Layout, column_of, correct_of, is_base, layout_of, without_base
from cotmill.evaluate.metrics import Estimate, bootstrap_mean, cluster_mean, majority_at_k, pass_at_k
from cotmill.evaluate.robustness import robustness
from cotmill.evaluate.text import corpus_bleu

TEXT_SCORES = ("rouge_l", "bleu", "bertscore")
CUT, TOO_LONG = "length", "too_long"
"""Finish reasons of an answer that was cut off, and of a question that left no room for one."""


def summarise(items: pa.Table) -> dict[str, Any]:
    """Count, average and break down; the content of metrics.json.

    Raises:
        DataError: the table is empty.
    """
    layout = layout_of(items)
    if len(items) == 0:
        raise DataError(f"{layout.benchmark}: no items, so there is nothing to summarise")
    base, asked = is_base(items), without_base(items)
    found: dict[str, Any] = {name: getattr(layout, name) for name in ("benchmark", "metric", "strict_rule")}
    found |= _numbers(asked, layout)
    if layout.metric == "text":
        found["corpus_bleu"] = corpus_bleu(
            asked.column("gold").to_pylist(), asked.column("output").to_pylist()
        )
    else:
        found["rules"] = dict(sorted(Counter(asked.column("rule").to_pylist()).items()))
        found |= _over_samples(asked, layout)
        if layout.cluster and base.any():
            found["robustness"] = robustness(asked, items.filter(pa.array(base)), layout.cluster)
    found["groups"] = {name: _groups(asked, name, layout) for name in layout.groups}
    return found


def _numbers(items: pa.Table, layout: Layout) -> dict[str, Any]:
    """Counts and means of one table; the same for the whole and for every group."""
    clusters = clusters_of(items, layout)
    found: dict[str, Any] = {
        "n": len(set(items.column("row_id").to_pylist())),
        "items": len(items),
        "truncated": int((column_of(items, "finish_reason") == CUT).sum()),
        "too_long": int((column_of(items, "finish_reason") == TOO_LONG).sum()),
        "mean_tokens": _mean(items.column("tokens")),
    }
    if layout.metric == "text":
        for name in (score for score in TEXT_SCORES if score in items.column_names):
            found[name] = bootstrap_mean(items.column(name).to_numpy(), clusters).as_dict()
        return found
    correct, verdict = correct_of(items), column_of(items, "verdict")
    strict = column_of(items, "strict").astype(bool)
    return found | {
        "correct": int(correct.sum()),
        "accuracy": cluster_mean(correct, clusters).as_dict(),
        "strict": cluster_mean(strict, clusters).as_dict(),
        "strict_correct": int(strict.sum()),
        "no_answer": int((verdict == "unparsed").sum()),
        "timeout": int((verdict == "timeout").sum()),
    }


def _mean(column: pa.ChunkedArray) -> float | None:
    """Mean of what is there; foreign outputs bring no token counts."""
    known = column.drop_null().to_numpy()
    return float(known.mean()) if len(known) else None


def clusters_of(items: pa.Table, layout: Layout) -> np.ndarray:
    """What counts as one draw: variations of one base question where there are any, else a question."""
    return column_of(items, layout.cluster or "row_id").astype(str)


def _groups(items: pa.Table, name: str, layout: Layout) -> dict[str, Any]:
    """Break the numbers down by one column; items without a value are a group of their own."""
    values = np.array([_label(value) for value in items.column(name).to_pylist()], dtype=object)
    return {label: _numbers(items.filter(pa.array(values == label)), layout) for label in sorted(set(values))}


def _label(value: Any) -> str:
    return "(none)" if value is None or value == "" else str(value)


def _over_samples(items: pa.Table, layout: Layout) -> dict[str, Any]:
    """pass@k and maj@k where every question has several samples."""
    questions = _by_question(items)
    fewest = min(len(answers) for answers, _ in questions.values())
    if fewest < 2:
        return {}
    sizes = [2**power for power in range(fewest.bit_length()) if 2**power <= fewest]
    clusters = _question_clusters(items, layout, list(questions))
    counts = np.array([sum(right) for _, right in questions.values()])
    samples = np.array([len(right) for _, right in questions.values()])

    def majority(k: int) -> Estimate:
        return cluster_mean(
            np.array([majority_at_k(*question, k) for question in questions.values()]), clusters
        )

    return {
        "samples": fewest,
        "pass_at": {str(k): cluster_mean(pass_at_k(counts, samples, k), clusters).as_dict() for k in sizes},
        "maj_at": {str(k): majority(k).as_dict() for k in sizes},
    }


def _by_question(items: pa.Table) -> Mapping[str, tuple[list[str | None], list[bool]]]:
    """Collect answers and verdicts per question, in the order of the samples."""
    found: dict[str, tuple[list[str | None], list[bool]]] = {}
    columns = (
        items.column("row_id").to_pylist(),
        items.column("predicted").to_pylist(),
        correct_of(items).tolist(),
    )
    for row_id, predicted, right in zip(*columns, strict=True):
        answers, rights = found.setdefault(row_id, ([], []))
        answers.append(predicted)
        rights.append(right)
    return found


def _question_clusters(items: pa.Table, layout: Layout, questions: list[str]) -> np.ndarray:
    """Give every question its cluster."""
    of_row = dict(zip(items.column("row_id").to_pylist(), clusters_of(items, layout).tolist(), strict=True))
    return np.array([of_row[row_id] for row_id in questions])
