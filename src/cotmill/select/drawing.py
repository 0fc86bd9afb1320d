"""A Drawing: the order in which a method takes rows, and what made that order."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pyarrow as pa
from jaxtyping import Bool, Float, Int, Shaped

from cotmill.select.pick import Positions


@dataclass(frozen=True, eq=False)
class Drawing:
    """An order in which rows are taken, and what made it; the manifest is written from this."""

    order: Positions
    """Positions of the rows that may be drawn, first to last; rows not in it are never taken."""
    why: str
    """The rule as a phrase: "lowest hash", "lowest mean loss"."""
    scores: Float[np.ndarray, " row"] | None = None
    groups: Int[np.ndarray, " row"] | None = None
    group_names: Shaped[np.ndarray, " group"] | None = None
    unfit: Bool[np.ndarray, " row"] | None = None
    """Rows that are drawn only when all others are taken."""
    unfit_because: str = "no label tokens: nothing was measured on it and nothing can be trained on"
    details: dict[str, Any] = field(default_factory=dict)
    """Diagnostics of the method, for selection.json."""


def groups_of(column: pa.ChunkedArray) -> tuple[Int[np.ndarray, " row"], Shaped[np.ndarray, " group"]]:
    """Number the distinct values of a text column in the order of their names.

    Sorted, not in order of appearance, so that the numbers do not depend on the order of the rows.
    """
    encoded = column.cast(pa.string()).fill_null("").combine_chunks().dictionary_encode()
    names = np.array(encoded.dictionary.to_pylist(), dtype=object)
    order = np.argsort(names)
    place = np.empty(len(names), dtype=np.int64)
    place[order] = np.arange(len(names))
    return place[encoded.indices.to_numpy()], names[order]
