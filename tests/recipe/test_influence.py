"""Influence in a recipe: from the proxy's answers before and after fine-tuning to a selection."""

from __future__ import annotations

import json
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from cotmill.core.errors import RecipeError
from cotmill.data.pool import Pool
from cotmill.evidence import Influence
from cotmill.recipe import load_recipe, prepare, run_recipe
from cotmill.recipe.load import recipe_of_text
from cotmill.select import Selection

pytestmark = pytest.mark.timeout(900)  # some seconds on a free core; other work may share the machine

RECIPE = """
name: pruned
about: Influence as small as it can be.
data: {train: {lab: {rows: 48, defects: 0.3, max_steps: 2}}}
model: MODEL
proxy:
  train: {steps: 4, batch_size: 8}
  validation: {lab: {set: in_domain, rows: 9, max_steps: 2, seed: 5}}
  queries: {questions: outcomes}
  influence: {parts: 2, refine: {iterations: 2, rows: 8}}
  gate: {pairs: 2, subsets: 2}
train: {steps: 4, batch_size: 8}
evaluate:
  tests: {in_domain: {lab: {set: in_domain, rows: 5, max_steps: 2}}}
  max_new_tokens: 8
select: {method: random, budget: 75%}
arms:
  random: {}
  influence: {select: {method: influence, gate: warn}}
compare_to: random
"""


def test_a_recipe_prunes_by_influence(tiny_model: str, tmp_path: Path) -> None:
    path = tmp_path / "pruned.yaml"
    path.write_text(RECIPE.replace("MODEL", tiny_model), encoding="utf-8")
    run = run_recipe(prepare(load_recipe(path), tmp_path / "run", workers=1))
    cells = {row["arm"]: row for row in pq.read_table(run / "cells.parquet").to_pylist()}
    steps = {role: run / "steps" / str(name) for role, name in cells["influence"].items() if name}
    queries = Pool.open(steps["queries"] / "pool")
    # A model of random weights is wrong everywhere, so there is one group; the tool says so.
    assert set(queries.column("group").to_pylist()) <= {"correct", "incorrect"}
    told = json.loads((steps["queries"] / "queries.json").read_text())
    assert told["questions"] + told["in_a_test"] == 9
    assert any("no correct queries" in line for line in told["warnings"])
    found = Influence.read(steps["measure"] / "evidence.parquet")
    assert len(found) == 48
    assert found.gate in ("passed", "failed")
    assert "group-LDS" in found.about["gate_why"]
    assert "tail-patch" in found.about["gate_why"]
    chosen = Selection.read(steps["select"] / "selection")
    assert len(chosen) == 36
    assert chosen.summary["details"]["residuals"]


def test_a_validation_set_is_needed_and_may_not_be_a_test(tiny_model: str) -> None:
    text = RECIPE.replace("MODEL", tiny_model)
    with pytest.raises(RecipeError, match="towards questions of a validation set"):
        recipe_of_text(text.replace("  validation:", "  # validation:"))
    with pytest.raises(RecipeError, match="the test 'in_domain' is the validation set"):
        recipe_of_text(text.replace("rows: 9, max_steps: 2, seed: 5", "rows: 5, max_steps: 2"))


def test_rows_held_aside_are_asked_and_not_trained_on(tmp_path: Path) -> None:
    from cotmill.recipe.graph import Task
    from cotmill.recipe.steps.data import make_data, make_questions
    from cotmill.recipe.steps.places import open_test

    path = tmp_path / "rows.jsonl"
    rows = [{"question": f"What is {n}+1?", "answer": f"#### {n + 1}"} for n in range(30)]
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    told = {"form": "auto", "columns": None, "limit": None, "hold_aside": 7, "held_aside": 7}
    told |= {"rows": None, "name": "validation"}
    for name, make in (("data", make_data), ("test", make_questions)):
        (tmp_path / name).mkdir()
        make(Task(told, {}, tmp_path / name, {"file": str(path)}))
    trained = set(Pool.open(tmp_path / "data" / "pool").column("question").to_pylist())
    asked = set(open_test(tmp_path / "test").pool.column("question").to_pylist())
    assert (len(trained), len(asked)) == (23, 7)
    assert not trained & asked
