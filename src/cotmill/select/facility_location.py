"""Facility location: rows that together lie near to all others, on hidden states.

Source: the greedy submodular baseline of S2L (arXiv 2403.07384), after Bhatt et al. 2024 (arXiv 2401.06692):
last-layer hidden states of a reference model, cosine similarity, lazy greedy. All pairs of a large pool do
not fit into memory, so pools over `block` rows are dealt into random blocks that take turns (`cover.py`).
"""

from __future__ import annotations

from pydantic import Field

from cotmill.evidence import Embeddings
from cotmill.select.cover import BLOCK, facility_location
from cotmill.select.drawing import Drawing
from cotmill.select.protocol import Candidates, Method


class FacilityLocation(Method):
    """Rows that together are most like all rows."""

    name = "facility_location"
    needs = Embeddings
    parts = ("mean",)

    block: int = Field(default=BLOCK, ge=2, description="rows compared with one another")

    def draw(self, rows: Candidates) -> Drawing:
        """Order by gain."""
        vectors = rows.evidence.unit
        return Drawing(
            order=facility_location(vectors, rows.keys, most=rows.most, block=self.block),
            why="largest gain in likeness to all rows",
        )
