"""Least confidence: rows whose written tokens the model thought least likely.

Source: Bhatt et al. 2024, arXiv 2401.06692, in the form that S2L (arXiv 2403.07384) compares with: the mean
probability of the response's tokens under a reference model, lowest first. The mean of probabilities, not
of their logarithms, so that a single impossible token does not decide (that is `perplexity_top`). With
`of=top` it is the probability of the likeliest token at each place: how sure the model is itself.
"""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from cotmill.evidence import Readings
from cotmill.select import pick
from cotmill.select.drawing import Drawing
from cotmill.select.protocol import Candidates, Method


class LeastConfidence(Method):
    """Rows with the lowest mean probability of their label tokens."""

    name = "least_confidence"
    needs = Readings
    parts = ("readings",)

    of: Literal["written", "top"] = Field(
        default="written", description="probability of the written tokens, or of the likeliest ones"
    )

    def draw(self, rows: Candidates) -> Drawing:
        """Order from least to most confident."""
        measured: Readings = rows.evidence
        sums = measured.confidence_sum if self.of == "written" else measured.top_sum
        confidence = measured.mean_of(sums)
        what = "written" if self.of == "written" else "likeliest"
        return Drawing(
            order=pick.bottom(confidence, rows.keys),
            why=f"lowest mean probability of the {what} tokens",
            scores=confidence,
            unfit=measured.unmeasured,
        )
