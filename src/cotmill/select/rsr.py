"""RSR: rows whose tokens rank high although they are improbable, by the rank-surprisal ratio.

Source: "Which Reasoning Trajectories Teach Students to Reason Better?", arXiv 2601.14249: the sum of the
written tokens' ranks under the student, each cut at 100, over the sum of their surprisals in nats; lower
is better. Their use is choosing one of many solutions of a problem; `within=question` ranks rows inside
each question first (everyone's best, everyone's second …), the default ranks all rows together.
"""

from __future__ import annotations

from typing import Literal

import numpy as np
from pydantic import Field

from cotmill.evidence import Readings
from cotmill.select import pick
from cotmill.select.drawing import Drawing, groups_of
from cotmill.select.protocol import Candidates, Method

LEAST_SURPRISAL = 1e-6
"""Nats: a row that the model is certain of has no ratio; it comes last."""


class RSR(Method):
    """Rows with the lowest ratio of token ranks to surprisal."""

    name = "rsr"
    needs = Readings
    parts = ("readings",)

    within: Literal["pool", "question"] = Field(
        default="pool", description="rank all rows together, or the solutions of each question"
    )

    def draw(self, rows: Candidates) -> Drawing:
        """Order from low to high."""
        measured: Readings = rows.evidence
        ratio = np.where(
            measured.loss_sum > LEAST_SURPRISAL,
            measured.rank_sum / np.maximum(measured.loss_sum, LEAST_SURPRISAL),
            np.nan,
        )
        order = pick.bottom(ratio, rows.keys)
        if self.within == "question":
            order = pick.balanced(order, groups_of(rows.pool.column("example_id"))[0])
        return Drawing(
            order=order,
            why="lowest rank-surprisal ratio" + (" of its question" if self.within == "question" else ""),
            scores=ratio,
            unfit=measured.unmeasured,
        )
