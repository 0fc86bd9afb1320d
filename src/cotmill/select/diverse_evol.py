"""DiverseEvol: rows far from those already taken, in the space of a model's hidden states.

Source: Wu et al. 2023, arXiv 2311.08182: from a few random rows on, a model is trained, all rows are embedded
with it, and those farthest from the ones taken (greedy k-centre) are added, round after round. Here one
model embeds the rows once, as for every method of one pass; training between rounds is not repeated, which
S2L (arXiv 2403.07384) counts as the greater part of its cost. The row with the lowest hash starts. Pools over
`block` rows are dealt into random blocks that take turns.
"""

from __future__ import annotations

from pydantic import Field

from cotmill.evidence import Embeddings
from cotmill.select.cover import BLOCK, farthest_first
from cotmill.select.drawing import Drawing
from cotmill.select.protocol import Candidates, Method


class DiverseEvol(Method):
    """Rows farthest from those taken before."""

    name = "diverse_evol"
    needs = Embeddings
    parts = ("mean",)

    block: int = Field(default=BLOCK, ge=2, description="rows compared with one another")

    def draw(self, rows: Candidates) -> Drawing:
        """Order by distance from those before."""
        vectors = rows.evidence.vectors
        return Drawing(
            order=farthest_first(vectors, rows.keys, most=rows.most, block=self.block),
            why="farthest from the rows taken before",
        )
