"""High learnability: rows whose loss falls most between two points of fine-tuning.

Source: LoBaSS (Zhou et al. 2023, arXiv 2310.13008) scores a row by its loss under the base model minus its
loss under the fine-tuned one, as S2L (arXiv 2403.07384) does in its comparison. Mean losses per label
token, so length does not enter. The two points are checkpoints of one trajectory, by default the first
and the last; measure step 0 too if "before" is to mean the base model.
"""

from __future__ import annotations

from pydantic import Field

from cotmill.core.errors import EvidenceError
from cotmill.evidence import Trajectories
from cotmill.select import pick
from cotmill.select.drawing import Drawing
from cotmill.select.protocol import Candidates, Method


class HighLearnability(Method):
    """Rows with the largest drop of mean loss from one checkpoint to another."""

    name = "high_learnability"
    needs = Trajectories

    before: int = Field(default=0, description="place of the earlier checkpoint, 0 is the first")
    after: int = Field(default=-1, description="place of the later checkpoint, -1 is the last")

    def draw(self, rows: Candidates) -> Drawing:
        """Order by the drop, largest first."""
        measured: Trajectories = rows.evidence
        points = len(measured.steps)
        if not -points <= self.before < points or not -points <= self.after < points:
            raise EvidenceError(
                f"checkpoints {self.before} and {self.after} were asked for; there are {points}, from 0"
            )
        steps = int(measured.steps[self.before]), int(measured.steps[self.after])
        if steps[0] >= steps[1]:
            raise EvidenceError(
                f"the drop from step {steps[0]} to step {steps[1]} was asked for; measure at least two "
                "checkpoints and name the earlier one as `before`"
            )
        drop = measured.losses(self.before).mean - measured.losses(self.after).mean
        return Drawing(
            order=pick.top(drop, rows.keys),
            why=f"largest fall of the mean loss from step {steps[0]} to step {steps[1]}",
            scores=drop,
            unfit=measured.unmeasured,
        )
