"""Cartography: rows by the mean and the spread of their probability over training.

Source: Swayamdipta et al. 2020, arXiv 2009.10795: confidence is the mean over epochs of the probability of
the gold label, variability its standard deviation; they train on the most variable ("ambiguous") rows.
A solution has many tokens, so here the probability at a checkpoint is the geometric mean over its label
tokens, exp(-mean loss), and the checkpoints of a trajectory stand for the epochs.
"""

from __future__ import annotations

from typing import Literal

import numpy as np
from pydantic import Field

from cotmill.core.errors import EvidenceError
from cotmill.evidence import Trajectories
from cotmill.select import pick
from cotmill.select.drawing import Drawing
from cotmill.select.protocol import Candidates, Method


class Cartography(Method):
    """Rows of the most variable, lowest or highest probability over the checkpoints."""

    name = "cartography"
    needs = Trajectories

    region: Literal["ambiguous", "hard", "easy"] = Field(
        default="ambiguous", description="highest variability, lowest or highest confidence"
    )

    def draw(self, rows: Candidates) -> Drawing:
        """Order by variability or by confidence."""
        measured: Trajectories = rows.evidence
        if len(measured.steps) < 2:
            raise EvidenceError("cartography needs at least two checkpoints; measure more of them")
        chance = np.exp(-measured.mean.astype(np.float64))
        confidence, variability = chance.mean(axis=1), chance.std(axis=1)
        scores = variability if self.region == "ambiguous" else confidence
        order = (pick.bottom if self.region == "hard" else pick.top)(scores, rows.keys)
        why = {
            "ambiguous": "highest variability of its probability over training",
            "hard": "lowest mean probability over training",
            "easy": "highest mean probability over training",
        }[self.region]
        return Drawing(order=order, why=why, scores=scores, unfit=measured.unmeasured)
