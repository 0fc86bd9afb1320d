"""k-means whose result does not depend on the order of the rows, on batches or on threads.

Fitted by scikit-learn (k-means++ and restarts, Arthur and Vassilvitskii 2007) on the rows with the lowest
hashes, in the order of their hashes and on one thread, so that every sum is the same sum. All rows are
then assigned in batches: fast in 32 bits, and those few that lie as near to a second centre as rounding
can tell again in 64 bits, coordinate by coordinate. faiss starts from random rows; on loss curves that
leaves 1.3 to 1.9 times the inertia (docs/select.md).
"""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from jaxtyping import Float32, Int
from sklearn.cluster import KMeans
from sklearn.exceptions import ConvergenceWarning
from threadpoolctl import threadpool_limits

from cotmill.core.ids import seed_of
from cotmill.select.pick import Keys, lowest_hash

ROWS_PER_CENTRE = 256
"""Size of the fitting sample. 256 to 2,000 a centre changed the inertia of loss curves by under 3 %."""
Start = Literal["k-means++", "random"]
ROUNDS = 25
BATCH = 1 << 12
"""Rows assigned at a time: with 100 centres 1.6 MB of distances, which stay in the cache."""


@dataclass(frozen=True, eq=False)
class Clusters:
    """Centres, each row's centre, and the mean squared distance of a row to its centre."""

    centres: Float32[np.ndarray, "cluster feature"]
    labels: Int[np.ndarray, " row"]
    inertia: float


def cluster(
    features: Float32[np.ndarray, "row feature"],
    keys: Keys,
    *,
    clusters: int,
    restarts: int,
    seed: int,
    start: Start = "k-means++",
) -> Clusters:
    """Fit on a sample by hash, and assign every row."""
    sample = lowest_hash(keys, clusters * ROWS_PER_CENTRE)
    told: dict[str, Any] = {"restarts": restarts, "seed": seed, "start": start}
    centres = fit(features[sample], clusters=min(clusters, len(sample)), **told)
    labels, inertia = assign(features, centres)
    return Clusters(centres=centres, labels=labels, inertia=inertia)


def fit(
    sample: Float32[np.ndarray, "row feature"],
    *,
    clusters: int,
    restarts: int,
    seed: int,
    start: Start = "k-means++",
) -> Float32[np.ndarray, "cluster feature"]:
    """Find centres by k-means++, or from random rows as the public S2L code does, and Lloyd's rounds."""
    options: dict[str, Any] = {"n_init": restarts, "random_state": seed_of(seed, "k-means") % 2**32}
    means = KMeans(clusters, init=start, max_iter=ROUNDS, **options)
    # Threads add up the centres in the order in which they finish; one thread always adds alike.
    with threadpool_limits(limits=1), warnings.catch_warnings():
        # Fewer distinct rows than centres: the spare centres get no rows, which drawing allows for.
        warnings.simplefilter("ignore", ConvergenceWarning)
        return means.fit(sample.astype(np.float64)).cluster_centers_.astype(np.float32)


def assign(
    features: Float32[np.ndarray, "row feature"], centres: Float32[np.ndarray, "cluster feature"]
) -> tuple[Int[np.ndarray, " row"], float]:
    """Give every row its nearest centre (of equal ones the first), and the mean squared distance."""
    labels = np.empty(len(features), dtype=np.int64)
    total = 0.0
    half_norms = ((centres.astype(np.float64) ** 2).sum(axis=1) / 2).astype(np.float32)
    weights = np.ascontiguousarray(np.vstack([-centres.T, half_norms]))
    for start in range(0, len(features), BATCH):
        rows = features[start : start + BATCH]
        # |x - c|^2 / 2 less |x|^2 / 2, which is the same for every centre
        scores = np.column_stack([rows, np.ones(len(rows), dtype=np.float32)]) @ weights
        best = scores.argmin(axis=1)
        places = np.arange(len(rows)), best
        least = scores[places]
        scores[places] = np.inf
        size = np.einsum("ij,ij->i", rows, rows) / 2 + 2 * half_norms.max()
        close = scores.min(axis=1) - least <= _rounding(rows.shape[1]) * size
        if close.any():
            best[close] = _exact(rows[close], centres)
        labels[start : start + BATCH] = best
        total += float(((rows - centres[best]) ** 2).sum(dtype=np.float64))
    return labels, total / max(len(features), 1)


def _rounding(terms: int) -> float:
    """Bound, relative to size, on how wrong 32 bits can be in comparing two sums of so many terms."""
    return (terms + 2) * float(np.finfo(np.float32).eps)


def _exact(
    rows: Float32[np.ndarray, "row feature"], centres: Float32[np.ndarray, "cluster feature"]
) -> Int[np.ndarray, " row"]:
    """Nearest centres by sums in a fixed order, which no batch and no library can change."""
    distances = np.zeros((len(rows), len(centres)))
    for column in range(rows.shape[1]):
        x, c = rows[:, column].astype(np.float64), centres[:, column].astype(np.float64)
        distances += (x[:, None] - c) ** 2
    return distances.argmin(axis=1)


def clusters_for(rows: int, asked: int | None) -> int:
    """Choose the number of clusters: as asked, else S2L's 100, but one per 20 rows in pools under 2,000.

    >>> clusters_for(262_040, None), clusters_for(500, None), clusters_for(500, 100)
    (100, 25, 100)
    """
    return min(rows, asked or max(1, min(100, rows // 20)))


def purity(labels: Int[np.ndarray, " row"], classes: Int[np.ndarray, " row"]) -> float:
    """Share of rows that belong to the commonest class of their cluster."""
    if not len(labels):
        return 1.0
    width = int(classes.max()) + 1
    table = np.bincount(labels * width + classes, minlength=(int(labels.max()) + 1) * width).reshape(
        -1, width
    )
    return float(table.max(axis=1).sum() / len(labels))
