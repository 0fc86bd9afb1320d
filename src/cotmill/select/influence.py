"""Influence pruning: drop what helps the answers that became right least, or harms most, and keep the rest.

Source: Humane, Cudrano, Kaplan, Matteucci, Chakraborty and Rish 2025, arXiv 2510.06108. Rows carry a score
s and a mean rank r on the questions that fine-tuning turned right (C) and wrong (I); thresholds on both are
intersected, so that a row that only an outlier condemns stays. Strategies:

- `correct`: drop rows with low s_C and low r_C.
- `incorrect`: drop rows with high s_I and high r_I.
- `combined`: both; the paper names a hybrid without its set algebra, so how is an option.

The smallest set {s <= Q_s(t)} ∩ {r <= Q_r(t)} of a given size is found by bisection on t; it holds the rows
whose larger place in the two orders is smallest, so sorting by that place gives it for all sizes at once.
We differ: the set is nested in the budget, rows without label tokens go first, and scores that failed
their validity gate are refused unless told otherwise.
"""

from __future__ import annotations

from typing import Any, Literal

import numpy as np
from pydantic import Field

from cotmill.core.errors import EvidenceError
from cotmill.evidence import Influence
from cotmill.evidence.influence import GROUPS, Control, Group
from cotmill.select import pick
from cotmill.select.bands import undecided_at
from cotmill.select.drawing import Drawing
from cotmill.select.protocol import Candidates, Method

Strategy = Literal["correct", "incorrect", "combined"]
BUDGETS = (0.25, 0.5, 0.75, 0.9)
"""Shares of the pool at which the number of undecided rows is given."""


class InfluencePruning(Method):
    """Rows that are left when those of least or harmful influence are dropped."""

    name = "influence"
    needs = Influence

    strategy: Strategy = Field(default="combined", description="which group of queries condemns a row")
    combine: Literal["turns", "ranks", "both"] = Field(
        default="turns",
        description="combined: the two groups condemn in turn; the sum of their ranks; only rows that both "
        "condemn",
    )
    evidence: Literal["both", "score", "rank"] = Field(
        default="both", description="intersect thresholds on score and rank, or take one of them"
    )
    length: Control = Field(default="sum", description="length control")
    gate: Literal["refuse", "warn"] = Field(
        default="refuse", description="what to do with scores that failed their validity gate"
    )

    def draw(self, rows: Candidates) -> Drawing:
        """Order rows from the last to be dropped to the first."""
        found: Influence = rows.evidence
        if found.gate == "failed" and self.gate == "refuse":
            raise EvidenceError(
                f"these influence scores failed their validity gate: {found.about.get('gate_why', '')}. "
                "Pruning by them would be a random choice with a story; measure with more queries or a "
                "better trained model, or say -o gate=warn"
            )
        fit = np.flatnonzero(~found.unmeasured)
        dropped = fit[self.dropping(found.at(fit), rows.keys[fit])]
        order = np.concatenate([dropped[::-1], np.flatnonzero(found.unmeasured)])
        return Drawing(
            order=order,
            why=f"last to be dropped by {self.strategy} influence",
            scores=_shown(found, self.strategy, self.length),
            unfit=found.unmeasured,
            details={**self._details(found, rows), "gate": found.gate},
        )

    def dropping(self, found: Influence, keys: pick.Keys) -> pick.Positions:
        """Order rows by how soon they are dropped."""
        if self.strategy == "correct":
            return self._condemned(found, "correct", keys)
        if self.strategy == "incorrect":
            return self._condemned(found, "incorrect", keys)
        # With only one group of queries the other condemns nothing; `details` names both counts.
        told: list[Group] = [group for group in GROUPS if found.parts(group).shape[1]]
        orders = [self._condemned(found, group, keys) for group in told or GROUPS]
        if len(orders) == 1:
            return orders[0]
        if self.combine == "turns":
            return in_turns(*orders)
        if self.combine == "both":
            return pick.intersection(orders, keys)
        return np.lexsort((keys, np.sum([pick.ranks_of(order) for order in orders], axis=0)))

    def _condemned(self, found: Influence, group: Group, keys: pick.Keys) -> pick.Positions:
        """Order rows by one group: lowest on what became right first, highest on what became wrong first."""
        by = pick.bottom if group == "correct" else pick.top
        orders = []
        if self.evidence in ("both", "score"):
            orders.append(by(found.score(group, self.length), keys))
        if self.evidence in ("both", "rank"):
            orders.append(by(found.rank(group, self.length), keys))
        return pick.intersection(orders, keys)

    def _details(self, found: Influence, rows: Candidates) -> dict[str, Any]:
        """Say how sure the choice is, and what it was made of."""
        kept = (
            "correct_queries",
            "incorrect_queries",
            "curvature",
            "damping",
            "gate_why",
            "validation",
            "residuals",
        )
        about = {name: found.about[name] for name in kept if name in found.about}
        return {**about, "undecided_rows": undecided_at(self.dropping, found, rows.keys, BUDGETS, rows.seed)}


def _shown(found: Influence, strategy: Strategy, length: Control) -> np.ndarray:
    """The score that the manifest shows: higher is better."""
    if strategy == "correct":
        return found.score("correct", length)
    if strategy == "incorrect":
        return -found.score("incorrect", length)
    signs: dict[Group, int] = {"correct": 1, "incorrect": -1}
    signed = [
        sign * found.score(group, length) for group, sign in signs.items() if found.parts(group).shape[1]
    ]
    return np.sum(signed, axis=0)


def in_turns(first: pick.Positions, second: pick.Positions) -> pick.Positions:
    """Let two orders take in turn, each its first row that is still there.

    At every size half comes from each, and where both want the same row the turn goes on.

    >>> in_turns(np.array([0, 1, 2, 3]), np.array([0, 3, 1, 2])).tolist()
    [0, 1, 3, 2]
    """
    both = np.stack([first, second], axis=1).reshape(-1)
    _, places = np.unique(both, return_index=True)
    return both[np.sort(places)]
