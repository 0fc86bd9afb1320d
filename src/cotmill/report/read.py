"""What a report reads: a Run folder, as plain frozen values. Nothing else in this package opens a Run.

Every file but the recipe and the table of cells may be missing (a Run that was stopped, or that measured
but never trained); then the parts of the page that need it are left out.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import pyarrow as pa
import yaml

from cotmill.core.checked import read_schema, read_table
from cotmill.core.errors import RunError
from cotmill.core.factors import arms_of
from cotmill.core.files import read_json

GRID = "grid."
_KEYS = ("arm", "seed", "test")


@dataclass(frozen=True)
class Step:
    """One step of a Run: a folder of result files with the record of how they were made."""

    name: str
    kind: str
    folder: Path
    record: Mapping[str, Any]
    timing: Mapping[str, Any]

    @property
    def inputs(self) -> tuple[str, ...]:
        """Names of the steps that this one read."""
        return tuple(str(value) for value in (self.record.get("inputs") or {}).values())

    def find(self, name: str) -> Path | None:
        """Find a result file: in the step's folder, or in a folder in it (`model/`, `selection/`)."""
        places = [self.folder / name, *sorted(self.folder.glob(f"*/{name}"))]
        return next((path for path in places if path.is_file()), None)

    def table(self, name: str, columns: Sequence[str] | None = None) -> pa.Table | None:
        """Read a Parquet file of the step, or None where there is none; absent columns are left out."""
        path = self.find(name)
        if path is None:
            return None
        have = set(read_schema(path).names)
        return read_table(path, columns=None if columns is None else [one for one in columns if one in have])


@dataclass(frozen=True)
class Cell:
    """One arm with one seed at one grid point, on one test."""

    variant: str
    """The arm with its grid point: what a reader compares."""
    arm: str
    seed: int
    test: str
    grid: tuple[tuple[str, str], ...]
    metrics: Mapping[str, float]
    steps: Mapping[str, str]


@dataclass(frozen=True)
class Comparison:
    """An arm against the one it is compared to, on one test; shares, not points."""

    variant: str
    against: str
    test: str
    difference: float
    low: float
    high: float
    n_items: int
    n_seeds: int
    extra: Mapping[str, Any]

    @property
    def told_apart(self) -> bool:
        """Whether the interval leaves zero out."""
        return self.low > 0 or self.high < 0


@dataclass(frozen=True)
class LoadedRun:
    """A Run folder, read."""

    folder: Path
    recipe: Mapping[str, Any]
    recipe_text: str
    record: Mapping[str, Any]
    cells: tuple[Cell, ...]
    comparisons: tuple[Comparison, ...]
    steps: Mapping[str, Step]

    @property
    def name(self) -> str:
        """The recipe's name, or the folder's."""
        return str(self.recipe.get("name") or self.folder.name)

    @property
    def number(self) -> str:
        """The first digits of the Run's fingerprint, to quote beside a figure."""
        return str(self.record.get("fingerprint", ""))[:12] or "unnumbered"

    @cached_property
    def variants(self) -> tuple[str, ...]:
        """Arms (with their grid points) in the recipe's order."""
        order: dict[str, int] = {name: place for place, name in enumerate(arms_of(self.recipe))}
        grid = {
            key: {str(value): place for place, value in enumerate(values)}
            for key, values in (self.recipe.get("grid") or {}).items()
        }
        seen = {
            cell.variant: (
                [(key, grid.get(key, {}).get(value, -1), value) for key, value in cell.grid],
                order.get(cell.arm, len(order)),
            )
            for cell in self.cells
        }
        return tuple(sorted(seen, key=lambda name: seen[name]))

    @cached_property
    def points(self) -> Mapping[str, tuple[str, tuple[tuple[str, str], ...]]]:
        """Each variant's arm and grid point."""
        found = {cell.variant: (cell.arm, cell.grid) for cell in self.cells}
        return {variant: found[variant] for variant in self.variants}

    @cached_property
    def tests(self) -> tuple[str, ...]:
        """Tests in the recipe's order."""
        order = list((self.recipe.get("evaluate") or {}).get("tests") or ())
        seen = {cell.test for cell in self.cells if cell.test}
        return tuple(
            sorted(seen, key=lambda name: (order.index(name) if name in order else len(order), name))
        )

    @cached_property
    def effects(self) -> tuple[Mapping[str, Any], ...]:
        """What each factor brings, as the Run holds it; nothing where the recipe has no factors."""
        path = self.folder / "effects.json"
        return tuple(read_json(path)) if path.is_file() else ()

    @cached_property
    def probes(self) -> tuple[Mapping[str, Any], ...]:
        """What the model of every cell relies on; nothing where the recipe has no probe."""
        path = self.folder / "probes.parquet"
        return tuple(read_table(path).to_pylist()) if path.is_file() else ()

    @cached_property
    def shifts(self) -> tuple[Mapping[str, Any], ...]:
        """Whether a shift of what models rely on goes with a gain, by test."""
        path = self.folder / "shifts.json"
        return tuple(read_json(path)) if path.is_file() else ()

    @cached_property
    def costs(self) -> tuple[Mapping[str, Any], ...]:
        """What the model of every cell took, by kind of step."""
        path = self.folder / "costs.parquet"
        return tuple(read_table(path).to_pylist()) if path.is_file() else ()

    @property
    def compare_to(self) -> str | None:
        """The arm that the others are compared to."""
        return self.recipe.get("compare_to")

    def of(self, variant: str, test: str) -> tuple[Cell, ...]:
        """The cells of a variant on a test, by seed."""
        found = (cell for cell in self.cells if cell.variant == variant and cell.test == test)
        return tuple(sorted(found, key=lambda cell: cell.seed))

    def step(self, cell: Cell, kind: str) -> Step | None:
        """The step of one kind that a cell used."""
        return self.steps.get(cell.steps.get(kind, ""))

    def pool_of(self, step: Step) -> Path | None:
        """The Pool folder nearest above a step: that of the steps it read, or of those before them."""
        waiting, seen = list(step.inputs), {step.name}
        while waiting:
            above = self.steps.get(waiting.pop(0))
            if above is None or above.name in seen:
                continue
            seen.add(above.name)
            for place in (above.folder, *sorted(above.folder.iterdir())):
                if (place / "pool.json").is_file():
                    return place
            waiting.extend(above.inputs)
        return None


def variant_name(arm: str, grid: Sequence[tuple[str, str]]) -> str:
    """Name an arm at a grid point.

    >>> variant_name("random", [("data.rows", "500")])
    'random [rows = 500]'
    """
    if not grid:
        return arm
    settings = ", ".join(key.rpartition(".")[2] + " = " + value for key, value in grid)
    return f"{arm} [{settings}]"


def read_run(folder: Path) -> LoadedRun:
    """Read a Run folder.

    Raises:
        RunError: the folder is no Run, or has not finished a single cell.
    """
    for needed in ("recipe.yaml", "cells.parquet"):
        if not (folder / needed).is_file():
            raise RunError(
                f"{folder} holds no {needed}, so it is not a finished Run; "
                f"expected a folder that `cotmill run RECIPE --out {folder}` has made: run that first"
            )
    text = (folder / "recipe.yaml").read_text(encoding="utf-8")
    record = read_json(folder / "run.json") if (folder / "run.json").is_file() else {}
    return LoadedRun(
        folder, yaml.safe_load(text) or {}, text, record, _cells(folder), _comparisons(folder), _steps(folder)
    )


def _steps(folder: Path) -> dict[str, Step]:
    found = {}
    for path in sorted((folder / "steps").glob("*/step.json")):
        name, timing = path.parent.name, path.parent / "timing.json"
        record = read_json(path)
        kind = str(record.get("kind") or name.partition("-")[0])
        found[name] = Step(name, kind, path.parent, record, read_json(timing) if timing.is_file() else {})
    return found


def _cells(folder: Path) -> tuple[Cell, ...]:
    metrics = _metrics(folder)
    made = []
    for row in read_table(folder / "cells.parquet").to_pylist():
        grid = grid_of(row)
        for test, steps in _tests_of(row):
            key = (grid, str(row["arm"]), int(row["seed"]), test)
            made.append(
                Cell(variant_name(key[1], grid), key[1], key[2], test, grid, metrics.get(key, {}), steps)
            )
    return tuple(made)


def grid_of(row: Mapping[str, Any]) -> tuple[tuple[str, str], ...]:
    """Read the grid point of a row of a Run's table."""
    return tuple(
        sorted((key.removeprefix(GRID), str(value)) for key, value in row.items() if key.startswith(GRID))
    )


def _tests_of(row: Mapping[str, Any]) -> Iterator[tuple[str, dict[str, str]]]:
    """Split a row of the table of cells by test, with the steps by kind."""
    named = {key: value for key, value in row.items() if isinstance(value, str) and not key.startswith(GRID)}
    tests = {key.partition(".")[2]: value for key, value in named.items() if key.startswith("evaluate.")}
    steps = {key: value for key, value in named.items() if key not in _KEYS and "." not in key}
    for test, value in tests.items():
        yield test, {**steps, "evaluate": value}
    if not tests:
        yield "", steps


def _metrics(folder: Path) -> dict[tuple[Any, ...], dict[str, float]]:
    path = folder / "results.parquet"
    if not path.is_file():
        return {}
    found = {}
    for row in read_table(path).to_pylist():
        numbers = {
            key: float(value)
            for key, value in row.items()
            if key not in _KEYS
            and isinstance(value, int | float)
            and not isinstance(value, bool)
            and not key.startswith(GRID)
        }
        found[grid_of(row), str(row["arm"]), int(row["seed"]), str(row["test"])] = numbers
    return found


def _comparisons(folder: Path) -> tuple[Comparison, ...]:
    path = folder / "comparisons.json"
    if not path.is_file():
        return ()
    return tuple(_comparison(one) for one in read_json(path))


def _comparison(one: Mapping[str, Any]) -> Comparison:
    grid = tuple(sorted((key, str(value)) for key, value in (one.get("grid") or {}).items()))
    return Comparison(
        variant_name(one["arm"], grid),
        variant_name(one["against"], grid),
        one["test"],
        float(one["difference"]),
        float(one["low"]),
        float(one["high"]),
        int(one["n_items"]),
        int(one["n_seeds"]),
        {key: one[key] for key in ("wins", "losses", "p_value", "method") if key in one},
    )
