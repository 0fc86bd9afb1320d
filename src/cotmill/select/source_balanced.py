"""Source-balanced random: the same number of rows from every source; a baseline.

Water-filling over the `source` column, then the lowest hash inside each source. The public S2L code
balances sources before it clusters (see docs/select.md), so part of any gain it reports may be this.
A pool with one source is drawn as by `random`.
"""

from __future__ import annotations

from cotmill.select import pick
from cotmill.select.drawing import Drawing, groups_of
from cotmill.select.protocol import Candidates, Method


class SourceBalanced(Method):
    """Equal numbers from every source, by chance inside each."""

    name = "source_balanced"

    def draw(self, rows: Candidates) -> Drawing:
        """Take turns over the sources."""
        groups, names = groups_of(rows.pool.column("source"))
        order = pick.balanced(pick.lowest_hash(rows.keys), groups)
        return Drawing(
            order=order,
            why="even over sources, lowest hash inside",
            groups=groups,
            group_names=names,
            even=True,
        )
