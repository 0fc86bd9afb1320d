"""Lengths of rows in tokens: what token budgets count and length controls match."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import Int

from cotmill.evidence.base import Evidence


@dataclass(frozen=True, eq=False, kw_only=True)
class Lengths(Evidence):
    """How many tokens a row costs to train on."""

    kind = "lengths"
    row_fields = ("tokens",)

    tokens: Int[np.ndarray, " row"]

    def check(self) -> None:
        """Refuse negative lengths."""
        check_tokens(self, self.tokens)

    def to_columns(self) -> dict[str, np.ndarray]:
        """Tokens."""
        return {"tokens": self.tokens}

    @classmethod
    def from_columns(cls, columns: Mapping[str, np.ndarray]) -> dict[str, Any]:
        """Tokens."""
        return {"tokens": columns["tokens"]}


def check_tokens(evidence: Evidence, tokens: Int[np.ndarray, " row"]) -> None:
    """Refuse negative token counts."""
    evidence.refuse_unless(tokens >= 0, "have a negative number of tokens", "count the tokens again")


def lengths_of(evidence: Evidence, tokens: Int[np.ndarray, " row"]) -> Lengths:
    """Make Lengths from the token counts that other evidence carries."""
    return Lengths(
        row_ids=evidence.row_ids,
        pool_fingerprint=evidence.pool_fingerprint,
        model_fingerprint=evidence.model_fingerprint,
        about=evidence.about,
        tokens=tokens,
    )
