"""Gradient norm: rows on which the model would change most, or least; a baseline.

Source: the norm of a row's gradient as a score is EL2N's and GraNd's (Paul et al. 2021, arXiv 2107.07075),
and "G-Norm" in the comparison of arXiv 2601.14249. Here it is the gradient of the mean loss by the weights
of the output layer alone, exact and from the forward pass; the full gradient costs a backward pass a row.
"""

from __future__ import annotations

from typing import Literal

import numpy as np
from pydantic import Field

from cotmill.evidence import Readings
from cotmill.select import pick
from cotmill.select.drawing import Drawing
from cotmill.select.protocol import Candidates, Method


class GradientNorm(Method):
    """Rows with the largest gradient by the output layer, or the smallest."""

    name = "gradient_norm"
    needs = Readings
    parts = ("readings", "gradient")

    rule: Literal["top", "bottom", "middle"] = Field(default="top", description="largest, smallest, median")

    def draw(self, rows: Candidates) -> Drawing:
        """Order by the norm."""
        rows.evidence.need("gradient", "gradient_norm")
        norm = np.asarray(rows.evidence.gradient_norm, dtype=float)
        rule = {"top": pick.top, "bottom": pick.bottom, "middle": pick.middle}[self.rule]
        why = {"top": "largest", "bottom": "smallest", "middle": "median"}[self.rule]
        return Drawing(
            order=rule(norm, rows.keys),
            why=f"{why} gradient by the output layer",
            scores=norm,
            unfit=rows.evidence.unmeasured,
        )
