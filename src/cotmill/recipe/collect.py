"""From finished steps to the tables at the top of a Run.

    cells.parquet        grid point, arm, seed → the names of its steps
    results.parquet      cell × test → counts, shares, training rows and tokens
    comparisons.json     every arm against `compare_to`, paired by seed and question
    effects.json         what each factor brings, by grid point and test; only where a recipe has factors
    costs.parquet        cell → tokens and operations of all that its model needed
    selections.parquet   cell → rows taken, and how often each kind of labelled defect was taken
    probes.parquet       cell → what its model relies on; only where a recipe has a probe
    shifts.json          test → does a shift towards the question go with a gain in accuracy?

Written at the end of every pass, from whatever is finished then; a function of the finished steps alone.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pyarrow as pa

from cotmill.core.checked import write_table
from cotmill.core.factors import combinations
from cotmill.core.files import aside, read_json, write_json
from cotmill.core.runs import STEP
from cotmill.data.pool import Pool
from cotmill.recipe.costs import cost_of
from cotmill.recipe.difference import as_json, paired_all
from cotmill.recipe.effects import effects
from cotmill.recipe.load import Cell
from cotmill.recipe.plan import Plan, PlannedCell
from cotmill.recipe.reliance import PROBE, reliance_of, shifts_of
from cotmill.recipe.schema import Varied
from cotmill.recipe.steps.places import MODEL, POOL, SELECTION
from cotmill.select import Selection

GRID = "grid."
FACTOR = "factor."
DEFECT = "lab_defect"
NOT_TAKEN_FROM = "none"
"""The label of rows without a defect."""
SAMPLED = "sampled"
"""The label of rows that a model wrote: nobody has put a defect into them."""


def collect(folder: Path, plan: Plan, varied: Varied) -> None:
    """Write all tables."""
    write_cells(folder, plan, varied)
    _write_table(folder / "costs.parquet", [row for cell in plan.cells for row in _costs(folder, plan, cell)])
    results = [row for cell in plan.cells for row in _results(folder, cell)]
    _write_table(folder / "results.parquet", results)
    _write_table(
        folder / "selections.parquet", [row for cell in plan.cells for row in _selected(folder, cell)]
    )
    outcomes = _outcomes(folder, plan)
    write_json(folder / "comparisons.json", list(_comparisons(outcomes, varied.compare_to)))
    if varied.factors or varied.contrasts:
        write_json(folder / "effects.json", list(_effects(outcomes, varied)))
    if any(PROBE in cell.steps for cell in plan.cells):
        probes = [row for cell in plan.cells for row in _probed(folder, cell)]
        _write_table(folder / "probes.parquet", probes)
        write_json(folder / "shifts.json", shifts_of(results, probes, varied.compare_to))


def write_cells(folder: Path, plan: Plan, varied: Varied) -> None:
    """Write which cell needs which steps, and its level of every factor; known before anything is made."""
    roles = dict.fromkeys(role for one in plan.cells for role in one.steps)
    crossed = combinations(varied.factors)
    rows = [
        {**_key(one.cell), **_levels(varied, crossed.get(one.cell.arm, {}))}
        | {role: one.steps.get(role) for role in roles}
        for one in plan.cells
    ]
    _write_table(folder / "cells.parquet", rows)


def _write_table(path: Path, rows: list[dict[str, Any]]) -> None:
    """Write rows as Parquet, whole or not at all; columns that some rows lack are empty there."""
    names = dict.fromkeys(name for row in rows for name in row)
    table = pa.table({name: pa.array([row.get(name) for row in rows]) for name in names})
    with aside(path) as part:
        write_table(table, part)


def _key(cell: Cell) -> dict[str, Any]:
    """Name a cell in a table; grid values are text, as they were written."""
    return {
        "arm": cell.arm,
        "seed": cell.seed,
        **{GRID + key: str(value) for key, value in cell.point.items()},
    }


def _levels(varied: Varied, levels: Mapping[str, str]) -> dict[str, str | None]:
    """Give the level of every factor; arms that the factors did not make have none."""
    return {FACTOR + factor: levels.get(factor) for factor in varied.factors}


def _done(folder: Path, step: str | None) -> Path | None:
    """Find the folder of a step when it is finished."""
    place = folder / "steps" / (step or "")
    return place if step and (place / STEP).is_file() else None


def _results(folder: Path, planned: PlannedCell) -> Iterator[dict[str, Any]]:
    """Give a row for every test of a cell that has been evaluated."""
    for role, step in planned.steps.items():
        kind, _, test = role.partition(".")
        place = _done(folder, step)
        if kind != "evaluate" or place is None:
            continue
        yield {
            **_key(planned.cell),
            "test": test,
            **_numbers(read_json(place / "metrics.json")),
            **_training(folder, planned),
            **{name: value for name, value in planned.steps.items() if "." not in name},
            "evaluate": step,
        }


def _numbers(metrics: Mapping[str, Any]) -> dict[str, Any]:
    """Flatten an evaluation's numbers; what is counted over items is given as a share of them."""
    found: dict[str, Any] = {name: metrics.get(name) for name in ("n", "items", "correct", "mean_tokens")}
    for name, value in metrics.items():
        if isinstance(value, Mapping) and "value" in value:
            found[name] = value["value"]
    accuracy = metrics.get("accuracy") or {}
    found |= {name: accuracy.get(name) for name in ("low", "high")}
    for name in ("no_answer", "truncated", "timeout"):
        if name in metrics and metrics.get("items"):
            found[name] = metrics[name] / metrics["items"]
    return {name: value for name, value in found.items() if value is not None}


def _training(folder: Path, planned: PlannedCell) -> dict[str, Any]:
    """Say how many rows and tokens were trained on, and for how many steps."""
    place = _done(folder, planned.steps.get("train"))
    if place is None:
        return {}
    about = read_json(place / MODEL / "cotmill.json")["result"]
    named = {"rows": "rows", "tokens": "train_tokens", "steps": "train_steps"}
    return {new: about[old] for old, new in named.items() if old in about}


def _costs(folder: Path, plan: Plan, planned: PlannedCell) -> Iterator[dict[str, Any]]:
    """Say what the model of a cell took to make, by kind of step."""
    steps = folder / "steps"
    for kind, cost in cost_of(plan, planned, steps).items():
        yield {**_key(planned.cell), "kind": kind, **cost}


def _selected(folder: Path, planned: PlannedCell) -> Iterator[dict[str, Any]]:
    """Say what a cell's selection took of every kind of defect; the labels are joined only here."""
    place, data = _done(folder, planned.steps.get("select")), _done(folder, planned.steps.get("data"))
    chosen_from = _done(folder, _chosen_from(planned))
    if place is None or data is None or chosen_from is None:
        return
    chosen, given, pool = (
        Selection.read(place / SELECTION),
        Pool.open(data / POOL),
        Pool.open(chosen_from / POOL),
    )
    about = {
        **_key(planned.cell), "method": chosen.method, "budget": str(chosen.budget),
        "rows": len(chosen), "pool_rows": len(pool), "select": planned.steps["select"],
    }  # fmt: skip
    if DEFECT not in given.columns:
        yield about
        return
    labels = dict(zip(given.ids.tolist(), given.column(DEFECT).to_pylist(), strict=True))
    in_pool, in_chosen = (
        _counts(labels.get(row_id, SAMPLED) for row_id in ids.tolist()) for ids in (pool.ids, chosen.row_ids)
    )
    for kind in sorted(in_pool):
        taken = in_chosen.get(kind, 0)
        share, base = taken / max(1, len(chosen)), in_pool[kind] / len(pool)
        yield about | {
            "defect": kind,
            "taken": taken,
            "in_pool": in_pool[kind],
            "share": share,
            "pool_share": base,
        }


def _probed(folder: Path, planned: PlannedCell) -> Iterator[dict[str, Any]]:
    """Say what the model of a cell relies on, once it was probed."""
    place = _done(folder, planned.steps.get(PROBE))
    if place is not None:
        yield {**_key(planned.cell), **reliance_of(place), PROBE: planned.steps[PROBE]}


def _chosen_from(planned: PlannedCell) -> str | None:
    """Name the step whose pool a cell's selection chose from: the augmented one where it came after."""
    steps = planned.steps
    return steps.get("data") if "prune" in steps else steps.get("augment", steps.get("data"))


def _counts(labels: Any) -> dict[str, int]:
    """Count labels; a row without a label counts as sound."""
    found: dict[str, int] = defaultdict(int)
    for label in labels:
        found[label or NOT_TAKEN_FROM] += 1
    return dict(found)


def _comparisons(outcomes: Outcomes, compare_to: str | None) -> Iterator[dict[str, Any]]:
    """Compare every arm with the one named, at every grid point and on every test."""
    if compare_to is None:
        return
    for (point, test), here in _by_place(outcomes).items():
        theirs = here.pop(compare_to, None)
        for arm, found in paired_all(here, theirs).items() if theirs is not None else ():
            yield {"grid": dict(point), "test": test, "arm": arm, "against": compare_to, **as_json(found)}


def _effects(outcomes: Outcomes, varied: Varied) -> Iterator[dict[str, Any]]:
    """Say what each factor brings, at every grid point and on every test."""
    design = {factor: tuple(levels) for factor, levels in varied.factors.items()}
    for (point, test), here in _by_place(outcomes).items():
        found = effects(here, design, varied.contrasts)
        if found is not None:
            yield {"grid": dict(point), "test": test, **found}


def _by_place(outcomes: Outcomes) -> dict[tuple[Point, str], dict[str, dict[int, Mapping[str, float]]]]:
    """Sort results by grid point and test: (grid point, test) → arm → seed → question → result."""
    found: dict[tuple[Point, str], dict[str, dict[int, Mapping[str, float]]]] = {}
    for (point, test, arm), results in outcomes.items():
        found.setdefault((point, test), {})[arm] = results
    return found


Point = tuple[tuple[str, str], ...]
Outcomes = dict[tuple[Point, str, str], dict[int, Mapping[str, float]]]
"""(grid point, test, arm) → seed → question id → mean result."""


def _outcomes(folder: Path, plan: Plan) -> Outcomes:
    """Read every cell's results by question; steps that cells share are read once."""
    found: Outcomes = {}
    read: dict[str, Mapping[str, float]] = {}
    for planned in plan.cells:
        point = tuple((key, str(value)) for key, value in planned.cell.point.items())
        for role, step in planned.steps.items():
            kind, _, test = role.partition(".")
            place = _done(folder, step)
            if kind == "evaluate" and place is not None:
                if step not in read:
                    read[step] = by_question(place)
                found.setdefault((point, test, planned.cell.arm), {})[planned.cell.seed] = read[step]
    return found


def by_question(folder: Path) -> Mapping[str, float]:
    """Read the mean result of every question that counts, over its samples."""
    from cotmill.evaluate.items import correct_of, layout_of, read_items, without_base

    items = without_base(read_items(folder))
    text = layout_of(items).metric == "text"
    values = items.column("rouge_l").to_pylist() if text else correct_of(items).astype(float).tolist()
    found: dict[str, list[float]] = defaultdict(list)
    for row_id, value in zip(items.column("row_id").to_pylist(), values, strict=True):
        found[row_id].append(float(value))
    return {row_id: sum(results) / len(results) for row_id, results in found.items()}
