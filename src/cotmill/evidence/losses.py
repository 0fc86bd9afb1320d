"""Losses of every row under one model: the sum over label tokens and their number, kept apart.

Kept as a sum and a count, so that the mean, the sum and length-debiased forms can all be derived. A row
without label tokens (its prompt fills the whole length) has no loss. The public S2L code turns that NaN
into 0, which makes such a row look perfectly learnt; here it stays NaN and is flagged by tokens == 0.

The loss of the end-of-text token is a part of the sum and is also given apart (`end_loss`): in a short
answer it weighs much, so that a mean that contains it tells of length.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import Bool, Float, Int

from cotmill.core.errors import EvidenceError
from cotmill.evidence.base import Evidence
from cotmill.evidence.lengths import Lengths, check_tokens, lengths_of

NO_END = (
    "these {} do not have the loss of the end-of-text token apart; measure them with cotmill, or write "
    "the column end_loss (end_loss@STEP of a trajectory)"
)


@dataclass(frozen=True, eq=False, kw_only=True)
class Losses(Evidence):
    """Summed cross-entropy in nats over the label tokens of a row, and how many there were."""

    kind = "losses"
    row_fields = ("loss_sum", "tokens", "truncated", "end_loss")

    loss_sum: Float[np.ndarray, " row"]
    tokens: Int[np.ndarray, " row"]
    truncated: Bool[np.ndarray, " row"]
    end_loss: Float[np.ndarray, " row"] | None = None
    """Loss of the end-of-text token, a part of `loss_sum`; NaN where the row does not reach its end."""

    def check(self) -> None:
        """Refuse a loss that is not finite or is negative; forget losses of rows without label tokens."""
        check_tokens(self, self.tokens)
        empty = self.tokens == 0
        self.refuse_unless(
            empty | (np.isfinite(self.loss_sum) & (self.loss_sum >= 0)),
            "have label tokens but no finite loss of at least 0",
            "measure again; a NaN usually means that the training diverged",
        )
        self._set("loss_sum", np.where(empty, np.nan, self.loss_sum).astype(self.loss_sum.dtype))

    @property
    def mean(self) -> Float[np.ndarray, " row"]:
        """Nats per label token; NaN where there are none."""
        return self.loss_sum / np.maximum(self.tokens, 1)

    @property
    def mean_without_end(self) -> Float[np.ndarray, " row"]:
        """Nats per label token, without the end-of-text token.

        Raises:
            EvidenceError: it was not measured apart.
        """
        if self.end_loss is None:
            raise EvidenceError(NO_END.format(self.kind))
        return without_end(self.loss_sum, self.end_loss, self.tokens)

    @property
    def unmeasured(self) -> Bool[np.ndarray, " row"]:
        """Rows with no label tokens: nothing to measure, nothing to train on."""
        return self.tokens == 0

    def to(self, kind: type[Evidence]) -> Evidence | None:
        """These losses, or their token counts as Lengths."""
        return lengths_of(self, self.tokens) if kind is Lengths else super().to(kind)

    def to_columns(self) -> dict[str, np.ndarray]:
        """loss_sum, tokens, truncated, and end_loss where it was measured."""
        return {name: getattr(self, name) for name in self.measured}

    @classmethod
    def from_columns(cls, columns: Mapping[str, np.ndarray]) -> dict[str, Any]:
        """Read the columns; other tools may leave out `truncated`, which is then false, and `end_loss`."""
        truncated = columns.get("truncated", np.zeros(len(columns["tokens"]), dtype=bool))
        read = {name: columns[name] for name in ("loss_sum", "tokens", "end_loss") if name in columns}
        return {**read, "truncated": truncated}


def without_end(
    loss_sum: Float[np.ndarray, " row *rest"],
    end_loss: Float[np.ndarray, " row *rest"],
    tokens: Int[np.ndarray, " row"],
) -> Float[np.ndarray, " row *rest"]:
    """Nats per label token, the end-of-text token left out of both; 0 where it is the only label."""
    ended = np.isfinite(end_loss)
    left = np.maximum(tokens.reshape(-1, *[1] * (loss_sum.ndim - 1)) - ended, 0)
    return np.where(left > 0, (loss_sum - np.where(ended, end_loss, 0.0)) / np.maximum(left, 1), 0.0)
