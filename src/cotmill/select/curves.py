"""Loss curves as features: taking out what length explains, and saying what clusters of them hold."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from jaxtyping import Float, Float32, Int
from sklearn.metrics import adjusted_rand_score, silhouette_score

from cotmill.core.ids import seed_of
from cotmill.select.cluster import Clusters, assign, fit, purity
from cotmill.select.pick import Groups, Keys, lowest_hash

SAMPLE = 100_000
"""Rows that scales and slopes are estimated on: their standard error is then below 0.4 %."""
SILHOUETTE_ROWS = 2_000
"""The silhouette compares all pairs; on this many rows its standard error is about 0.01."""

STABILITY_ROWS = 5_000
"""Rows that two clusterings are compared on."""

Curves = Float32[np.ndarray, "row checkpoint"]


@dataclass(frozen=True)
class Frame:
    """How curves become features; fitted once, so that rows which come later are seen alike."""

    level_slope: bool = False
    debias: bool = False
    zscore: bool = False
    length: float = 0.0
    """Mean log length of the rows it was fitted on."""
    level: tuple[float, ...] = ()
    """What each feature is expected to be at that length …"""
    slope: tuple[float, ...] = ()
    """… and by how much more for each unit of log length."""
    scale: tuple[float, ...] = ()
    """What remains is divided by this."""

    def fitted(self, curves: Curves, tokens: Int[np.ndarray, " row"], keys: Keys) -> Frame:
        """Estimate the numbers on the rows with the lowest hashes, in that order: row order does not matter.

        A feature that is the same for all rows, or a pool of one length, is left as it is.
        """
        sample = lowest_hash(keys, SAMPLE)
        y = _level_slope(curves[sample]) if self.level_slope else curves[sample].astype(np.float64)
        length = np.log(tokens[sample])
        x = length - length.mean()
        level, variance = y.mean(axis=0), float((x**2).sum())
        slope = (x[:, None] * (y - level)).sum(axis=0) / (variance if variance > 0 else 1.0)
        slope = slope if self.debias else np.zeros_like(slope)
        scale = (y - level - x[:, None] * slope).std(axis=0)
        scale[scale <= 1e-12 * np.abs(level)] = 1.0
        if not (self.zscore or self.debias):
            scale = np.ones_like(scale)
        numbers = {"level": level, "slope": slope, "scale": scale}
        listed = {name: tuple(values.tolist()) for name, values in numbers.items()}
        return replace(self, length=float(length.mean()), **listed)

    def features(self, curves: Curves, tokens: Int[np.ndarray, " row"]) -> Float32[np.ndarray, "row feature"]:
        """Turn curves to what is clustered; plain curves stay what they are, bit for bit."""
        if not (self.level_slope or self.debias or self.zscore):
            return curves
        y = _level_slope(curves) if self.level_slope else curves
        if not (self.debias or self.zscore):
            return y.astype(np.float32)
        expected = np.array(self.level) + (np.log(tokens) - self.length)[:, None] * np.array(self.slope)
        return ((y - expected) / np.array(self.scale)).astype(np.float32)


def _level_slope(curves: Curves) -> Float[np.ndarray, "row 2"]:
    """Mean over the checkpoints, and the least-squares fall from one to the next."""
    y = curves.astype(np.float64)
    place = np.arange(y.shape[1]) - (y.shape[1] - 1) / 2
    spread = float((place**2).sum())
    return np.column_stack([y.mean(axis=1), y @ place / (spread if spread > 0 else 1.0)])


def debiased(curves: Curves, tokens: Int[np.ndarray, " row"], keys: Keys) -> Curves:
    """Take out what log length predicts at each checkpoint (least squares); scale each to unit variance."""
    frame = Frame(debias=True, zscore=True).fitted(curves, tokens, keys)
    return frame.features(curves, tokens)


def diagnose(
    curves: Curves, found: Clusters, strata: Groups, tokens: Int[np.ndarray, " row"], keys: Keys
) -> dict[str, Any]:
    """Measure clusters: inertia, silhouette, and what they share with source and with length.

    `length_purity` is the share of rows in the commonest quarter of lengths of their cluster;
    `length_explained` is the part of the variance of log length that lies between clusters (eta squared);
    `level_length_correlation` is Pearson's r of a curve's mean with log length.
    """
    sizes = np.bincount(found.labels)
    sample = lowest_hash(keys, SILHOUETTE_ROWS)
    kinds = len(np.unique(found.labels[sample]))
    length, level = np.log(tokens), curves.mean(axis=1, dtype=np.float64)
    quarters = np.searchsorted(np.quantile(tokens, [0.25, 0.5, 0.75], method="lower"), tokens)
    facts = {
        "clusters": int((sizes > 0).sum()),
        "smallest": int(sizes[sizes > 0].min()),
        "largest": int(sizes.max()),
        "inertia": found.inertia,
        "source_purity": purity(found.labels, strata),
        "source_purity_of_one_cluster": purity(np.zeros_like(strata), strata),
        "length_purity": purity(found.labels, quarters),
        "length_purity_of_one_cluster": purity(np.zeros_like(quarters), quarters),
        "length_explained": _explained(length, found.labels, sizes),
        "level_length_correlation": _correlation(level, length),
    }
    if 1 < kinds < len(sample):
        facts["silhouette"] = float(silhouette_score(curves[sample], found.labels[sample]))
    # Six digits: what is written must not hang on the order in which a sum was added up.
    return {name: round(value, 6) if isinstance(value, float) else value for name, value in facts.items()}


def stability(curves: Curves, keys: Keys, *, clusters: int, seed: int) -> float:
    """Adjusted Rand index of two clusterings with other seeds, each from half of a sample of the rows.

    1: clusters are the same whatever the seed and the sample; 0: no more than by chance.
    """
    sample = lowest_hash(keys, STABILITY_ROWS)
    if len(sample) < 2 * clusters or clusters < 2:
        return 1.0
    rows = curves[sample]
    halves = [
        fit(rows[part::2], seed=seed_of(seed, "stability", part), clusters=clusters, restarts=1)
        for part in (0, 1)
    ]
    return float(adjusted_rand_score(*(assign(rows, centres)[0] for centres in halves)))


def _explained(values: np.ndarray, labels: Groups, sizes: np.ndarray) -> float:
    total = float(((values - values.mean()) ** 2).sum())
    if total == 0:
        return 0.0
    means = np.bincount(labels, weights=values) / np.maximum(sizes, 1)
    return float((sizes * (means - values.mean()) ** 2).sum()) / total


def _correlation(a: np.ndarray, b: np.ndarray) -> float:
    spread = a.std() * b.std()
    return float(((a - a.mean()) * (b - b.mean())).mean() / spread) if spread > 0 else 0.0
