"""What selections of a recipe need is measured once, for all arms."""

from __future__ import annotations

import pytest

from cotmill.core.errors import RecipeError
from cotmill.recipe import recipe_of_text
from cotmill.recipe.plan import Plan, plan_recipe

BASE = """\
name: small
data: {train: {lab: {rows: 100, defects: 0.3}}}
model: lab:llama-0.25m
proxy: {train: {steps: 20}, checkpoints: 3}
select: {method: random, budget: 50%}
train: {steps: 30}
evaluate: {tests: {in_domain: {lab: {set: in_domain, rows: 20}}}}
arms:
  random: {}
  least confidence: {select: {method: least_confidence}}
  ifd: {select: {method: ifd}}
  perplexity: {select: {method: perplexity_low}}
  facility: {select: {method: facility_location}}
  crossed: {select: {method: s2l, embedding_clusters: 3}}
  rds: {select: {method: rds_plus, queries: {lab: {set: in_domain, rows: 9, seed: 7}}}}
  bm25: {select: {method: bm25, queries: {lab: {set: in_domain, rows: 9, seed: 7}}}}
"""


def plan(*settings: str, text: str = BASE) -> Plan:
    return plan_recipe(recipe_of_text(text, settings))


def measures(planned: Plan) -> list[dict]:
    return [dict(step.record.config) for step in planned.steps.values() if step.kind == "measure"]


def test_one_pass_over_the_rows_serves_all_arms_and_one_the_queries() -> None:
    planned = plan()
    forward = [config for config in measures(planned) if config["kind"] == "forward"]
    assert [config["parts"] for config in forward] == [["readings", "bare", "mean", "weighted"]] * 2
    assert sorted(config["kind"] for config in measures(planned)) == ["forward", "forward", "trajectories"]
    proxies = {cell.steps["proxy"] for cell in planned.cells if "proxy" in cell.steps}
    assert len(proxies) == 1
    inputs = {cell.cell.arm: planned.steps[cell.steps["select"]].record.inputs for cell in planned.cells}
    assert inputs["ifd"]["evidence"] == inputs["perplexity"]["evidence"] == inputs["crossed"]["embeddings"]
    assert inputs["rds"]["queries"] != inputs["bm25"]["queries"]


def test_without_a_forward_pass_losses_are_measured_as_losses() -> None:
    text = "".join(line for line in BASE.splitlines(keepends=True) if not line.startswith("  "))
    found = measures(plan(text=text + "  perplexity: {select: {method: perplexity_low}}\n"))
    assert [config["kind"] for config in found] == ["losses"]


@pytest.mark.parametrize("record", ["in_loop", "seen"])
def test_a_trajectory_recorded_while_training_needs_no_step_of_its_own(record: str) -> None:
    planned = plan(f"proxy.record={record}")
    assert "trajectories" not in [config["kind"] for config in measures(planned)]
    crossed = next(cell for cell in planned.cells if cell.cell.arm == "crossed")
    assert crossed.steps["measure"] == crossed.steps["proxy"]
    assert planned.steps[crossed.steps["proxy"]].record.config["record"] == record


def test_budgets_in_tokens_get_lengths_where_evidence_has_none() -> None:
    planned = plan("select.budget=3ktok")
    for cell in planned.cells:
        inputs = planned.steps[cell.steps["select"]].record.inputs
        assert ("lengths" in inputs) == (cell.cell.arm in {"random", "facility", "rds", "bm25"})


def test_queries_that_are_missing_are_asked_for() -> None:
    with pytest.raises(RecipeError, match="method bm25 compares rows with queries; give some"):
        plan("select.method=bm25")


def test_texts_and_limits_reach_their_steps() -> None:
    text = BASE.replace("{lab: {rows: 100, defects: 0.3}}", "{clinical: {rows: 50}}").replace(
        "{in_domain: {lab: {set: in_domain, rows: 20}}}", "{notes: {clinical: {rows: 9}, metric: text}}"
    )
    planned = plan("select.limits={once: 0.8}", text=text)
    test = next(
        step for step in planned.steps.values() if step.kind == "test" and "metric" in step.record.config
    )
    assert test.record.config["clinical"] == {"rows": 9, "seed": 0}
    chosen = next(step for step in planned.steps.values() if step.kind == "select")
    assert chosen.record.config["limits"]["once"] == 0.8
