"""How answers hold up when a question is varied: micro, macro and normalised accuracy, and the drop.

Source: Shi et al. 2023, arXiv 2302.00093, section 3 (micro, macro, normalised accuracy); the drop is the
performance drop rate of Li et al. 2024, arXiv 2402.19255, on the same clusters.

Where we differ: both papers give no interval; ours come from drawing base questions with replacement.
"""

from __future__ import annotations

from collections import defaultdict
from typing import Any

import numpy as np
import pyarrow as pa

from cotmill.core.ids import rng_of
from cotmill.evaluate.items import column_of, correct_of
from cotmill.evaluate.metrics import DRAWS, LEVEL, Estimate, cluster_mean


def robustness(varied: pa.Table, base: pa.Table, cluster: str) -> dict[str, Any]:
    """Compare varied questions with their base questions.

    micro: share of varied questions solved. macro: share of base questions whose every variation is
    solved. normalised: either, divided by the share of base questions solved themselves. drop: 1 minus
    the normalised micro accuracy.
    """
    per_base = _per_cluster(varied, base, cluster)
    solved = cluster_mean(correct_of(base), column_of(base, cluster).astype(str))
    macro = np.array([row["all"] for row in per_base.values()])
    found: dict[str, Any] = {
        "base_questions": len(per_base),
        "base": solved.as_dict(),
        "micro": cluster_mean(correct_of(varied), column_of(varied, cluster).astype(str)).as_dict(),
        "macro": cluster_mean(macro).as_dict(),
    }
    if solved.value > 0:
        micro, whole = _normalised(per_base)
        found["normalised_micro"], found["normalised_macro"] = micro.as_dict(), whole.as_dict()
        found["drop"] = Estimate(1 - micro.value, 1 - micro.high, 1 - micro.low, micro.n).as_dict()
    return found


def _per_cluster(varied: pa.Table, base: pa.Table, cluster: str) -> dict[str, dict[str, float]]:
    """Per base question: variations asked and solved, whether all were, and the question itself."""
    samples: dict[str, dict[int, list[bool]]] = defaultdict(lambda: defaultdict(list))
    rows = (column_of(varied, cluster), varied.column("sample").to_pylist(), correct_of(varied))
    for name, sample, right in zip(*rows, strict=True):
        samples[str(name)][sample].append(bool(right))
    itself: dict[str, list[bool]] = defaultdict(list)
    for name, right in zip(column_of(base, cluster), correct_of(base), strict=True):
        itself[str(name)].append(bool(right))
    return {
        name: {
            "right": float(sum(map(sum, per_sample.values()))),
            "asked": float(sum(map(len, per_sample.values()))),
            "all": float(np.mean([all(rights) for rights in per_sample.values()])),
            "base": float(np.mean(itself[name])) if itself[name] else 0.0,
        }
        for name, per_sample in samples.items()
    }


def _normalised(per_base: dict[str, dict[str, float]]) -> tuple[Estimate, Estimate]:
    """Micro and macro accuracy over base accuracy, with intervals from drawing base questions."""
    right, asked, whole, base = (
        np.array([row[name] for row in per_base.values()]) for name in ("right", "asked", "all", "base")
    )
    count = len(per_base)
    picks = rng_of(0, "normalised", count).integers(count, size=(min(DRAWS, 1 + 4_000_000 // count), count))
    bases = base[picks].mean(axis=1)
    drawn = bases > 0
    micro = right[picks].sum(axis=1)[drawn] / asked[picks].sum(axis=1)[drawn] / bases[drawn]
    macro = whole[picks].mean(axis=1)[drawn] / bases[drawn]
    points = (right.sum() / asked.sum() / base.mean(), whole.mean() / base.mean())
    edges = ((1 - LEVEL) / 2, (1 + LEVEL) / 2)
    low_high = [np.quantile(values, edges) for values in (micro, macro)]
    first, second = (
        Estimate(float(point), float(low), float(high), count)
        for point, (low, high) in zip(points, low_high, strict=True)
    )
    return first, second
