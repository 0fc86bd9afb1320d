"""From a Run to the results of claims: every sum of arms, paired by seed and question, with its interval.

The results go into one small JSON file a recipe, with the Run's number, its versions and what was changed of
the shipped recipe. So the page of evidence can be made again without the Runs.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import yaml
from jaxtyping import Float

from cotmill.core.checked import read_table
from cotmill.core.errors import DataError
from cotmill.core.factors import arms_of
from cotmill.core.files import read_json
from cotmill.recipe.difference import difference_of
from cotmill.recipe.text import read_document
from cotmill.report.answers import answers
from cotmill.report.claims import Claims, Counted, Result, Setting, Term
from cotmill.report.conclusions import conclusions
from cotmill.report.intervals import mean_interval
from cotmill.report.read import Cell, LoadedRun, read_run, variant_name

Point = tuple[tuple[str, str], ...]


def results_of(folder: Path, claims: Claims, shipped: Path) -> dict[str, Any]:
    """Take from a Run all that the page of evidence says of its recipe.

    Raises:
        DataError: no claim is tested by this recipe, or none of its arms is in the Run.
    """
    run = read_run(folder)
    if run.name not in claims.recipes:
        known = ", ".join(sorted(claims.recipes))
        raise DataError(
            f"{folder} is a Run of {run.name}, which no claim names; claims are tested by {known}"
        )
    reader = _Reader(run)
    found = [
        result.model_dump()
        for claim in claims.claims
        for place, setting in enumerate(claim.tested)
        if setting.recipe == run.name
        for result in reader.results(claim.id, place, setting)
    ]
    if not found:
        raise DataError(f"{folder} holds nothing that a claim asks for; is the Run finished?")
    versions = (run.record.get("provenance") or {}).get("packages") or {}
    return {
        "recipe": run.name,
        "run": run.number,
        "versions": {name: versions[name] for name in ("torch", "transformers", "trl") if name in versions},
        **_against(*(read_document(path).tree for path in (folder / "recipe.yaml", shipped))),
        "seeds": [int(seed) for seed in run.recipe.get("seeds") or ()],
        "conclusions": list(conclusions(run)),
        "comparisons": list(_comparisons(run)),
        "results": found,
    }


def _comparisons(run: LoadedRun) -> Iterator[dict[str, Any]]:
    """Give every arm against the recipe's reference, for the whole picture."""
    for one in run.comparisons:
        told = {"arm": one.variant, "against": one.against, "test": one.test, "seeds": one.n_seeds}
        yield told | {"difference": one.difference, "low": one.low, "high": one.high, "items": one.n_items}


def _against(ours: Mapping[str, Any], shipped: Mapping[str, Any]) -> dict[str, list[str]]:
    """Compare a Run's recipe with the shipped one: what `--set` can say, what not, and arms left out."""
    found = list(changed(ours, shipped))
    # A key with an equals sign in it, as of an arm called k=12, would be read up to that sign.
    edited = [one for one in found if one.count("=") > 1 and not one.partition("=")[2].startswith(("[", "{"))]
    return {
        "changed": [one for one in found if one not in edited],
        "edited": edited,
        "left_out": [arm for arm in arms_of(shipped) if arm not in arms_of(ours)],
    }


def changed(recipe: Mapping[str, Any], shipped: Mapping[str, Any]) -> Iterator[str]:
    """Say which settings a Run's recipe has that the shipped one has not, as `--set` takes them.

    >>> list(changed({"train": {"steps": 4}, "seeds": [0]}, {"train": {"steps": 9}, "seeds": [0]}))
    ['train.steps=4']
    """
    ours, theirs = dict(_flat(recipe)), dict(_flat(shipped))
    for key, value in ours.items():
        if key not in theirs or theirs[key] != value:
            yield f"{key}={yaml.safe_dump(value, default_flow_style=True, width=1000).splitlines()[0]}"


def _flat(tree: Mapping[str, Any], above: str = "") -> Iterator[tuple[str, Any]]:
    for key, value in tree.items():
        if key == "about":
            continue
        if isinstance(value, Mapping) and value:
            yield from _flat(value, f"{above}{key}.")
        else:
            yield f"{above}{key}", value


class _Reader:
    """Reads a Run's answers once, for all claims."""

    def __init__(self, run: LoadedRun) -> None:
        self.run = run
        self.points: dict[Point, None] = dict.fromkeys(cell.grid for cell in run.cells)
        self.cells = {(cell.arm, cell.grid, cell.test, cell.seed): cell for cell in run.cells}
        self.answered = cache(self._answered)

    def results(self, claim: str, place: int, setting: Setting) -> Iterator[Result]:
        """Yield a result for every test and every grid point that the setting leaves open."""
        tests = [test for test in setting.tests if test in self.run.tests or setting.counted]
        for test, point in itertools.product(tests, self._open(setting.sum)):
            terms = [(term.weight, term.arm, self._point(term, point)) for term in setting.sum]
            if setting.counted:
                found = self._counted(setting.counted, terms, test)
            else:
                found = self._paired(terms, test)
            if found is not None:
                yield Result(claim=claim, place=place, test=test, grid=dict(point), **found)

    def _open(self, terms: Sequence[Term]) -> list[Point]:
        """List what the grid points leave open that the terms do not name: one result for each."""
        named = {key for term in terms for key in term.grid}
        fixed = {key: {term.grid.get(key) for term in terms} for key in named}
        shown = [
            tuple((key, value) for key, value in point if key not in named or len(fixed[key]) == 1)
            for point in self.points
            if all(value in fixed[key] for key, value in point if key in named)
        ]
        return list(dict.fromkeys(shown))

    def _point(self, term: Term, point: Point) -> Point:
        """Put a term's own settings into a grid point."""
        return tuple(sorted({**dict(point), **term.grid}.items()))

    def _answered(self, arm: str, point: Point, test: str, seed: int) -> dict[str, float] | None:
        cell = self.cells.get((arm, point, test, seed))
        found = answers(self.run, cell) if cell else None
        return found.by_unit() if found else None

    def _seeds(self, arm: str, point: Point, test: str) -> set[int]:
        return {
            cell.seed
            for cell in self.run.cells
            if (cell.arm, cell.grid, cell.test) == (arm, point, test) and cell.metrics
        }

    def _paired(self, terms: Sequence[tuple[float, str, Point]], test: str) -> dict[str, Any] | None:
        """Sum up answers seed by seed and question by question; None where an arm is missing."""
        seeds = sorted(set.intersection(*(self._seeds(arm, point, test) for _, arm, point in terms)))
        read = [[self.answered(arm, point, test, seed) for seed in seeds] for _, arm, point in terms]
        if not seeds or any(one is None for table in read for one in table):
            return None
        tables = [[one or {} for one in table] for table in read]
        items = sorted(set.intersection(*(set(one) for table in tables for one in table)))
        if not items:
            return None
        values = np.array([[[one[item] for item in items] for one in table] for table in tables])
        change = np.tensordot(np.array([weight for weight, _, _ in terms]), values, axes=1)
        found = difference_of(change, most=sum(abs(weight) for weight, _, _ in terms) / 2)
        return {
            "difference": found.value, "low": found.low, "high": found.high, "seeds": len(seeds),
            "items": len(items), "means": _means(terms, values),
        }  # fmt: skip

    def _counted(
        self, counted: Counted, terms: Sequence[tuple[float, str, Point]], test: str
    ) -> dict[str, Any] | None:
        """Sum up numbers of steps seed by seed, with Student's interval over the seeds."""
        told = {
            (arm, point): {
                cell.seed: _number(self.run, cell, counted)
                for cell in self.run.cells
                if (cell.arm, cell.grid, cell.test) == (arm, point, test)
            }
            for _, arm, point in terms
        }
        seeds = sorted(set.intersection(*(set(by_seed) for by_seed in told.values())))
        if not seeds or any(told[arm, point][seed] is None for _, arm, point in terms for seed in seeds):
            return None
        values = np.array([[told[arm, point][seed] or 0.0 for seed in seeds] for _, arm, point in terms])
        change = np.array([weight for weight, _, _ in terms]) @ values
        found = mean_interval(change)
        ends = {"low": found.low, "high": found.high} if len(seeds) > 1 else {"low": -1e9, "high": 1e9}
        return {"difference": found.mean, **ends, "seeds": len(seeds), "items": 0} | {
            "means": _means(terms, values[:, :, None])
        }


def _means(
    terms: Sequence[tuple[float, str, Point]], values: Float[np.ndarray, "term seed item"]
) -> dict[str, float]:
    """Give each arm's mean, with what tells it apart where one arm stands at two grid points."""
    arms = [arm for _, arm, _ in terms]
    named = [arm if arms.count(arm) == 1 else variant_name(arm, point) for _, arm, point in terms]
    return dict(zip(named, values.mean(axis=(1, 2)).tolist(), strict=True))


def _row(path: Path, where: Mapping[str, str]) -> Mapping[str, Any]:
    """Find the row of a table whose columns say this; an empty one where there is none."""
    rows = read_table(path).to_pylist()
    return next((row for row in rows if all(str(row.get(key)) == value for key, value in where.items())), {})


def _number(run: LoadedRun, cell: Cell, counted: Counted) -> float | None:
    """Read one number of the step that has a role in a cell."""
    step = run.step(cell, counted.role)
    path = step.find(counted.file) if step else None
    if path is None:
        return None
    told = _row(path, counted.where) if path.suffix == ".parquet" else read_json(path)
    value = told.get(counted.value)
    if value is None or (counted.per and not told.get(counted.per)):
        return None
    return float(value) / (float(told[counted.per]) if counted.per else 1.0)
