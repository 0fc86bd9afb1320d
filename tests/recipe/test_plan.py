"""From cells to steps: equal work is done once, and only what depends on a change is done again."""

from pathlib import Path

import pytest

from cotmill.core.errors import RecipeError
from cotmill.recipe import recipe_of_text
from cotmill.recipe.plan import Plan, plan_recipe

BASE = """\
name: small
seeds: [0, 1]
data: {train: {lab: {rows: 100, defects: 0.3}}}
model: lab:llama-0.25m
train: {steps: 30}
evaluate: {tests: {in_domain: {lab: {set: in_domain, rows: 20}}, longer: {lab: {set: longer, rows: 20}}}}
arms:
  all rows: {}
  random 50%: {select: {method: random, budget: 50%}}
  s2l 50%: {select: {method: s2l, budget: 50%}}
  s2l 25%: {select: {method: s2l, budget: 25%}}
"""


def plan(*settings: str, text: str = BASE) -> Plan:
    """Plan the small recipe."""
    return plan_recipe(recipe_of_text(text, settings))


def count(planned: Plan) -> dict[str, int]:
    """Count steps by kind."""
    kinds = [step.kind for step in planned.steps.values()]
    return {kind: kinds.count(kind) for kind in dict.fromkeys(kinds)}


def test_equal_steps_of_different_cells_are_one_step() -> None:
    # One pool, two tests, one proxy and one measurement for four selections; 8 trainings of the target.
    assert count(plan()) == {"data": 1, "train": 9, "test": 2, "evaluate": 16, "select": 6, "measure": 1}


def test_a_change_touches_only_what_depends_on_it() -> None:
    before, after = plan(), plan("arms.random 50%.select.budget=60%")
    new = [step.kind for name, step in after.steps.items() if name not in before.steps]
    assert sorted(new) == ["evaluate"] * 4 + ["select"] * 2 + ["train"] * 2


def test_wording_and_names_do_not_change_what_is_done() -> None:
    renamed = BASE.replace("all rows", "everything").replace("name: small", "name: other\nabout: Words.")
    assert plan().steps.keys() == plan(text=renamed).steps.keys()


def test_base_data_does_not_depend_on_the_seed_unless_asked() -> None:
    assert count(plan())["data"] == 1
    assert count(plan("data.seed=each"))["data"] == 2


def test_seeds_of_selecting_and_training_can_be_held_apart() -> None:
    assert count(plan("train.seed=0"))["train"] == 1 + 1 + 6
    crossed = plan("grid={train.seed: [10, 11, 12]}")
    assert count(crossed)["select"] == 6
    assert count(crossed)["train"] == 1 + 3 + 3 * 6


def test_a_proxy_is_trained_once_for_all_seeds_unless_asked() -> None:
    assert count(plan("proxy={seed: each}"))["measure"] == 2
    small = plan("proxy=lab:neox-0.25m")
    proxies = {one.steps["proxy"] for one in small.cells if "proxy" in one.steps}
    assert len(proxies) == 1
    assert small.steps[proxies.pop()].record.config["model"]["name"] == "lab:neox-0.25m"


def test_a_budget_in_tokens_measures_lengths_first() -> None:
    assert "measure" in plan("arms.random 50%.select.budget=5ktok").cells[2].steps


def test_without_training_the_base_model_is_evaluated() -> None:
    planned = plan("arms.all rows.train=null")
    step = planned.steps[planned.cells[0].steps["evaluate.in_domain"]]
    assert step.record.config["model"]["name"] == "lab:llama-0.25m"
    assert set(step.record.inputs) == {"test"}


def test_a_file_is_known_by_its_content_not_by_its_path(tmp_path: Path) -> None:
    row = '{"question": "1+1?", "answer": "1+1=<<1+1=2>>2\\n#### 2"}\n'
    keys = []
    for name, text in {"a/train.jsonl": row, "b/train.jsonl": row, "c/train.jsonl": row * 2}.items():
        path = tmp_path / name
        path.parent.mkdir()
        path.write_text(text)
        keys.append(next(iter(plan(f"data.train.file={path}").steps)))
    assert keys[0] == keys[1] != keys[2]


def test_a_model_folder_is_known_by_its_content(tmp_path: Path) -> None:
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "config.json").write_text(name)
    steps = [set(plan(f"model={tmp_path / name}").steps) for name in ("a", "b", "a")]
    assert steps[0] == steps[2] != steps[1]


def test_what_is_not_there_is_refused_before_anything_is_made() -> None:
    with pytest.raises(RecipeError, match=r"the recipe names absent\.jsonl, which is not there; looked at"):
        plan("data.train.file=absent.jsonl")
    with pytest.raises(RecipeError, match="no-such-model"):
        plan("model=./no-such-model")


def test_a_hub_name_stands_for_itself() -> None:
    step = next(iter(plan("data.train.file=openai/gsm8k:main:train").steps.values()))
    assert step.record.config["hub"] == "openai/gsm8k:main:train"
