"""RDS+: rows whose hidden states are most like those of queries.

Source: Ivison et al. 2025, arXiv 2503.01807: the last hidden states of the base model, averaged over a row's
tokens with weights 1, 2, 3, …, cosine similarity to the same of each query, and the queries choose in turn
the best row that is left. `combine` takes the mean or the highest similarity instead, for queries that are
all of one task. The public code reads rows one at a time; here they are part of one pass in batches.
"""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from cotmill.evidence import Embeddings
from cotmill.select import pick
from cotmill.select.drawing import Drawing
from cotmill.select.protocol import Candidates, Method


class RDSPlus(Method):
    """Rows most like the queries in weighted hidden states."""

    name = "rds_plus"
    needs = Embeddings
    parts = ("weighted",)
    asks = Embeddings

    combine: Literal["round_robin", "max", "mean"] = Field(
        default="round_robin", description="how several queries choose"
    )

    def draw(self, rows: Candidates) -> Drawing:
        """Let the queries choose, or order by similarity."""
        queries = rows.extras.queries
        assert isinstance(queries, Embeddings)
        likeness = queries.unit @ rows.evidence.unit.T
        best = likeness.mean(axis=0) if self.combine == "mean" else likeness.max(axis=0)
        if self.combine == "round_robin":
            order = pick.round_robin(likeness, rows.keys, rows.most)
            why = "most like a query whose turn it was"
        else:
            order = pick.top(best, rows.keys)
            why = "most like a query" if self.combine == "max" else "most like the queries on average"
        return Drawing(order=order, why=why, scores=best, details={"queries": len(queries)})
