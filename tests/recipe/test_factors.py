"""Factors become arms, and rows can be pruned before they are augmented."""

from pathlib import Path

import pyarrow.parquet as pq
import pytest

from cotmill.core.errors import RecipeError
from cotmill.core.files import read_json
from cotmill.data.pool import Pool
from cotmill.recipe import load_recipe, recipe_of_text
from cotmill.recipe.plan import plan_recipe
from cotmill.recipe.run import prepare, run_recipe

TEXT = """\
name: crossed
about: Two factors, and the two orders of pruning and sampling.
seeds: [0, 1]
data: {train: {lab: {rows: 16, defects: 0.3, min_steps: 2, max_steps: 2}}}
model: MODEL
proxy: {train: {steps: 2, batch_size: 4}}
sample: {k: 2, train: {steps: 2, batch_size: 4}, max_new_tokens: 8}
train: {steps: 2, batch_size: 4}
evaluate: {tests: {in_domain: {lab: {set: in_domain, rows: 6}}}, max_new_tokens: 8}
factors:
  pruning:
    none: {}
    short: {select: {method: shortest, budget: 50%}}
  samples:
    none: {sample: null}
    RFT: {augment: {answer: false, equations: false, grounding: false}}
arms:
  short, then RFT: {augment: {}, select: {method: shortest, budget: 50%, before_augment: true}}
contrasts:
  order: {"short, then RFT": 1, short + RFT: -1}
compare_to: baseline
"""


def test_every_combination_of_levels_is_an_arm():
    loaded = recipe_of_text(TEXT.replace("MODEL", "lab:llama-0.25m"))
    assert loaded.varied.arm_names == ("baseline", "RFT", "short", "short + RFT", "short, then RFT")
    pipelines = {cell.arm: cell.pipeline for cell in loaded.cells}
    assert pipelines["baseline"].sample is None
    assert pipelines["short"].sample is None
    assert pipelines["short"].select is not None
    assert pipelines["RFT"].augment is not None
    assert pipelines["RFT"].select is None
    assert recipe_of_text(loaded.text).cells == loaded.cells


@pytest.mark.parametrize(
    ("setting", "message"),
    [
        ("factors.more={only: {}}", "one level"),
        ("factors.more={none: {}, short: {}}", "two factors have a level 'short'"),
        ("arms.short={}", "made by the factors already"),
        ("contrasts.x={short: 1, long: -1}", "'long', which is no arm"),
        ("contrasts.x={short: 1, RFT: 1}", "add up to zero"),
        ("factors.pruning.baseline={}", "cannot be called 'baseline'"),
        ("compare_to=nothing", "the arms are baseline, RFT"),
    ],
)
def test_a_design_that_means_two_things_is_refused(setting: str, message: str):
    with pytest.raises(RecipeError, match=message):
        recipe_of_text(TEXT.replace("MODEL", "lab:llama-0.25m"), [setting])


def test_pruning_first_asks_only_the_questions_that_are_left():
    plan = plan_recipe(recipe_of_text(TEXT.replace("MODEL", "lab:llama-0.25m")))
    cells = {cell.cell.arm: cell.steps for cell in plan.cells if cell.cell.seed == 0}
    before, after = cells["short, then RFT"], cells["short + RFT"]
    assert plan.steps[before["sample"]].record.inputs["pool"] == before["prune"]
    assert plan.steps[before["sampler"]].record.inputs["pool"] == before["prune"]
    assert plan.steps[before["train"]].record.inputs == {"pool": before["augment"]}
    assert plan.steps[after["select"]].record.inputs["pool"] == after["augment"]
    assert plan.steps[after["train"]].record.inputs["selection"] == after["select"]
    assert before["select"] == cells["short"]["select"]


def test_without_augmenting_there_is_no_before():
    text = TEXT.replace("MODEL", "lab:llama-0.25m")
    first = plan_recipe(recipe_of_text(text, ["factors.pruning.short.select.before_augment=true"]))
    plain = plan_recipe(recipe_of_text(text))
    steps = [{c.cell.arm: c.steps for c in plan.cells if c.cell.seed == 0} for plan in (first, plain)]
    assert steps[0]["short"] == steps[1]["short"]


@pytest.mark.slow
def test_a_crossed_recipe_leaves_effects_and_costs(tmp_path: Path, tiny_model: str):
    path = tmp_path / "crossed.yaml"
    path.write_text(TEXT.replace("MODEL", tiny_model))
    out = run_recipe(prepare(load_recipe(path, ["seeds=[0]"]), tmp_path / "run", workers=1))
    (found,) = read_json(out / "effects.json")
    assert set(found["means"]) == {"baseline", "RFT", "short", "short + RFT", "short, then RFT"}
    assert {one["name"] for one in found["effects"] if one["kind"] == "main"} == {"RFT", "short"}
    assert [one["name"] for one in found["effects"] if one["kind"] == "declared"] == ["order"]
    cells = pq.read_table(out / "cells.parquet").to_pylist()
    levels = {row["arm"]: (row["factor.pruning"], row["factor.samples"]) for row in cells}
    assert levels["short"] == ("short", "none")
    assert levels["short, then RFT"] == (None, None)
    steps = next(row for row in cells if row["arm"] == "short, then RFT")
    pruned = Pool.open(out / "steps" / steps["prune"] / "pool")
    assert len(pruned) == 8
    assert pruned.has_labels
    costs = pq.read_table(out / "costs.parquet").to_pylist()
    spent = {
        arm: sum(row["operations"] for row in costs if row["arm"] == arm and row["seed"] == 0)
        for arm in levels
    }
    assert spent["RFT"] > spent["baseline"] > 0
    assert spent["short, then RFT"] < spent["RFT"]
    chosen = pq.read_table(out / "selections.parquet").to_pylist()
    after = [row for row in chosen if row["arm"] == "short + RFT"]
    assert sum(row["in_pool"] for row in after) == after[0]["pool_rows"] >= 16
