"""S2L: cluster the loss trajectories of a small proxy, then draw evenly over the clusters.

Source: Yang, Mishra, Chiang and Mirzasoleiman 2024, arXiv 2403.07384, algorithm 1. Modes:

- `paper`: one k-means over all rows, on plain mean losses; evenly over the clusters.
- `repo`: what the public code does instead: evenly over sources, and inside each source evenly over its
  own clusters, those of one or two rows last.
- `cotmill`: as `paper`, on losses from which the part that log length predicts is taken out and in which
  every checkpoint has unit variance, so that neither length nor the first checkpoints decide alone.

We differ from the public code on purpose: k-means++ with restarts (theirs starts from random rows), a
seeded draw, and rows without label tokens drawn last (theirs count as loss 0, "perfectly learnt").
"""

from __future__ import annotations

from typing import Any, Literal

import numpy as np
from pydantic import Field

from cotmill.core.ids import seed_of
from cotmill.evidence import Trajectories
from cotmill.select import pick
from cotmill.select.cluster import Clusters, cluster, clusters_for
from cotmill.select.curves import Curves, debiased, diagnose
from cotmill.select.drawing import Drawing, groups_of
from cotmill.select.protocol import Candidates, Method

TINY = 2
"""The public code takes rows from clusters of this size or less only when all others are used up."""


class S2L(Method):
    """Even over k-means clusters of loss trajectories."""

    name = "s2l"
    needs = Trajectories

    mode: Literal["paper", "repo", "cotmill"] = Field(
        default="paper", description="which published procedure, or ours"
    )
    clusters: int | None = Field(
        default=None, ge=1, description="clusters (default: 100; fewer below 2,000 rows)"
    )
    restarts: int = Field(default=3, ge=1, description="k-means restarts; the lowest inertia is kept")

    def draw(self, rows: Candidates) -> Drawing:
        """Cluster the rows that have label tokens, then take turns over the clusters."""
        measured: Trajectories = rows.evidence
        fit = np.flatnonzero(~measured.unmeasured)
        if not len(fit):
            return Drawing(
                order=pick.lowest_hash(rows.keys), why="no row has label tokens", unfit=measured.unmeasured
            )
        keys, tokens = rows.keys[fit], measured.tokens[fit]
        curves = measured.mean[fit].astype(np.float32)
        if self.mode == "cotmill":
            curves = debiased(curves, tokens, keys)
        sources, names = groups_of(rows.pool.column("source").take(fit))
        strata = sources if self.mode == "repo" else np.zeros_like(sources)
        found, labels = self._cluster(curves, keys, strata, names, rows.seed)
        order = pick.lowest_hash(keys)
        if self.mode == "repo":
            order = pick.balanced(order, found.labels, last=np.bincount(found.labels)[found.labels] <= TINY)
            order = pick.balanced(order, strata)
        else:
            order = pick.balanced(order, found.labels)
        groups = np.full(len(rows.pool), len(labels), dtype=np.int64)
        groups[fit] = found.labels
        return Drawing(
            order=np.concatenate([fit[order], np.flatnonzero(measured.unmeasured)]),
            why="even over clusters of loss trajectories, lowest hash inside",
            groups=groups,
            group_names=np.array([*labels, "no label tokens"]),
            unfit=measured.unmeasured,
            details={
                **diagnose(curves, found, sources, tokens, keys),
                "truncated_rows": int(measured.truncated.sum()),
                "steps": measured.steps.tolist(),
                "centres": np.round(found.centres.astype(float), 6).tolist(),
            },
        )

    def _cluster(
        self, curves: Curves, keys: pick.Keys, strata: pick.Groups, names: np.ndarray, seed: int
    ) -> tuple[Clusters, list[str]]:
        """Cluster every stratum on its own, and number all clusters through."""
        labels, centres, inertia = np.zeros(len(curves), dtype=np.int64), [], 0.0
        titles: list[str] = []
        for stratum in np.unique(strata):
            members = np.flatnonzero(strata == stratum)
            options: dict[str, Any] = {
                "clusters": clusters_for(len(members), self.clusters),
                "restarts": self.restarts,
                "seed": seed_of(seed, "s2l", str(names[stratum]) if self.mode == "repo" else ""),
            }
            part = cluster(curves[members], keys[members], **options)
            labels[members] = part.labels + len(titles)
            prefix = f"{names[stratum]}/" if self.mode == "repo" else ""
            titles += [f"{prefix}{number}" for number in range(len(part.centres))]
            centres.append(part.centres)
            inertia += part.inertia * len(members) / len(curves)
        return Clusters(np.concatenate(centres), labels, inertia), titles
