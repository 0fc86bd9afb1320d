"""What holds for any method: minima and quotas of strata, and near-duplicates that count once.

Minima come first in the drawing order, so that a larger budget still keeps every row of a smaller one;
rows beyond a quota are not drawn. Limits are rows, or percent of the rows that are taken (then they grow
with the budget). Of near-duplicates the row with the lowest hash stands for all, before a method counts.
"""

from __future__ import annotations

from typing import Annotated

import numpy as np
from jaxtyping import Bool, Int
from pydantic import BaseModel, ConfigDict, Field, field_validator

from cotmill.core.errors import RecipeError
from cotmill.core.ids import order_keys
from cotmill.data.duplicates import near_duplicates
from cotmill.data.pool import Pool
from cotmill.select.budget import Budget, Unit
from cotmill.select.drawing import groups_of
from cotmill.select.pick import Positions, ranks_in_groups

DUPLICATE = "a near-duplicate of it stands for both"
FULL = "the quota of its stratum is full"


class Limits(BaseModel):
    """Bounds on what is taken of each stratum, and whether near-duplicates count once."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    stratum: str = "source"
    """The column whose values are the strata."""
    least: dict[str, str] = {}
    """Stratum to the rows, or percent of the rows taken, that are taken of it at least."""
    most: dict[str, str] = {}
    """Stratum to the rows, or percent of the rows taken, that are taken of it at most."""
    once: Annotated[float, Field(gt=0, le=1)] | None = None
    """Similarity of word 3-grams from which on rows count once; None: all count."""

    @field_validator("least", "most", mode="before")
    @classmethod
    def _readable(cls, given: dict[str, str | int]) -> dict[str, str]:
        budgets = {str(name): Budget.parse(text) for name, text in given.items()}
        if any(budget.unit is Unit.TOKENS for budget in budgets.values()):
            raise RecipeError("minima and quotas are rows (200) or percent of the rows taken (20%)")
        return {name: str(budget) for name, budget in budgets.items()}

    def representatives(self, pool: Pool) -> Positions | None:
        """Give the positions of the rows that stand for themselves; None when all do."""
        if self.once is None:
            return None
        # In the order of their ids, so that the order of the rows cannot change what is a group.
        keys = order_keys(0, pool.column("row_id"))
        by_id = np.argsort(keys)
        questions, traces = (pool.column(name).take(by_id).to_pylist() for name in ("question", "trace"))
        texts = [f"{question}\n{trace}" for question, trace in zip(questions, traces, strict=True)]
        found = near_duplicates(texts, threshold=self.once)
        kept = np.ones(len(pool), dtype=bool)
        for group in found.groups:
            kept[by_id[list(group[1:])]] = False
        return np.flatnonzero(kept)

    def apply(
        self,
        order: Positions,
        pool: Pool,
        budget: Budget,
        rows: int | None,
        held: Bool[np.ndarray, " row"],
    ) -> tuple[Int[np.ndarray, " left"], Bool[np.ndarray, " row"]]:
        """Put minima first and leave out what is beyond a quota; also say which rows were left out.

        Rows that are held count first, and stay whatever the quota.

        Raises:
            RecipeError: a stratum is not there or too small, or the minima exceed the budget.
        """
        if not self.least and not self.most:
            return order, np.zeros(len(pool), dtype=bool)
        groups, names = groups_of(pool.column(self.stratum))
        known = {str(name): number for number, name in enumerate(names)}
        least = self._counts(
            self.least, known, budget, rows, np.bincount(groups[order], minlength=len(names))
        )
        most = self._counts(self.most, known, budget, rows, None)
        if rows is not None and sum(least.values()) > rows:
            raise RecipeError(
                f"the minima ask for {sum(least.values())} rows, the budget for {rows}; lower one"
            )
        late = np.setdiff1d(np.arange(len(pool)), order)
        ranks = ranks_in_groups(np.concatenate([order, late]), groups)
        bounds = np.full((2, len(names)), [[0], [len(pool)]])
        for row, given in enumerate((least, most)):
            for number, count in given.items():
                bounds[row, number] = count
        first = (ranks < bounds[0][groups]) & ~held
        barred = (ranks >= bounds[1][groups]) & ~held
        tier = np.where(held, 0, np.where(first, 1, 2))[order]
        order = order[np.argsort(tier, kind="stable")]
        return order[~barred[order]], barred

    def _counts(
        self,
        given: dict[str, str],
        known: dict[str, int],
        budget: Budget,
        rows: int | None,
        sizes: Int[np.ndarray, " stratum"] | None,
    ) -> dict[int, int]:
        """Turn the limits of named strata into numbers of rows."""
        counts: dict[int, int] = {}
        for name, text in given.items():
            limit = Budget.parse(text)
            if name not in known:
                raise RecipeError(
                    f"column {self.stratum} has no value '{name}'; it has {', '.join(sorted(known)[:8])}"
                )
            if limit.unit is Unit.PERCENT and rows is None:
                raise RecipeError(f"{text} of '{name}' needs a budget in rows or percent, not {budget}")
            counts[known[name]] = (
                limit.rows_of(rows) if rows and limit.unit is Unit.PERCENT else int(limit.amount)
            )
            if sizes is not None and counts[known[name]] > sizes[known[name]]:
                raise RecipeError(
                    f"at least {counts[known[name]]} rows of '{name}' are asked for; "
                    f"only {sizes[known[name]]} may be drawn"
                )
        return counts
