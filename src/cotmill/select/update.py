"""Adding rows to a pool after a selection was made: what was taken stays, and new rows top it up.

Groups stay as they were found: new rows are placed into them, old rows keep theirs. Where a method draws
evenly over groups, the new places go to the groups that have least (water-filling above what is taken);
every other rule goes on in its own order behind the rows that were taken before.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from jaxtyping import Int

from cotmill.core.errors import RecipeError
from cotmill.core.ids import places_of
from cotmill.data.pool import Pool
from cotmill.select import pick
from cotmill.select.drawing import Drawing
from cotmill.select.selection import Selection


def keep_taken(drawing: Drawing, pool: Pool, old: Selection) -> Drawing:
    """Put the rows that were taken first, in their old order, and top up behind them."""
    taken_before = old.table.filter(old.table["taken"]).sort_by("place")
    places = places_of(taken_before["row_id"], pool.column("row_id"))
    kept = places[places >= 0]
    held = np.zeros(len(pool), dtype=bool)
    held[kept] = True
    rest = drawing.order[~held[drawing.order]]
    if drawing.even and drawing.groups is not None:
        rest = topped_up(rest, kept, drawing)
    details = {"kept": len(kept), "gone": int((places < 0).sum()), "new_rows": _new(pool, old)}
    return replace(
        drawing,
        order=np.concatenate([kept, rest]),
        held=held,
        details={**drawing.details, "update": details},
    )


def topped_up(
    rest: Int[np.ndarray, " rest"], kept: Int[np.ndarray, " kept"], drawing: Drawing
) -> Int[np.ndarray, " rest"]:
    """Order rows so that groups fill up evenly from what they have."""
    assert drawing.groups is not None
    groups = drawing.groups
    counts = np.bincount(groups)
    late = np.setdiff1d(np.arange(len(groups)), np.concatenate([kept, rest]))
    ranks = pick.ranks_in_groups(np.concatenate([kept, rest, late]), groups)
    turn = pick.ranks_of(np.argsort(counts, kind="stable")[::-1])
    return rest[np.argsort((ranks * len(counts) + turn[groups])[rest], kind="stable")]


def _new(pool: Pool, old: Selection) -> int:
    return int((places_of(pool.column("row_id"), old.table["row_id"]) < 0).sum())


def refuse_less(old: Selection, pool: Pool, count: int | None) -> None:
    """Refuse a budget below what is kept.

    Raises:
        RecipeError: rows that were taken would have to go.
    """
    still = int((places_of(old.row_ids, pool.column("row_id")) >= 0).sum())
    if count is not None and count < still:
        raise RecipeError(
            f"the selection that is updated has {still} rows, which stay; ask for at least so many, "
            f"not for {count}"
        )
