"""Length-matched random: a random sample with a given distribution of lengths; a baseline.

Rows are cut into strata of equal size by length, and each stratum gets its share exactly (within one
row), where a plain random sample is only right on average. With `like`, the shares are those of another
selection, so that "it merely picked long rows" can be told apart from a better choice.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
from jaxtyping import Float, Int
from pydantic import Field

from cotmill.core.errors import DataError
from cotmill.core.ids import places_of
from cotmill.data.pool import Pool
from cotmill.evidence import Lengths
from cotmill.select import pick
from cotmill.select.drawing import Drawing
from cotmill.select.protocol import Candidates, Method
from cotmill.select.selection import Selection


class LengthMatched(Method):
    """Random rows whose lengths are distributed as the pool's, or as another selection's."""

    name = "length_matched"
    needs = Lengths

    strata: int = Field(default=20, ge=1, description="quantile strata of length")
    like: Path | None = Field(
        default=None, description="selection folder whose lengths to match (default: the pool's)"
    )

    def draw(self, rows: Candidates) -> Drawing:
        """Draw from the strata in proportion to their shares."""
        groups, names = length_strata(rows.evidence.tokens, self.strata)
        shares = self._shares(rows.pool, groups, len(names))
        order = pick.proportional(pick.lowest_hash(rows.keys), groups, shares, rows.keys)
        return Drawing(
            order=order,
            why="lengths in proportion, lowest hash inside a stratum",
            groups=groups,
            group_names=names,
            unfit=rows.evidence.tokens == 0,
            details={"shares": shares.tolist()},
        )

    def sources(self) -> dict[str, str]:
        """The other selection is a part of what this one is a function of."""
        return {} if self.like is None else {"like": Selection.read(self.like).key}

    def _shares(self, pool: Pool, groups: pick.Groups, strata: int) -> Float[np.ndarray, " stratum"]:
        """Count the rows to imitate in every stratum."""
        if self.like is None:
            return np.bincount(groups, minlength=strata).astype(float)
        places = places_of(Selection.read(self.like).row_ids, pool.column("row_id"))
        unknown = int((places < 0).sum())
        if unknown:
            raise DataError(
                f"{unknown} of {len(places)} rows of {self.like} are not in this pool; "
                "match a selection of this pool"
            )
        return np.bincount(groups[places], minlength=strata).astype(float)


def length_strata(tokens: Int[np.ndarray, " row"], strata: int) -> tuple[pick.Groups, np.ndarray]:
    """Cut rows at the quantiles of their length; equal lengths share a stratum, so there may be fewer."""
    edges = np.unique(np.quantile(tokens, np.linspace(0, 1, strata + 1)[1:], method="lower"))
    return np.searchsorted(edges, tokens), np.array([f"up to {edge} tokens" for edge in edges])
