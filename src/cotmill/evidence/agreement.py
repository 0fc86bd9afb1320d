"""How far a small model's loss trajectories agree with a large one's, on the same rows.

S2L (arXiv 2403.07384) rests on rows that lie close together for the proxy lying close together for the
target. Whether they do can be asked on a few hundred rows before the proxy is paid for: by the rank
correlation of levels, of falls and of each checkpoint, and by how many of a row's nearest neighbours the
two models share. Checkpoints are matched by their place in the training, not by their steps.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import atanh, sqrt, tanh
from typing import Any

import numpy as np
from jaxtyping import Float, Int
from scipy.stats import spearmanr

from cotmill.core.errors import EvidenceError
from cotmill.core.ids import places_of
from cotmill.evidence.trajectories import Trajectories

NEAREST = 10
"""Neighbours compared of every row."""
FEWEST = 20
"""Rows below which a rank correlation says nothing."""
SPREAD = 1.06
"""Standard error of Fisher's z of a rank correlation, times the root of n - 3 (Fieller et al. 1957)."""


@dataclass(frozen=True)
class Agreement:
    """Rank correlations from -1 to 1, and the share of nearest neighbours that both have."""

    rows: int
    level: float
    """Of the mean over the checkpoints."""
    level_low: float
    level_high: float
    fall: float
    """Of the fall from the first checkpoint to the last."""
    checkpoints: tuple[float, ...]
    """At each checkpoint, by its place in the training."""
    neighbours: float
    neighbours_by_chance: float


def agreement(small: Trajectories, large: Trajectories) -> Agreement:
    """Compare two sets of trajectories on the rows that both measured.

    Raises:
        EvidenceError: too few rows in common.
    """
    places = places_of(small.row_ids, large.row_ids)
    both = np.flatnonzero((places >= 0) & (small.tokens > 0))
    both = both[large.tokens[places[both]] > 0]
    if len(both) < FEWEST:
        raise EvidenceError(
            f"{len(both)} rows were measured with both models; {FEWEST} are needed to compare ranks"
        )
    ours, theirs = small.mean[both], large.mean[places[both]]
    points = min(ours.shape[1], theirs.shape[1])
    ours, theirs = _at_places(ours, points), _at_places(theirs, points)
    level = rank_correlation(ours.mean(axis=1), theirs.mean(axis=1))
    reach = 1.96 * SPREAD / sqrt(len(both) - 3)
    middle = atanh(min(0.999999, max(-0.999999, level)))
    nearest = min(NEAREST, len(both) - 1)
    return Agreement(
        rows=len(both),
        level=level,
        level_low=tanh(middle - reach),
        level_high=tanh(middle + reach),
        fall=rank_correlation(ours[:, 0] - ours[:, -1], theirs[:, 0] - theirs[:, -1]),
        checkpoints=tuple(rank_correlation(a, b) for a, b in zip(ours.T, theirs.T, strict=True)),
        neighbours=_shared(_neighbours(ours, nearest), _neighbours(theirs, nearest)),
        neighbours_by_chance=nearest / (len(both) - 1),
    )


def _at_places(curves: Float[np.ndarray, "row checkpoint"], points: int) -> Float[np.ndarray, "row point"]:
    """Take so many evenly spaced checkpoints, the last among them."""
    chosen = np.round(curves.shape[1] * (np.arange(points) + 1) / points).astype(int) - 1
    return curves[:, chosen].astype(np.float64)


def rank_correlation(a: Float[np.ndarray, " row"], b: Float[np.ndarray, " row"]) -> float:
    """Correlate ranks (Spearman); 0 where one side is the same for all rows."""
    if np.ptp(a) == 0 or np.ptp(b) == 0:
        return 0.0
    found: Any = spearmanr(a, b)
    return float(np.asarray(found.statistic))


def _neighbours(curves: Float[np.ndarray, "row point"], count: int) -> Int[np.ndarray, "row neighbour"]:
    """Find the rows nearest to each, itself left out; each checkpoint has unit variance."""
    scale = curves.std(axis=0)
    x = curves / np.where(scale > 0, scale, 1.0)
    gaps = ((x[:, None] - x[None]) ** 2).sum(axis=2)
    np.fill_diagonal(gaps, np.inf)
    return np.argsort(gaps, axis=1, kind="stable")[:, :count]


def _shared(a: Int[np.ndarray, "row neighbour"], b: Int[np.ndarray, "row neighbour"]) -> float:
    """Give the share of neighbours that two lists have in common, on average over rows."""
    return float(np.mean([len(np.intersect1d(x, y)) / len(x) for x, y in zip(a, b, strict=True)]))
