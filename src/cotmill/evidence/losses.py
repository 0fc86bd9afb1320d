"""Losses of every row under one model: the sum over label tokens and their number, kept apart.

Kept as a sum and a count, so that the mean, the sum and length-debiased forms can all be derived. A row
without label tokens (its prompt fills the whole length) has no loss. The public S2L code turns that NaN
into 0, which makes such a row look perfectly learnt; here it stays NaN and is flagged by tokens == 0.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import Bool, Float, Int

from cotmill.evidence.base import Evidence
from cotmill.evidence.lengths import Lengths, check_tokens, lengths_of


@dataclass(frozen=True, eq=False, kw_only=True)
class Losses(Evidence):
    """Summed cross-entropy in nats over the label tokens of a row, and how many there were."""

    kind = "losses"
    row_fields = ("loss_sum", "tokens", "truncated")

    loss_sum: Float[np.ndarray, " row"]
    tokens: Int[np.ndarray, " row"]
    truncated: Bool[np.ndarray, " row"]

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
    def unmeasured(self) -> Bool[np.ndarray, " row"]:
        """Rows with no label tokens: nothing to measure, nothing to train on."""
        return self.tokens == 0

    def to(self, kind: type[Evidence]) -> Evidence | None:
        """These losses, or their token counts as Lengths."""
        return lengths_of(self, self.tokens) if kind is Lengths else super().to(kind)

    def to_columns(self) -> dict[str, np.ndarray]:
        """loss_sum, tokens, truncated."""
        return {name: getattr(self, name) for name in self.row_fields}

    @classmethod
    def from_columns(cls, columns: Mapping[str, np.ndarray]) -> dict[str, Any]:
        """Read the three columns; `truncated` may be left out by other tools and is then false."""
        truncated = columns.get("truncated", np.zeros(len(columns["tokens"]), dtype=bool))
        return {"loss_sum": columns["loss_sum"], "tokens": columns["tokens"], "truncated": truncated}
