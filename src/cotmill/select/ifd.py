"""IFD: rows whose question helps least with their answer, by instruction-following difficulty.

Source: Li et al. 2023 ("From Quantity to Quality", arXiv 2308.12032): the mean loss of the answer given the
question over the mean loss of the answer alone, highest first; rows at 1 or above are left to the end,
since there the question does not help at all. Superfiltering (arXiv 2402.00530) takes the score from a
small model, as here. Their answer is scored alone without its first token where the tokenizer has no
start token; so it is here.
"""

from __future__ import annotations

import numpy as np

from cotmill.evidence import Readings
from cotmill.select import pick
from cotmill.select.drawing import Drawing
from cotmill.select.protocol import Candidates, Method


class IFD(Method):
    """Rows with the highest ratio below 1 of the answer's loss with its question to that without."""

    name = "ifd"
    needs = Readings
    parts = ("readings", "bare")

    def draw(self, rows: Candidates) -> Drawing:
        """Order from 1 downwards, then what is above."""
        measured: Readings = rows.evidence
        measured.need("bare", "bare_loss_sum", "bare_tokens")
        alone = np.asarray(measured.bare_loss_sum) / np.maximum(np.asarray(measured.bare_tokens), 1)
        ratio = np.where(
            alone > 0, measured.mean_of(measured.loss_sum) / np.where(alone > 0, alone, 1.0), np.nan
        )
        order = pick.top(ratio, rows.keys)
        late = ~(ratio[order] < 1)
        return Drawing(
            order=np.concatenate([order[~late], order[late]]),
            why="highest instruction-following difficulty below 1",
            scores=ratio,
            unfit=measured.unmeasured,
            details={"rows_at_one_or_above": int((ratio >= 1).sum())},
        )
