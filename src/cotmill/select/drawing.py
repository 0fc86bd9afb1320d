"""A Drawing: the order in which a method takes rows, and what made that order."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
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
    even: bool = False
    """Whether the order takes turns over the groups, and no more than that."""
    held: Bool[np.ndarray, " row"] | None = None
    """Rows that an earlier selection took and this one keeps."""
    barred: dict[str, Bool[np.ndarray, " row"]] = field(default_factory=dict)
    """Rows that are never drawn, by the reason."""
    details: dict[str, Any] = field(default_factory=dict)
    """Diagnostics of the method, for selection.json."""

    def among(self, kept: Positions, rows: int, because: str) -> Drawing:
        """Give this drawing of some rows as one of all; the others are never drawn."""
        left = np.ones(rows, dtype=bool)
        left[kept] = False
        return replace(
            self,
            order=kept[self.order],
            scores=None if self.scores is None else _spread(self.scores.astype(float), kept, rows, np.nan),
            groups=None if self.groups is None else _spread(self.groups, kept, rows, self._beyond()),
            group_names=None if self.groups is None else np.array([*self._names(), because], dtype=object),
            unfit=None if self.unfit is None else _spread(self.unfit, kept, rows, blank=False),
            barred={**self.barred, because: left},
        )

    def _beyond(self) -> int:
        """Number the group of rows that are in none."""
        return len(self._names())

    def _names(self) -> list[str]:
        """Name the groups."""
        if self.group_names is not None:
            return [str(name) for name in self.group_names]
        assert self.groups is not None
        return [str(number) for number in range(int(self.groups.max(initial=-1)) + 1)]


def _spread(values: np.ndarray, kept: Positions, rows: int, blank: Any) -> np.ndarray:
    """Put the values of some rows into an array for all."""
    spread = np.full(rows, blank, dtype=values.dtype)
    spread[kept] = values
    return spread


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
