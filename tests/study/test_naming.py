"""What a pipeline is called, and what its cells cost, before anything is trained."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cotmill.core.errors import RecipeError
from cotmill.recipe.load import recipe_of_text
from cotmill.recipe.plan import plan_recipe
from cotmill.study.cost import Cost, Device, find_device, split_cells, total
from cotmill.study.forecast import cost_table, settings_of
from cotmill.study.naming import Apart

TEXT = """
name: names
seeds: [0, 1]
data: {train: {lab: {rows: 80, defects: 0.0}}}
model: lab:llama-0.25m
train: {steps: 10, batch_size: 8}
evaluate: {tests: {in_domain: {lab: {set: in_domain, rows: 10}}}}
grid: {data.train.lab.rows: [40, 80]}
arms:
  all: {}
  half: {select: {method: random, budget: 50%}}
  rft: {sample: {k: 6}, augment: {k: 4}}
  pool: {sample: {k: 6, model: [lab:llama-0.25m, lab:neox-0.25m]}, augment: {k: 2}}
  masked: {train: {mask: 0.3}}
  short: {select: {method: shortest, budget: 50%}}
  longer: {train: {steps: 20}}
  both: {train: {mask: 0.3}, select: {method: shortest, budget: 50%}}
"""


@pytest.fixture(scope="module")
def plan():
    return plan_recipe(recipe_of_text(TEXT))


def test_settings_are_named_by_what_was_done(plan):
    named = list(dict.fromkeys(method for _, method, rows in settings_of(plan) if rows == 80))
    assert named == [
        "SFT", "RFT k=4", "pooled RFT k=2 of 2 models", "SFT + mask 0.3", "SFT + shortest 50%",
        "SFT, steps=20", "SFT + shortest 50% + mask 0.3",
    ]  # fmt: skip


def test_other_training_is_a_move_and_other_data_is_none():
    assert Apart().kind("sft") == "sft"
    assert Apart(", steps=20", only_training=True).kind("sft") == "train"
    assert Apart(", steps=20", only_training=True).kind("rft") == "rft"
    assert Apart(", defects=0.3", only_training=False).kind("sft") == "other"


def test_a_random_half_is_less_data_and_not_a_method(plan):
    rows = {rows for _, method, rows in settings_of(plan) if method == "SFT"}
    assert rows == {20.0, 40.0, 80.0}
    cells = [one for one in cost_table(plan, find_device("h100-80gb"))["settings"] if one["method"] == "SFT"]
    assert {one["rows"]: one["cells"] for one in cells} == {20.0: 2, 40.0: 4, 80.0: 2}


def test_what_cells_share_is_paid_once(plan):
    found = cost_table(plan, find_device("cpu-core"))
    shared = sum(one["forecast"]["shared"]["flops"] for one in found["settings"])
    assert shared == pytest.approx(found["total"]["forecast"]["flops"])
    own = sum(one["cells"] * one["forecast"]["own"]["flops"] for one in found["settings"])
    assert own > 1.2 * shared
    costs = {(one["method"], one["rows"]): one["forecast"]["own"]["flops"] for one in found["settings"]}
    assert costs["pooled RFT k=2 of 2 models", 80.0] > costs["RFT k=4", 80.0] > costs["SFT", 80.0]


@settings(max_examples=30, deadline=None)
@given(st.lists(st.lists(st.sampled_from("abcdef"), min_size=1, max_size=6), min_size=1, max_size=6))
def test_shares_add_up_to_every_step_once(cells):
    cost = {name: Cost(training_tokens=float(n + 1), seconds=2.0 * n) for n, name in enumerate("abcdef")}
    pairs = split_cells([{str(n): name for n, name in enumerate(names)} for names in cells], cost.__getitem__)
    once = total(cost[name] for name in {name for names in cells for name in names})
    assert total(shared for _, shared in pairs).tokens == pytest.approx(once.tokens)
    for (own, _), names in zip(pairs, cells, strict=True):
        assert own.tokens == pytest.approx(sum(cost[name].tokens for name in set(names)))


def test_hours_follow_from_operations_and_a_stated_device():
    device = Device("made up", 1e12, trains=0.5, writes=0.1)
    assert device.hours(1.8e15, 0.0) == pytest.approx(1.0)
    assert device.hours(0.0, 3.6e14) == pytest.approx(1.0)
    with pytest.raises(RecipeError, match="h100"):
        find_device("abacus")
