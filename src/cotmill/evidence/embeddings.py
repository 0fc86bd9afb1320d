"""Embeddings: one vector per row, from a model's hidden states or from any encoder of texts."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import Float

from cotmill.evidence.base import Evidence


@dataclass(frozen=True, eq=False, kw_only=True)
class Embeddings(Evidence):
    """Vectors of one length; `about["pooling"]` says how tokens became one vector."""

    kind = "embeddings"
    row_fields = ("vectors",)

    vectors: Float[np.ndarray, "row feature"]

    def check(self) -> None:
        """Refuse vectors that are not finite."""
        self.refuse_unless(
            np.asarray(np.isfinite(self.vectors).all(axis=1)),
            "have a vector that is not finite",
            "embed them again; a row without any token has no embedding",
        )

    @property
    def unit(self) -> Float[np.ndarray, "row feature"]:
        """Vectors of length one in 32 bits, so that products are cosines; a zero vector stays zero."""
        vectors = self.vectors.astype(np.float32)
        return vectors / np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), 1e-12)

    def to_columns(self) -> dict[str, np.ndarray]:
        """Vectors."""
        return {"vector": self.vectors}

    @classmethod
    def from_columns(cls, columns: Mapping[str, np.ndarray]) -> dict[str, Any]:
        """Vectors."""
        return {"vectors": columns["vector"]}
