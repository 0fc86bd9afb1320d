"""From a recipe to steps: every cell becomes a chain of steps, and equal steps become one.

    data ─┬─► train (sampler) ─► sample ─► augment ─► select ─► train ─► evaluate (one per test)
          ├─► train (proxy) ─► measure ─────────────────┘         └──► probe  ▲
          └─► measure                                             test ───────┘

Influence is measured between the proxy and the selection: evaluate (before, after) ─► queries ─► measure.

A selection may stand before the augmenting instead (`select: {before_augment: true}`): data ─► select ─►
prune, and everything after reads the pool of the rows that are left.

The chain itself is in `recipe.chain`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from cotmill.evidence.parts import checked
from cotmill.recipe.chain import Chain
from cotmill.recipe.graph import Step
from cotmill.recipe.load import Cell, LoadedRecipe
from cotmill.select import SELECTORS


@dataclass(frozen=True)
class PlannedCell:
    """A cell and the steps that it needs, by their role in it."""

    cell: Cell
    steps: Mapping[str, str]
    """`data`, `select`, `train`, … and `evaluate.<test>`, each to the name of a step."""


@dataclass
class Plan:
    """All cells of a recipe and all their steps."""

    cells: list[PlannedCell] = field(default_factory=list)
    steps: dict[str, Step] = field(default_factory=dict)

    def add(self, step: Step) -> Step:
        """Keep a step unless an equal one is there; return the one that is kept."""
        return self.steps.setdefault(step.name, step)


def plan_recipe(loaded: LoadedRecipe) -> Plan:
    """Lay out the steps of all cells.

    Raises:
        RecipeError: a file or model that the recipe names is not there.
    """
    plan = Plan()
    parts = parts_of(loaded.cells)
    for cell in loaded.cells:
        chain = Chain(plan.add, loaded, cell, parts)
        plan.cells.append(PlannedCell(cell, chain.lay_out()))
    return plan


def parts_of(cells: Sequence[Cell]) -> tuple[str, ...]:
    """Name what any cell wants of a forward pass, so that one pass serves them all."""
    chosen = [cell.pipeline.select for cell in cells if cell.pipeline.select is not None]
    methods = [SELECTORS[select.method].model_validate(select.options) for select in chosen]
    wanted = {part for method in methods for part in (*method.parts, *(["mean"] if method.embedded else []))}
    return checked(wanted) if wanted else ()
