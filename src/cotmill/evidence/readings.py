"""Readings: what one forward pass of a model says about the answer of every row.

All selectors that need no more than a forward pass read this one table: summed loss, the probability of
the written tokens, that of the most likely ones, and the ranks of the written ones. Two columns cost
more and are there only when asked for: the loss of the answer without its question, and the norm of the
output layer's gradient.
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
from cotmill.evidence.losses import Losses

RANK_LIMIT = 100
"""Ranks are cut here before they are summed, as RSR defines it (arXiv 2601.14249)."""


@dataclass(frozen=True, eq=False, kw_only=True)
class Readings(Evidence):
    """Sums over the label tokens of a row under one model; all are NaN where there are none."""

    kind = "readings"
    row_fields = (
        "loss_sum",
        "tokens",
        "truncated",
        "end_loss",
        "confidence_sum",
        "top_sum",
        "rank_sum",
        "bare_loss_sum",
        "bare_tokens",
        "gradient_norm",
    )

    loss_sum: Float[np.ndarray, " row"]
    tokens: Int[np.ndarray, " row"]
    truncated: Bool[np.ndarray, " row"]
    end_loss: Float[np.ndarray, " row"]
    confidence_sum: Float[np.ndarray, " row"]
    """Sum of the probabilities of the written tokens."""
    top_sum: Float[np.ndarray, " row"]
    """Sum of the probabilities of the most likely tokens."""
    rank_sum: Float[np.ndarray, " row"]
    """Sum of the written tokens' ranks, 1 for the most likely, each at most RANK_LIMIT."""
    bare_loss_sum: Float[np.ndarray, " row"] | None = None
    """Loss of the answer when the question is not given."""
    bare_tokens: Int[np.ndarray, " row"] | None = None
    """Tokens that this loss is over; without a start token it lacks the answer's first one."""
    gradient_norm: Float[np.ndarray, " row"] | None = None
    """Euclidean norm of the gradient of the mean loss by the weights of the output layer."""

    def check(self) -> None:
        """Refuse numbers that are not finite; forget those of rows without label tokens."""
        check_tokens(self, self.tokens)
        empty = self.tokens == 0
        for name in self.measured:
            values = getattr(self, name)
            if name == "end_loss" or values.dtype.kind != "f":
                continue
            self.refuse_unless(
                empty | (np.isfinite(values) & (values >= 0)),
                f"have label tokens but no finite {name} of at least 0",
                "measure again; a NaN usually means that the training diverged",
            )
            self._set(name, np.where(empty, np.nan, values).astype(values.dtype))

    @property
    def unmeasured(self) -> Bool[np.ndarray, " row"]:
        """Rows with no label tokens: nothing to measure, nothing to train on."""
        return self.tokens == 0

    def mean_of(self, sums: Float[np.ndarray, " row"]) -> Float[np.ndarray, " row"]:
        """Give the mean per label token of one of the sums; NaN where there are no label tokens."""
        return sums / np.maximum(self.tokens, 1)

    def need(self, part: str, *names: str) -> None:
        """Refuse to go on without columns that are only measured when asked for.

        Raises:
            EvidenceError: they were not.
        """
        missing = [name for name in names if getattr(self, name) is None]
        if missing:
            raise EvidenceError(
                f"these readings lack {', '.join(missing)}; measure them with "
                f"cotmill measure forward --part {part}"
            )

    def to(self, kind: type[Evidence]) -> Evidence | None:
        """Give these readings, their losses, or their token counts as Lengths."""
        if kind is Losses:
            return Losses(
                row_ids=self.row_ids,
                pool_fingerprint=self.pool_fingerprint,
                model_fingerprint=self.model_fingerprint,
                about=self.about,
                loss_sum=self.loss_sum,
                tokens=self.tokens,
                truncated=self.truncated,
                end_loss=self.end_loss,
            )
        return lengths_of(self, self.tokens) if kind is Lengths else super().to(kind)

    def to_columns(self) -> dict[str, np.ndarray]:
        """Everything that was measured."""
        return {name: getattr(self, name) for name in self.measured}

    @classmethod
    def from_columns(cls, columns: Mapping[str, np.ndarray]) -> dict[str, Any]:
        """Take the known columns; what must be there and is not is named."""
        must = ("loss_sum", "tokens", "confidence_sum", "top_sum", "rank_sum")
        needed = [name for name in must if name not in columns]
        if needed:
            raise EvidenceError(f"readings lack the columns {', '.join(needed)}; measure them again")
        rows = len(columns["tokens"])
        blank = {"truncated": np.zeros(rows, dtype=bool), "end_loss": np.full(rows, np.nan)}
        return blank | {name: columns[name] for name in cls.row_fields if name in columns}
