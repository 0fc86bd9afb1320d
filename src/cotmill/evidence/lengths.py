"""Lengths of rows in tokens: what token budgets count and length controls match."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import Int

from cotmill.evidence.base import Evidence
from cotmill.evidence.losses import Losses, check_tokens
from cotmill.evidence.trajectories import Trajectories


@dataclass(frozen=True, eq=False, kw_only=True)
class Lengths(Evidence):
    """How many tokens a row costs to train on."""

    kind = "lengths"
    row_fields = ("tokens",)

    tokens: Int[np.ndarray, " row"]

    def check(self) -> None:
        """Refuse negative lengths."""
        check_tokens(self, self.tokens)

    @classmethod
    def from_evidence(cls, evidence: Evidence) -> Lengths | None:
        """Take the token counts that evidence carries anyway; None when it carries none."""
        if isinstance(evidence, Lengths):
            return evidence
        if isinstance(evidence, Losses | Trajectories):
            return cls(
                row_ids=evidence.row_ids,
                pool_fingerprint=evidence.pool_fingerprint,
                model_fingerprint=evidence.model_fingerprint,
                about=evidence.about,
                tokens=evidence.tokens,
            )
        return None

    def to_columns(self) -> dict[str, np.ndarray]:
        """Tokens."""
        return {"tokens": self.tokens}

    @classmethod
    def from_columns(cls, columns: Mapping[str, np.ndarray]) -> dict[str, Any]:
        """Tokens."""
        return {"tokens": columns["tokens"]}
