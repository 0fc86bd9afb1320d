"""Random: a uniform sample without replacement, the baseline that every method must beat.

Drawn by the lowest hash of (seed, row id): nested across budgets, and the same whatever the order of
the rows or the number of shards.
"""

from __future__ import annotations

from typing import Any

from cotmill.data.pool import Pool
from cotmill.select import pick
from cotmill.select.protocol import Drawing, Method


class Random(Method):
    """Rows drawn uniformly."""

    name = "random"

    def draw(self, pool: Pool, evidence: Any, keys: pick.Keys, *, seed: int) -> Drawing:
        """Order by hash."""
        return Drawing(order=pick.lowest_hash(keys), why="lowest hash of seed and row id")
