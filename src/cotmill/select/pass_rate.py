"""Pass rate: rows by how often a model solves their question; a baseline for difficulty.

The score is the distance of the share of right answers from `target`: 0.5 takes questions that are solved
half of the time, 0 the hardest, 1 the easiest. Questions that were never asked come last. Samples can come
from any tool: a table with `example_id` and `correct`, one line per answer or with `samples` per question.
"""

from __future__ import annotations

import numpy as np
from pydantic import Field

from cotmill.evidence import PassRates
from cotmill.select import pick
from cotmill.select.drawing import Drawing
from cotmill.select.protocol import Candidates, Method


class PassRate(Method):
    """Rows whose question is solved about as often as wanted."""

    name = "pass_rate"
    needs = PassRates

    target: float = Field(default=0.5, ge=0, le=1, description="share of right answers that is wanted")

    def draw(self, rows: Candidates) -> Drawing:
        """Order by the distance from the target."""
        rate = rows.evidence.rate
        return Drawing(
            order=pick.bottom(np.abs(rate - self.target), rows.keys),
            why=f"pass rate nearest to {self.target:g}",
            scores=rate,
            unfit=np.isnan(rate),
            unfit_because="its question was not asked",
        )
