"""Confidence curriculum: at every stage of training, the rows that the model is then most confident of.

Source: Varshney et al. 2022, arXiv 2205.09898, which S2L (arXiv 2403.07384) compares with as an online
method: the model in training picks what it reads next, by decreasing confidence. Here the stages are the
checkpoints of a proxy's trajectory and take turns, each with its most probable row that is still there,
so that nothing has to be chosen inside the loop; `place` in the manifest is the curriculum's order.
"""

from __future__ import annotations

import numpy as np

from cotmill.evidence import Trajectories
from cotmill.select import pick
from cotmill.select.drawing import Drawing
from cotmill.select.protocol import Candidates, Method


class ConfidenceCurriculum(Method):
    """Rows that the checkpoints, in turn, are most confident of."""

    name = "confidence_curriculum"
    needs = Trajectories

    def draw(self, rows: Candidates) -> Drawing:
        """Let the checkpoints choose in turn."""
        measured: Trajectories = rows.evidence
        confidence = np.exp(-measured.mean.astype(np.float64))
        fit = np.flatnonzero(~measured.unmeasured)
        order = fit[pick.round_robin(confidence[fit].T, rows.keys[fit], rows.most)]
        rest = np.flatnonzero(measured.unmeasured)
        return Drawing(
            order=np.concatenate([order, rest[pick.lowest_hash(rows.keys[rest])]]),
            why="a checkpoint's most probable row of those left",
            scores=confidence.mean(axis=1),
            unfit=measured.unmeasured,
        )
