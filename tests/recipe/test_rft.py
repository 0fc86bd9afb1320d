"""Sampling and augmenting in a recipe: what is shared, what is refused, and one whole chain."""

from pathlib import Path

import pyarrow.parquet as pq
import pytest

from cotmill.core.errors import RecipeError
from cotmill.core.files import read_json
from cotmill.data.pool import Pool
from cotmill.recipe import load_recipe
from cotmill.recipe.plan import plan_recipe
from cotmill.recipe.run import prepare, run_recipe

TEXT = """
name: paths
about: Samples and paths, as small as it can be.
seeds: [0]
data: {train: {lab: {rows: 8, defects: 0.0, min_steps: 2, max_steps: 2}}}
model: MODEL
sample: {k: 3, train: {steps: 2, batch_size: 4}, max_new_tokens: 8, questions: 4}
augment: {}
train: {steps: 2, batch_size: 4}
evaluate: {tests: {in_domain: {lab: {set: in_domain, rows: 2}}}, max_new_tokens: 8}
arms: ARMS
compare_to: SFT
"""
SFT = "SFT: {sample: null, augment: null}"


def planned(tmp_path: Path, model: str, *arms: str):
    path = tmp_path / "paths.yaml"
    path.write_text(TEXT.replace("MODEL", model).replace("ARMS", "{" + ", ".join([SFT, *arms]) + "}"))
    return load_recipe(path)


def kinds(plan, kind):
    return [step for step in plan.steps.values() if step.kind == kind]


def test_arms_that_take_fewer_samples_share_one_store(tmp_path, tiny_model):
    arms = [f"k{k}: {{augment: {{k: {k}}}}}" for k in (1, 2, 3)]
    plan = plan_recipe(planned(tmp_path, tiny_model, *arms, "short: {train: {steps: 1}}"))
    assert len(kinds(plan, "sample")) == 1
    assert len(kinds(plan, "augment")) == 4
    assert all("augment" not in cell.steps for cell in plan.cells if cell.cell.arm == "SFT")


def test_several_models_each_have_a_sampler_and_one_pool(tmp_path, tiny_model):
    models = "[lab:llama-0.25m, lab:neox-0.25m]"
    plan = plan_recipe(planned(tmp_path, tiny_model, f"pool: {{sample: {{model: {models}}}}}"))
    roles = next(cell.steps for cell in plan.cells if cell.cell.arm == "pool")
    assert {"sampler.lab:llama-0.25m", "sample.lab:neox-0.25m", "augment", "audit"} <= set(roles)
    step = plan.steps[roles["augment"]]
    assert len(step.record.inputs) == 3


def test_what_cannot_work_is_refused_when_the_recipe_is_read(tmp_path, tiny_model):
    for arm, message in {
        "a: {sample: null}": "augment needs samples",
        "a: {augment: {key: sorted}}": "order_free",
        "a: {sample: {allocation: {scheme: lots}}}": "allocation",
        "a: {train: null}": "augment has no effect",
        "a: {sample: {train: null}, train: null, evaluate: null}": "sample fine-tunes",
    }.items():
        with pytest.raises(RecipeError, match=message):
            planned(tmp_path, tiny_model, arm)


@pytest.mark.slow
def test_a_recipe_samples_augments_audits_trains_and_evaluates(tmp_path, tiny_model):
    arms = ["RFT: {}", "all: {augment: {answer: false, equations: false, grounding: false}}"]
    out = run_recipe(prepare(planned(tmp_path, tiny_model, *arms), tmp_path / "run", workers=1))
    cells = {row["arm"]: row for row in pq.read_table(out / "cells.parquet").to_pylist()}
    counts = read_json(out / "steps" / cells["all"]["augment"] / "counts.json")
    assert counts["samples"] == 12
    assert counts["questions_without_samples"] == 4
    pool = Pool.open(out / "steps" / cells["all"]["augment"] / "pool")
    assert len(pool) == 8 + counts["new_rows"]
    assert not pool.has_labels
    audit = pq.read_table(out / "steps" / cells["all"]["audit"] / "audit.parquet").to_pylist()
    assert [row["filters"] for row in audit][::8] == ["none", "kept"]
    results = {row["arm"]: row for row in pq.read_table(out / "results.parquet").to_pylist()}
    assert results["all"]["train_rows" if "train_rows" in results["all"] else "rows"] == len(pool)
