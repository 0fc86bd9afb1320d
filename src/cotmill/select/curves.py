"""Loss curves as features: taking out what length explains, and saying what clusters of them hold."""

from __future__ import annotations

from typing import Any

import numpy as np
from jaxtyping import Float32, Int
from sklearn.metrics import silhouette_score

from cotmill.select.cluster import Clusters, purity
from cotmill.select.pick import Groups, Keys, lowest_hash

SAMPLE = 100_000
"""Rows that scales and slopes are estimated on: their standard error is then below 0.4 %."""
SILHOUETTE_ROWS = 2_000
"""The silhouette compares all pairs; on this many rows its standard error is about 0.01."""

Curves = Float32[np.ndarray, "row checkpoint"]


def debiased(curves: Curves, tokens: Int[np.ndarray, " row"], keys: Keys) -> Curves:
    """Take out what log length predicts at each checkpoint (least squares), then scale each to unit variance.

    Estimated on the rows with the lowest hashes, in that order, so that row order does not matter. A
    checkpoint at which all rows have one loss, or a pool of one length, is left as it is.
    """
    sample = lowest_hash(keys, SAMPLE)
    length = np.log(tokens)
    centre = length[sample].mean()
    x, y = length[sample] - centre, curves[sample].astype(np.float64)
    level = y.mean(axis=0)
    variance = (x**2).sum()
    slope = (x[:, None] * (y - level)).sum(axis=0) / (variance if variance > 0 else 1.0)
    scale = (y - level - x[:, None] * slope).std(axis=0)
    scale[scale == 0] = 1.0
    expected = level + (length - centre)[:, None] * slope
    return ((curves - expected) / scale).astype(np.float32)


def diagnose(
    curves: Curves, found: Clusters, strata: Groups, tokens: Int[np.ndarray, " row"], keys: Keys
) -> dict[str, Any]:
    """Measure clusters: inertia, silhouette, and what they share with source and with length.

    `length_explained` is the part of the variance of log length that lies between clusters (eta squared);
    `level_length_correlation` is Pearson's r of a curve's mean with log length.
    """
    sizes = np.bincount(found.labels)
    sample = lowest_hash(keys, SILHOUETTE_ROWS)
    kinds = len(np.unique(found.labels[sample]))
    length, level = np.log(tokens), curves.mean(axis=1, dtype=np.float64)
    facts = {
        "clusters": int((sizes > 0).sum()),
        "smallest": int(sizes[sizes > 0].min()),
        "largest": int(sizes.max()),
        "inertia": found.inertia,
        "source_purity": purity(found.labels, strata),
        "source_purity_of_one_cluster": purity(np.zeros_like(strata), strata),
        "length_explained": _explained(length, found.labels, sizes),
        "level_length_correlation": _correlation(level, length),
    }
    if 1 < kinds < len(sample):
        facts["silhouette"] = float(silhouette_score(curves[sample], found.labels[sample]))
    # Six digits: what is written must not hang on the order in which a sum was added up.
    return {name: round(value, 6) if isinstance(value, float) else value for name, value in facts.items()}


def _explained(values: np.ndarray, labels: Groups, sizes: np.ndarray) -> float:
    total = float(((values - values.mean()) ** 2).sum())
    if total == 0:
        return 0.0
    means = np.bincount(labels, weights=values) / np.maximum(sizes, 1)
    return float((sizes * (means - values.mean()) ** 2).sum()) / total


def _correlation(a: np.ndarray, b: np.ndarray) -> float:
    spread = a.std() * b.std()
    return float(((a - a.mean()) * (b - b.mean())).mean() / spread) if spread > 0 else 0.0
