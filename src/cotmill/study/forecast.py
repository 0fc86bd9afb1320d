"""What every setting of a study will cost, from its plan, and what it did cost, from its Run."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from cotmill.recipe.estimate import parameters_of
from cotmill.recipe.graph import Step
from cotmill.recipe.load import Cell
from cotmill.recipe.plan import Plan, PlannedCell
from cotmill.study.cost import Cost, Costs, Device, cost_of_tokens, split_cells, total
from cotmill.study.naming import method_of, planned_rows, suffixes

MODEL_BYTES = 4.0
"""Bytes of a trained parameter on disk."""

Setting = tuple[str, str, float]
"""Base, method, labelled rows."""


def settings_of(plan: Plan) -> list[Setting]:
    """Name the setting of every cell of a plan."""
    rows = [_rows(plan, planned) for planned in plan.cells]
    pipelines = [planned.cell.pipeline for planned in plan.cells]
    extra = suffixes([((one.model, many), one) for one, many in zip(pipelines, rows, strict=True)])
    return [
        (one.model, method_of(one)[0] + more.words, many)
        for one, more, many in zip(pipelines, extra, rows, strict=True)
    ]


def _rows(plan: Plan, planned: PlannedCell) -> float:
    cell: Cell = planned.cell
    return planned_rows(cell.pipeline, float(plan.steps[planned.steps["data"]].rows))


def cost_table(plan: Plan, device: Device, folder: Path | None = None) -> dict[str, Any]:
    """Lay out the cost of every setting: forecast, and measured where a Run is given.

    `own` is what one cell needs with everything it rests on; `shared` its part when what cells share is
    divided among them, summed over the cells of a setting, so that the shared costs add up to the total.
    """
    cells = [_closure(plan, planned.steps) for planned in plan.cells]
    told = {"forecast": _priced(cells, lambda name: planned_cost(plan, name))}
    if folder is not None:
        costs = Costs(folder)
        told["measured"] = _priced(cells, costs.of)
    groups: dict[Setting, list[int]] = {}
    for place, setting in enumerate(settings_of(plan)):
        groups.setdefault(setting, []).append(place)
    rows = [
        {"model": model, "method": method, "rows": rows, "cells": len(places)}
        | {name: _summed([listed[place] for place in places], device) for name, listed in told.items()}
        for (model, method, rows), places in groups.items()
    ]
    whole = {name: _numbers(total(shared for _, shared in listed), device) for name, listed in told.items()}
    return {"device": asdict(device), "settings": rows, "total": whole}


def _closure(plan: Plan, steps: Mapping[str, str]) -> dict[str, str]:
    """Add to a cell's steps those that they are made from."""
    waiting, found = list(steps.values()), dict(steps)
    seen = set(waiting)
    while waiting:
        for name in plan.steps[waiting.pop()].record.inputs.values():
            if name not in seen:
                seen.add(name)
                waiting.append(name)
                found[f"before {name}"] = name
    return found


def _priced(cells: Sequence[Mapping[str, str]], cost: Any) -> list[tuple[Cost, Cost]]:
    return split_cells(cells, cost)


def planned_cost(plan: Plan, name: str) -> Cost:
    """Forecast one step."""
    step = plan.steps[name]
    parameters = _parameters(plan, step) if step.tokens else 0.0
    disk = MODEL_BYTES * parameters if step.kind == "train" else 0.0
    return cost_of_tokens(step.kind, step.tokens, parameters, seconds=step.seconds, disk=disk)


def _parameters(plan: Plan, step: Step) -> float:
    """Find the size of the model of a step, through the steps that trained it."""
    while "model" not in step.record.config:
        step = plan.steps[step.record.inputs["model"]]
    return parameters_of(step.places.get("model", str(step.record.config["model"]["name"])))


def _summed(listed: Iterable[tuple[Cost, Cost]], device: Device) -> dict[str, Any]:
    pairs = list(listed)
    own = total(one for one, _ in pairs) * (1 / len(pairs))
    return {"own": _numbers(own, device), "shared": _numbers(total(one for _, one in pairs), device)}


def _numbers(cost: Cost, device: Device) -> dict[str, float]:
    return {
        "tokens": cost.tokens,
        "flops": cost.flops,
        "device_hours": device.hours(cost.training_flops, cost.other_flops),
        "worker_hours": cost.seconds / 3600,
        "disk": cost.disk,
    }
