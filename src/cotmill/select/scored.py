"""Scored: rows by scores that were made anywhere, with any of the drawing rules for scores; a baseline.

For a score of one's own: one Parquet file with `row_id` and `values`, higher is better. Every other
method that ranks rows is this with a published score.
"""

from __future__ import annotations

from typing import Literal

import numpy as np
from pydantic import Field

from cotmill.evidence import Scores
from cotmill.select import pick
from cotmill.select.drawing import Drawing
from cotmill.select.protocol import Candidates, Method


class Scored(Method):
    """Rows with the highest scores, or by another rule over the scores."""

    name = "scored"
    needs = Scores

    rule: Literal["top", "bottom", "middle", "threshold", "band"] = Field(
        default="top", description="drawing rule"
    )
    low: float | None = Field(
        default=None, allow_inf_nan=False, description="lowest score, or rank from 0 to 1"
    )
    high: float | None = Field(
        default=None, allow_inf_nan=False, description="highest score, or rank from 0 to 1"
    )

    def draw(self, rows: Candidates) -> Drawing:
        """Order the rows by the rule."""
        scores, keys = rows.evidence.values, rows.keys
        low, high = (-np.inf if self.low is None else self.low), (np.inf if self.high is None else self.high)
        if self.rule == "threshold":
            order = pick.threshold(scores, keys, at_least=low, at_most=high)
            return Drawing(order=order, why=f"lowest hash of scores in [{low}, {high}]", scores=scores)
        if self.rule == "band":
            order = pick.band(scores, keys, low=low, high=high)
            return Drawing(order=order, why=f"lowest hash of ranks in [{low}, {high})", scores=scores)
        rule = {"top": pick.top, "bottom": pick.bottom, "middle": pick.middle}[self.rule]
        why = {"top": "highest score", "bottom": "lowest score", "middle": "score nearest to the median"}[
            self.rule
        ]
        return Drawing(order=rule(scores, keys), why=why, scores=scores)
