"""What a recipe would take on a GPU that is not here: arithmetic that can be checked by hand."""

import importlib.util
from dataclasses import replace
from pathlib import Path

import pytest

from cotmill.core.errors import RecipeError
from cotmill.core.runs import StepRecord
from cotmill.recipe import recipe_of_text
from cotmill.recipe.device import (
    DEVICES,
    SHAPES,
    devices_of,
    models_of,
    seconds_on,
    shape_of,
    training_memory,
    wall,
)
from cotmill.recipe.graph import Step
from cotmill.recipe.plan import plan_recipe

ROOT = Path(__file__).parents[2]
TRAIN = {"batch_size": 64, "lora": None}
TEXT = """\
name: real
seeds: [0, 1]
data: {train: {lab: {rows: 100, defects: 0.0}}}
model: Qwen/Qwen2.5-7B
sample: {k: 4, train: {steps: 10, batch_size: 8}, max_new_tokens: 200}
augment: {}
train: {steps: 10, batch_size: 8}
evaluate: {tests: {in_domain: {lab: {set: in_domain, rows: 20}}}, max_new_tokens: 200}
"""


def step(name: str, *needs: Step, seconds: float = 1.0) -> Step:
    """Plan a step that takes a time of its own."""
    inputs = {str(place): one.name for place, one in enumerate(needs)}
    return Step(StepRecord("data", 1, {"name": name}, inputs), label=name, seconds=seconds)


def test_memory_of_all_weights_is_sixteen_bytes_and_a_copy():
    found = training_memory(SHAPES["qwen2.5-7b"], TRAIN, 200.0, DEVICES["h200"])
    assert found.fixed == pytest.approx(7.616 * 18)
    assert found.rows == 0


def test_adapters_fit_where_all_weights_do_not():
    found = training_memory(SHAPES["qwen2.5-7b"], TRAIN | {"lora": {"rank": 16}}, 200.0, DEVICES["h100-80gb"])
    assert found.fixed == pytest.approx(7.616 * 6, rel=0.02)
    assert found.rows * found.accumulate == 64
    assert found.fixed + found.kept < 80
    twice = training_memory(SHAPES["qwen2.5-7b"], TRAIN | {"lora": {"rank": 16}}, 400.0, DEVICES["h100-80gb"])
    assert twice.rows == found.rows // 2


def test_a_training_takes_six_operations_a_parameter_and_token():
    record = StepRecord("train", 1, {"train": TRAIN}, {})
    one = Step(record, label="x", tokens=1e9, rows=100, row_bytes=600.0)
    device, _ = devices_of("a100-80gb")
    whole = seconds_on(one, "Qwen/Qwen2.5-7B", device) - seconds_on(
        replace(one, tokens=1e-9), "Qwen/Qwen2.5-7B", device
    )
    assert whole == pytest.approx(6 * 7.616e9 * 1e9 / (0.3 * 312e12))


def test_writing_is_never_faster_than_the_bandwidth_allows():
    plan = plan_recipe(recipe_of_text(TEXT))
    models = models_of(plan.steps)
    for one in plan.steps.values():
        if one.kind != "sample":
            continue
        slow, fast = (seconds_on(one, models[one.name], DEVICES[name]) for name in ("rtx-4090", "h200"))
        assert slow > fast > 40
        tokens = one.rows * 130
        assert slow - 40 > tokens / 256 * 2 * 7.616e9 / 1.01e12


def test_every_step_that_works_with_a_model_is_known_to():
    plan = plan_recipe(recipe_of_text(TEXT))
    models = models_of(plan.steps)
    assert {models[one.name] for one in plan.steps.values() if one.tokens} == {"Qwen/Qwen2.5-7B"}


def test_steps_run_side_by_side_as_far_as_they_do_not_wait():
    first = step("first", seconds=2.0)
    rest = [step(f"next {n}", first, seconds=3.0) for n in range(4)]
    last = step("last", *rest, seconds=1.0)
    assert wall([first, *rest, last], 1) == 2 + 12 + 1
    assert wall([first, *rest, last], 2) == 2 + 6 + 1
    assert wall([first, *rest, last], 8) == 2 + 3 + 1


def test_a_shape_is_read_known_or_guessed(tmp_path: Path):
    (tmp_path / "config.json").write_text(
        '{"hidden_size": 8, "num_hidden_layers": 3, "num_attention_heads": 2}'
    )
    assert shape_of(str(tmp_path)).layers == 3
    assert shape_of("Qwen/Qwen2.5-0.5B-Instruct") == SHAPES["qwen2.5-0.5b"]
    guessed = shape_of("someone/new-13B")
    assert 12 * guessed.layers * guessed.width**2 == pytest.approx(13e9, rel=0.02)


@pytest.mark.parametrize("told", ["h900", "h200:0", "h200:many"])
def test_an_unknown_device_is_refused_with_the_known_ones(told: str):
    with pytest.raises(RecipeError, match="there are rtx-4090, l40s"):
        devices_of(told)


def test_the_page_on_real_models_holds_what_its_commands_print(monkeypatch: pytest.MonkeyPatch):
    if not (ROOT.parent / "shared" / "data" / "gsm8k").is_dir():
        pytest.skip("REAL DATA ABSENT: the page's estimates are of GSM8K, which is not at ../shared/data")
    spec = importlib.util.spec_from_file_location("real_models", ROOT / "docs" / "real_models.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    monkeypatch.chdir(ROOT)
    blocks = list(module.BLOCK.finditer(module.PAGE.read_text(encoding="utf-8")))
    assert len(blocks) == 7
    # Two of them; `make check` takes all.
    for block in (blocks[0], blocks[-1]):
        assert module.printed(block["command"]) == block["output"]
