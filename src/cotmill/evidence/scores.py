"""Scores: one finite number per row, higher is better, made anywhere."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import Float

from cotmill.evidence.base import Evidence


@dataclass(frozen=True, eq=False, kw_only=True)
class Scores(Evidence):
    """What somebody believes about each row; the name of the belief goes to `about`."""

    kind = "scores"
    row_fields = ("values",)

    values: Float[np.ndarray, " row"]

    def check(self) -> None:
        """Refuse values that are not finite."""
        self.refuse_unless(
            np.isfinite(self.values),
            "have a value that is not finite",
            "score every row, or take() the scored rows",
        )

    def to_columns(self) -> dict[str, np.ndarray]:
        """Values."""
        return {"values": self.values}

    @classmethod
    def from_columns(cls, columns: Mapping[str, np.ndarray]) -> dict[str, Any]:
        """Values."""
        return {"values": columns["values"]}
