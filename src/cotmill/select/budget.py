"""Budgets: how much of a pool to take, in rows, percent of rows, or tokens."""

from __future__ import annotations

import re
from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Decimal
from enum import StrEnum

import numpy as np
from jaxtyping import Int

from cotmill.core.errors import RecipeError

_FORM = re.compile(r"(?P<number>\d[\d_]*(?:\.\d+)?)\s*(?P<scale>[kMG]?)\s*(?P<unit>%|tok|tokens|rows)?")
_SCALES = {"": 1, "k": 10**3, "M": 10**6, "G": 10**9}


class Unit(StrEnum):
    """What a budget counts."""

    ROWS = "rows"
    PERCENT = "percent"
    TOKENS = "tokens"


@dataclass(frozen=True)
class Budget:
    """An amount and its unit; the one dial of every selector."""

    amount: Decimal
    unit: Unit

    @classmethod
    def parse(cls, text: str | int | Budget) -> Budget:
        """Read a budget as people write it.

        >>> [str(Budget.parse(text)) for text in ("11%", 30000, "30k", "5Mtok", "0.5 %")]
        ['11%', '30000', '30000', '5000000tok', '0.5%']

        Raises:
            RecipeError: not a budget, or not more than zero.
        """
        if isinstance(text, Budget):
            return text
        match = _FORM.fullmatch(str(text).strip())
        if match is None:
            raise RecipeError(
                f"budget '{text}' is not understood; write rows (30000), percent (11%) or tokens (5Mtok)"
            )
        unit = {"%": Unit.PERCENT, "tok": Unit.TOKENS, "tokens": Unit.TOKENS}.get(
            match["unit"] or "", Unit.ROWS
        )
        amount = Decimal(match["number"].replace("_", "")) * _SCALES[match["scale"]]
        return cls(amount, unit)._checked(text)

    def _checked(self, text: str | int) -> Budget:
        whole = self.unit is Unit.PERCENT or self.amount == int(self.amount)
        if self.amount <= 0 or not whole or (self.unit is Unit.PERCENT and self.amount > 100):
            raise RecipeError(
                f"budget '{text}' cannot be met; write rows (30000) or tokens (5Mtok) as a whole number "
                "above zero, or percent of the rows above 0% and up to 100%"
            )
        return self

    def __str__(self) -> str:
        """Write it in the shortest form that `parse` reads."""
        suffix = {Unit.ROWS: "", Unit.PERCENT: "%", Unit.TOKENS: "tok"}[self.unit]
        number = self.amount.normalize()
        return f"{number:f}{suffix}"

    def rows_of(self, rows: int) -> int:
        """Count the rows that this budget takes of a pool, percentages rounded half up.

        >>> Budget.parse("11%").rows_of(7473), Budget.parse("50%").rows_of(5)
        (822, 3)

        Raises:
            RecipeError: a token budget (see `cut`), more rows than there are, or none.
        """
        if self.unit is Unit.TOKENS:
            raise RecipeError(f"budget {self} counts tokens; a number of rows is needed here")
        count = int(self.amount)
        if self.unit is Unit.PERCENT:
            count = int((self.amount * rows / 100).quantize(Decimal(1), rounding=ROUND_HALF_UP))
        if not 0 < count <= rows:
            raise RecipeError(f"budget {self} asks for {count} of {rows} rows; ask for 1 to {rows}")
        return count

    def cut(self, tokens: Int[np.ndarray, " row"] | None, rows: int, pool_rows: int) -> int:
        """Say how many of `rows` rows in drawing order to take; `tokens` are their lengths in that order.

        A token budget takes the longest run of first rows that does not exceed it: the closest from
        below that keeps a larger budget's choice a superset of a smaller one's.

        Raises:
            RecipeError: the budget cannot be met from these rows.
        """
        if self.unit is Unit.TOKENS:
            return self._cut_tokens(tokens)
        count = self.rows_of(pool_rows)
        if count > rows:
            raise RecipeError(
                f"budget {self} asks for {count} rows, but only {rows} of {pool_rows} may be drawn; "
                "ask for fewer"
            )
        return count

    def _cut_tokens(self, tokens: Int[np.ndarray, " row"] | None) -> int:
        if tokens is None:
            raise RecipeError(
                f"budget {self} counts tokens, but no lengths were given; pass lengths=, "
                "or evidence with tokens"
            )
        total = np.cumsum(tokens, dtype=np.int64)
        count = int(np.searchsorted(total, int(self.amount), side="right"))
        everything = int(total[-1]) if len(total) else 0
        if not count or int(self.amount) > everything:
            first = int(tokens[0]) if len(tokens) else 0
            raise RecipeError(
                f"budget {self} cannot be met: the first row drawn has {first} tokens and all rows have "
                f"{everything}; ask for something between"
            )
        return count
