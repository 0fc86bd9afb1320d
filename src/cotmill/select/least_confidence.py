"""Least confidence: rows whose written tokens the model thought least likely.

Source: Bhatt et al. 2024, arXiv 2401.06692, in the form that S2L (arXiv 2403.07384) compares with: the mean
probability of the response's tokens under a reference model, lowest first. The mean of probabilities, not
of their logarithms, so that a single impossible token does not decide (that is `perplexity_top`).
"""

from __future__ import annotations

from cotmill.evidence import Readings
from cotmill.select import pick
from cotmill.select.drawing import Drawing
from cotmill.select.protocol import Candidates, Method


class LeastConfidence(Method):
    """Rows with the lowest mean probability of their label tokens."""

    name = "least_confidence"
    needs = Readings
    parts = ("readings",)

    def draw(self, rows: Candidates) -> Drawing:
        """Order from least to most confident."""
        confidence = rows.evidence.mean_of("confidence_sum")
        return Drawing(
            order=pick.bottom(confidence, rows.keys),
            why="lowest mean probability of the written tokens",
            scores=confidence,
            unfit=rows.evidence.unmeasured,
        )
