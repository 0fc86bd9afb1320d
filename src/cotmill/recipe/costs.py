"""What the model of a cell took to make: tokens through models and operations, with everything it rests on.

A step that several cells share is counted for each of them in full: the question is what a person would pay
who wants this arm alone. Asking the tests is left out, since every arm is asked the same. Training is taken
as 6 operations a parameter and token, reading and writing as 2 (Kaplan et al. 2020, section 2.1). Tokens of
trainings and samples are those that were counted; those of measurements are the estimate of the plan.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.dataset as ds

from cotmill.core.files import read_json
from cotmill.core.runs import STEP
from cotmill.recipe.estimate import parameters_of
from cotmill.recipe.graph import Step
from cotmill.recipe.plan import Plan, PlannedCell
from cotmill.recipe.steps.places import MODEL, SAMPLES

TRAINING, READING = 6, 2
"""Operations a parameter and token."""
HELPERS = "helpers"
"""Trainings of proxies and of models that are sampled from."""


def cost_of(plan: Plan, cell: PlannedCell, steps: Path) -> dict[str, dict[str, Any]]:
    """Sum up by kind what the trained model of a cell needed; nothing where nothing is trained."""
    found: dict[str, dict[str, Any]] = {}
    for step in needed(plan, cell):
        tokens, counted = tokens_of(step, steps / step.name)
        kind = HELPERS if step.kind == "train" and step.name != cell.steps["train"] else step.kind
        factor = TRAINING if step.kind == "train" else READING
        sums = found.setdefault(kind, {"steps": 0, "tokens": 0.0, "operations": 0.0, "counted": True})
        sums["steps"] += 1
        sums["tokens"] += tokens
        sums["operations"] += factor * _parameters(plan, step) * tokens if tokens else 0.0
        sums["counted"] = sums["counted"] and counted
    return found


def needed(plan: Plan, cell: PlannedCell) -> Iterator[Step]:
    """Yield the training of a cell and every step that it rests on, each once."""
    waiting, seen = [cell.steps["train"]] if "train" in cell.steps else [], set[str]()
    while waiting:
        step = plan.steps[waiting.pop()]
        if step.name not in seen:
            seen.add(step.name)
            waiting.extend(step.record.inputs.values())
            yield step


def tokens_of(step: Step, folder: Path) -> tuple[float, bool]:
    """Count the tokens that a finished step put through a model, or estimate them; and say which."""
    if (folder / STEP).is_file():
        if step.kind == "train":
            return float(read_json(folder / MODEL / "cotmill.json")["result"]["tokens"]), True
        if step.kind == "sample":
            return _sampled(folder / SAMPLES), True
    return step.tokens, step.tokens == 0


def _sampled(store: Path) -> float:
    """Count the tokens that were written, and those of each prompt once for every sample."""
    table = ds.dataset(sorted(store.glob("**/*.parquet"))).to_table(columns=["tokens", "prompt_tokens"])
    return float(sum(np.sum(column.to_numpy()) for column in table.columns))


def _parameters(plan: Plan, step: Step) -> float:
    """Say how large the model of a step is, through the steps that trained it."""
    while "model" not in step.record.config:
        step = plan.steps[step.record.inputs["model"]]
    return parameters_of(step.places.get("model", str(step.record.config["model"]["name"])))
