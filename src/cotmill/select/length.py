"""Longest and shortest rows by tokens: baselines that any quality score must beat.

Longest is the "tough-to-beat" baseline of Zhao et al. 2024 (arXiv 2402.04833), who train on the 1,000
longest responses. Equal lengths are drawn by hash.
"""

from __future__ import annotations

from cotmill.evidence import Lengths
from cotmill.select import pick
from cotmill.select.drawing import Drawing
from cotmill.select.protocol import Candidates, Method


class Longest(Method):
    """Rows with the most tokens."""

    name = "longest"
    needs = Lengths

    def draw(self, rows: Candidates) -> Drawing:
        """Order from long to short."""
        scores = rows.evidence.tokens.astype(float)
        return Drawing(
            order=pick.top(scores, rows.keys),
            why="most tokens",
            scores=scores,
            unfit=rows.evidence.tokens == 0,
        )


class Shortest(Method):
    """Rows with the fewest tokens, but some."""

    name = "shortest"
    needs = Lengths

    def draw(self, rows: Candidates) -> Drawing:
        """Order from short to long."""
        scores = -rows.evidence.tokens.astype(float)
        return Drawing(
            order=pick.top(scores, rows.keys),
            why="fewest tokens",
            scores=scores,
            unfit=rows.evidence.tokens == 0,
        )
