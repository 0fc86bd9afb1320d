"""The Selections of a Run, each beside the Pool that it was drawn from."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import pyarrow as pa

from cotmill.core.errors import RunError
from cotmill.data.pool import Pool
from cotmill.report.read import LoadedRun, Step

LABELS = ("lab_defect",)
"""Columns that say what is wrong with a row: only pools from the lab have them, and no method reads them."""

SOUND = "no defect"
FILE = "selection.parquet"
SCHEMA = ("row_id", "taken", "reason", "place", "score", "group")


@dataclass(frozen=True)
class Chosen:
    """One selection step, with those who used it."""

    step: Step
    pool_folder: Path
    variants: tuple[str, ...]
    seeds: tuple[int, ...]

    @property
    def name(self) -> str:
        """The arms that trained on it, with the seeds."""
        seeds = ", ".join(str(seed) for seed in self.seeds)
        return f"{' / '.join(self.variants)}, seed {seeds}"

    @cached_property
    def pool(self) -> Pool:
        """Open the Pool."""
        return Pool.open(self.pool_folder)

    def rows(self) -> pa.Table:
        """Read who was taken and why."""
        found = self.step.table(FILE, SCHEMA)
        if found is None:
            raise RunError(
                f"{self.step.folder / FILE} is gone; run the recipe again, it makes what is missing"
            )
        return found


def selections(run: LoadedRun) -> Iterator[Chosen]:
    """Find the selections of a Run in the order of its arms and seeds."""
    users: dict[str, list[tuple[str, int]]] = {}
    for variant in run.variants:
        for cell in sorted(
            (cell for cell in run.cells if cell.variant == variant), key=lambda cell: cell.seed
        ):
            if cell.steps.get("select"):
                users.setdefault(cell.steps["select"], []).append((variant, cell.seed))
    for name, pairs in users.items():
        step = run.steps.get(name)
        if step is None or step.find(FILE) is None:
            continue
        pool = run.pool_of(step)
        if pool is not None:
            variants, seeds = (
                dict.fromkeys(pair[0] for pair in pairs),
                dict.fromkeys(pair[1] for pair in pairs),
            )
            yield Chosen(step, pool, tuple(variants), tuple(seeds))


def label_column(pool: Pool) -> str | None:
    """Name the column with the lab's labels, where the Pool has one."""
    return next((name for name in LABELS if name in pool.columns), None)


def defect_name(label: str | None) -> str:
    """Name a row's defect as the page does.

    >>> defect_name("wrong_operand"), defect_name("none")
    ('wrong operand', 'no defect')
    """
    return SOUND if label in (None, "", "none") else label.replace("_", " ")
