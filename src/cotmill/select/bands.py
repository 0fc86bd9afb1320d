"""How sure a pruning is: bootstrap over queries gives every row an interval of places, and a verdict.

The queries are few (the questions that flipped), so the scores have a sampling error. Parts of a group are
drawn again with replacement; a row that is kept in nearly all draws is kept, one that is dropped in nearly
all is dropped, and the rest is undecided: for them the order is mostly chance.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np
from jaxtyping import Float, Int

from cotmill.core.ids import rng_of
from cotmill.evidence import Influence
from cotmill.select.pick import Keys, Positions, ranks_of

DRAWS = 100
CERTAIN = 0.95
"""Share of the draws that must agree before a row counts as decided."""

Dropping = Callable[[Influence, Keys], Positions]


@dataclass(frozen=True, eq=False)
class Bands:
    """For each row the share of the way from dropped first (0) to kept longest (1), as a 95 % interval."""

    low: Float[np.ndarray, " row"]
    high: Float[np.ndarray, " row"]
    places: Float[np.ndarray, "draw row"]

    def kept(self, share: float) -> Float[np.ndarray, " row"]:
        """Say in what share of the draws each row is among the kept share of the pool."""
        return (self.places >= 1 - share).mean(axis=0)

    def verdicts(self, share: float) -> Int[np.ndarray, " row"]:
        """1 keep, -1 drop, 0 undecided."""
        kept = self.kept(share)
        return (kept >= CERTAIN).astype(np.int64) - (kept <= 1 - CERTAIN).astype(np.int64)


def bands(dropping: Dropping, found: Influence, keys: Keys, seed: int, draws: int = DRAWS) -> Bands:
    """Draw the parts of both groups again, and order the rows by each draw.

    Ranks of single queries are left out, since the parts of the draw replace them.
    """
    rng = rng_of(seed, "bands")
    unknown = np.full(len(found), np.nan)
    places = np.empty((draws, len(found)))
    for draw in range(draws):
        parts = {}
        for group in ("correct", "incorrect"):
            count = found.parts(group).shape[1]
            parts[f"{group}_parts"] = found.parts(group)[:, rng.integers(0, max(1, count), count)]
        again = replace(found, **parts, correct_exact=unknown, incorrect_exact=unknown)
        places[draw] = ranks_of(dropping(again, keys)) / max(1, len(found) - 1)
    low, high = np.quantile(places, [0.025, 0.975], axis=0)
    return Bands(low, high, places)


def undecided_at(
    dropping: Dropping, found: Influence, keys: Keys, shares: Sequence[float], seed: int
) -> dict[str, int]:
    """Count the rows on which the draws do not agree, when so much of the pool is kept."""
    fit = np.flatnonzero(~found.unmeasured)
    measured = bands(dropping, found.at(fit), keys[fit], seed)
    return {f"{share:.0%}": int((measured.verdicts(share) == 0).sum()) for share in shares}
