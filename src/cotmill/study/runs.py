"""Settings from Run folders, with every answer; Runs that are not finished give what they have.

Seeds of one setting are put together. Questions are matched by their id, so Runs that asked the same test
can be read together. Parameters and pre-training losses of the lab's bases are known from their manifest.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq

from cotmill.core.errors import RunError
from cotmill.core.files import read_json
from cotmill.core.runs import STEP
from cotmill.lab.models import PREFIX, manifest_path
from cotmill.recipe.collect import GRID, by_question
from cotmill.recipe.estimate import parameters_of
from cotmill.recipe.load import Cell, load_recipe
from cotmill.recipe.schema import Pipeline
from cotmill.recipe.steps.places import MODEL, POOL, SELECTION
from cotmill.select import Selection
from cotmill.study.cost import Costs, cell_facts
from cotmill.study.naming import is_less_data, method_of, samples_of, suffixes
from cotmill.study.points import Point


@dataclass(frozen=True)
class Done:
    """A cell that has been trained and evaluated, with the steps that it used."""

    folder: Path
    cell: Cell
    steps: Mapping[str, str]

    def place(self, role: str) -> Path | None:
        """Find the folder of a finished step."""
        name = self.steps.get(role)
        place = self.folder / "steps" / (name or "")
        return place if name and (place / STEP).is_file() else None

    @property
    def pipeline(self) -> Pipeline:
        """What the cell did."""
        return self.cell.pipeline

    @property
    def tests(self) -> list[str]:
        """Tests that have been answered."""
        roles = [role for role in self.steps if role.startswith("evaluate.")]
        return [role.partition(".")[2] for role in roles if self.place(role) is not None]


def read_runs(folders: Iterable[Path]) -> list[Point]:
    """Read every finished cell of Runs.

    Raises:
        RunError: a folder is no Run.
    """
    cells = [done for folder in folders for done in cells_of(folder)]
    if not cells:
        return []
    rows = [_rows(done) for done in cells]
    extra = suffixes(
        [((done.pipeline.model, many), done.pipeline) for done, many in zip(cells, rows, strict=True)]
    )
    groups: dict[tuple[Any, ...], list[Done]] = {}
    for done, many, more in zip(cells, rows, extra, strict=True):
        method, kind = method_of(done.pipeline)
        for test in done.tests:
            key = (done.pipeline.model, method + more.words, many, test, more.kind(kind))
            groups.setdefault(key, []).append(done)
    costs = {folder: Costs(folder) for folder in {done.folder for done in cells}}
    answers: dict[Path, Mapping[str, float]] = {}
    return [_point(key, group, answers, costs) for key, group in groups.items()]


def cells_of(folder: Path) -> list[Done]:
    """List the cells of a Run of which some test is answered.

    Raises:
        RunError: the folder is no Run.
    """
    for needed in ("recipe.yaml", "cells.parquet"):
        if not (folder / needed).is_file():
            raise RunError(
                f"{folder} holds no {needed}, so it is no Run; give a folder that `cotmill run` has made"
            )
    cells = {
        _name(cell.arm, cell.seed, cell.point): cell for cell in load_recipe(folder / "recipe.yaml").cells
    }
    found = []
    for row in pq.read_table(folder / "cells.parquet").to_pylist():
        point = {key.removeprefix(GRID): value for key, value in row.items() if key.startswith(GRID)}
        cell = cells.get(_name(row["arm"], row["seed"], point))
        steps = {
            role: value for role, value in row.items() if isinstance(value, str) and not role.startswith(GRID)
        }
        done = None if cell is None else Done(folder, cell, steps)
        if done is not None and done.tests:
            found.append(done)
    return found


def _name(arm: str, seed: int, point: Mapping[str, Any]) -> tuple[Any, ...]:
    return arm, seed, tuple(sorted((key, str(value)) for key, value in point.items()))


def _rows(done: Done) -> float:
    """Count the labelled rows that a cell started from: what was selected at random, or the whole data."""
    selected = done.place("select")
    if is_less_data(done.pipeline) and selected is not None:
        return float(len(Selection.read(selected / SELECTION)))
    data = done.place("data")
    return float(read_json(data / POOL / "pool.json")["rows"]) if data is not None else 0.0


def _point(
    key: tuple[Any, ...],
    group: Sequence[Done],
    answers: dict[Path, Mapping[str, float]],
    costs: Mapping[Path, Costs],
) -> Point:
    model, method, rows, test, kind = key
    by_seed: dict[int, Mapping[str, float]] = {}
    for done in group:
        place = done.place(f"evaluate.{test}")
        assert place is not None
        if place not in answers:
            answers[place] = by_question(place)
        by_seed[done.cell.seed] = answers[place]
    seeds = tuple(sorted(by_seed))
    questions = tuple(sorted(set.intersection(*(set(one) for one in by_seed.values()))))
    table = np.array([[by_seed[seed][name] for name in questions] for seed in seeds], dtype=float)
    facts = [_facts(done) | cell_facts(costs[done.folder], done.steps) for done in group]
    shared = {
        name: float(np.mean([one[name] for one in facts]))
        for name in facts[0]
        if all(name in f for f in facts)
    }
    return Point(
        model, method, rows, test, float(table.mean()), len(questions), shared, table, seeds, questions, kind
    )


def _facts(done: Done) -> dict[str, float]:
    """Say what is known of a cell beside its results."""
    facts = dict(facts_of_base(done.pipeline.model))
    samples = samples_of(done.pipeline)
    if samples is not None:
        facts["k"] = float(samples)
    augmented, rft = done.place("augment"), done.pipeline.augment
    if augmented is not None and rft is not None and rft.distinct:
        counts = read_json(augmented / "counts.json")
        facts["paths"] = 1 + counts["new_rows"] / max(1, counts["questions_of_the_data"])
    trained = done.place("train")
    if trained is not None:
        result = read_json(trained / MODEL / "cotmill.json")["result"]
        facts |= {"train_rows": float(result["rows"]), "train_steps": float(result["steps"])}
    return facts


def facts_of_base(name: str) -> dict[str, float]:
    """Say how large a base is and how well it was pre-trained, as far as that is known here."""
    if name.startswith(PREFIX) and not name.endswith("@random"):
        entry = read_json(manifest_path()).get(name.removeprefix(PREFIX))
        if entry is not None:
            return {"parameters": float(entry["parameters"]), "loss": float(entry["held_out_loss"])}
    return {"parameters": parameters_of(name)}
