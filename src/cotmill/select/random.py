"""Random: a uniform sample without replacement, the baseline that every method must beat.

Drawn by the lowest hash of (seed, row id): nested across budgets, and the same whatever the order of
the rows or the number of shards.
"""

from __future__ import annotations

from cotmill.select import pick
from cotmill.select.drawing import Drawing
from cotmill.select.protocol import Candidates, Method


class Random(Method):
    """Rows drawn uniformly."""

    name = "random"

    def draw(self, rows: Candidates) -> Drawing:
        """Order by hash."""
        return Drawing(order=pick.lowest_hash(rows.keys), why="lowest hash of seed and row id")
