"""Embedding-balanced random: the same number of rows from every cluster of embeddings; a baseline.

S2L (see s2l.py) draws evenly over clusters of loss curves. This draws evenly over as many clusters of what
the rows say, so that a gain of S2L over it is a gain of the curves and not of balancing as such.
"""

from __future__ import annotations

from pydantic import Field

from cotmill.evidence import Embeddings
from cotmill.select import pick
from cotmill.select.cluster import cluster, clusters_for
from cotmill.select.drawing import Drawing
from cotmill.select.protocol import Candidates, Method


class EmbeddingBalanced(Method):
    """Equal numbers from every cluster of embeddings, by chance inside each."""

    name = "embedding_balanced"
    needs = Embeddings
    parts = ("mean",)

    clusters: int | None = Field(
        default=None, ge=1, description="clusters (default: 100; fewer below 2,000 rows)"
    )
    restarts: int = Field(default=3, ge=1, description="k-means restarts; the lowest inertia is kept")

    def draw(self, rows: Candidates) -> Drawing:
        """Cluster, then take turns over the clusters."""
        count = clusters_for(len(rows.pool), self.clusters)
        found = cluster(rows.evidence.unit, rows.keys, clusters=count, restarts=self.restarts, seed=rows.seed)
        return Drawing(
            order=pick.balanced(pick.lowest_hash(rows.keys), found.labels),
            why="even over clusters of embeddings, lowest hash inside",
            groups=found.labels,
            details={"clusters": count, "inertia": round(found.inertia, 6)},
        )
