"""Overlap of two selections against chance.

Two selections of a and b out of n rows, made independently, share a hypergeometric number of rows: mean
a b / n, variance a b (n - a) (n - b) / (n^2 (n - 1)). The z score says how far the overlap is from that.
"""

from __future__ import annotations

from math import sqrt
from typing import Any

import numpy as np
import pyarrow as pa
from jaxtyping import Bool, Float, Int

from cotmill.core.errors import DataError, EvidenceError
from cotmill.core.ids import places_of
from cotmill.data.pool import Pool
from cotmill.evidence import Evidence, Losses, PassRates
from cotmill.select.drawing import groups_of
from cotmill.select.selection import Selection

SHOWN = 10
"""Row ids listed of those that only one selection took."""
LENGTH_BANDS = 5
HARDNESS = ("easiest fifth", "second fifth", "middle fifth", "fourth fifth", "hardest fifth")
BAND_NAMES = ("shortest fifth", "second fifth", "middle fifth", "fourth fifth", "longest fifth")


def compare_selections(
    a: Selection, b: Selection, pool: Pool | None = None, evidence: Evidence | None = None
) -> dict[str, Any]:
    """Compare what two selections of one pool took; with the pool also by source and by length of the trace.

    With losses or pass rates as evidence also by difficulty: fifths of the mean loss, or of the share of
    wrong answers.

    Keys: rows, a, b, both, union, jaccard, expected_both, expected_jaccard, z (empty when chance has no
    spread), only_a and only_b (the first ids), and with a pool by_source, by_length and by_difficulty: the
    same counts inside each part.

    Raises:
        DataError: the selections are of different rows, or the pool is another one.
    """
    taken_a, taken_b = a.taken, _taken_in_order_of(a, b)
    ids = a.table["row_id"]
    result = {
        "methods": [a.method, b.method],
        "budgets": [str(a.budget), str(b.budget)],
        "seeds": [a.seed, b.seed],
        **overlap(taken_a, taken_b),
        "only_a": ids.filter(pa.array(taken_a & ~taken_b))[:SHOWN].to_pylist(),
        "only_b": ids.filter(pa.array(taken_b & ~taken_a))[:SHOWN].to_pylist(),
    }
    if pool is not None:
        if not pool.column("row_id").equals(ids):
            raise DataError(
                f"the pool ({len(pool)} rows) is not the one selected from ({len(ids)} rows); give that pool"
            )
        sources, names = groups_of(pool.column("source"))
        result["by_source"] = _by_part(taken_a, taken_b, sources, [str(name) for name in names])
        result["by_length"] = _by_part(taken_a, taken_b, _fifths(pool), list(BAND_NAMES))
        if evidence is not None:
            hardness = difficulty_of(evidence.of(pool))
            edges = np.nanquantile(hardness, np.linspace(0, 1, LENGTH_BANDS + 1)[1:-1])
            parts = np.searchsorted(edges, np.nan_to_num(hardness, nan=np.inf))
            result["by_difficulty"] = _by_part(taken_a, taken_b, parts, list(HARDNESS))
    return result


def difficulty_of(evidence: Evidence) -> Float[np.ndarray, " row"]:
    """Say how hard every row is: by its pass rate, or by its mean loss; NaN where that is not known.

    Raises:
        EvidenceError: evidence of another kind.
    """
    if isinstance(evidence, PassRates):
        return 1 - evidence.rate
    losses = evidence.to(Losses)
    if not isinstance(losses, Losses):
        raise EvidenceError(f"{evidence.kind} do not say how hard a row is; give losses or pass rates")
    return losses.mean


def overlap(a: Bool[np.ndarray, " row"], b: Bool[np.ndarray, " row"]) -> dict[str, Any]:
    """Count what two choices among the same rows share, and compare with chance.

    >>> halves = np.array([True, True, False, False]), np.array([True, False, True, False])
    >>> found = overlap(*halves)
    >>> found["both"], found["expected_both"], found["z"]
    (1, 1.0, 0.0)
    """
    rows, in_a, in_b, both = len(a), int(a.sum()), int(b.sum()), int((a & b).sum())
    union = in_a + in_b - both
    expected = in_a * in_b / rows if rows else 0.0
    variance = expected * (rows - in_a) * (rows - in_b) / (rows * (rows - 1)) if rows > 1 else 0.0
    return {
        "rows": rows,
        "a": in_a,
        "b": in_b,
        "both": both,
        "union": union,
        "jaccard": both / union if union else 1.0,
        "expected_both": expected,
        "expected_jaccard": expected / (in_a + in_b - expected) if union else 1.0,
        "z": (both - expected) / sqrt(variance) if variance > 0 else None,
    }


def _taken_in_order_of(a: Selection, b: Selection) -> Bool[np.ndarray, " row"]:
    """The rows that b took, in a's order of rows."""
    ids, others = a.table["row_id"], b.table["row_id"]
    if ids.equals(others):
        return b.taken
    places = places_of(ids, others)
    unknown = int((places < 0).sum())
    if len(ids) != len(others) or unknown:
        raise DataError(
            f"{unknown} of {len(ids)} rows of the first selection's pool are not among the "
            f"{len(others)} of the second's; compare selections of one pool"
        )
    return b.taken[places]


def _by_part(
    a: Bool[np.ndarray, " row"], b: Bool[np.ndarray, " row"], parts: Int[np.ndarray, " row"], names: list[str]
) -> dict[str, dict[str, Any]]:
    return {name: overlap(a[parts == number], b[parts == number]) for number, name in enumerate(names)}


def _fifths(pool: Pool) -> Int[np.ndarray, " row"]:
    """Fifths of the pool by characters of the trace; characters need no tokenizer."""
    lengths = np.concatenate([_characters(batch) for batch in pool.batches(["trace"])])
    edges = np.quantile(lengths, np.linspace(0, 1, LENGTH_BANDS + 1)[1:-1], method="lower")
    return np.searchsorted(edges, lengths, side="left")


def _characters(batch: pa.RecordBatch) -> Int[np.ndarray, " row"]:
    return np.array([len(trace) for trace in batch.column("trace").to_pylist()], dtype=np.int64)
