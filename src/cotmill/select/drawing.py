"""A Drawing: the order in which a method takes rows, and what made that order."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
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
