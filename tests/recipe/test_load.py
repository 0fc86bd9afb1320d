"""Recipes are read strictly: every mistake is named with its line before anything is loaded."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cotmill.core.errors import RecipeError
from cotmill.recipe.load import load_recipe, recipe_of_text
from cotmill.recipe.schema import recipe_schema
from cotmill.recipe.text import dump, parse

BASE = """\
name: small
about: A small recipe.
seeds: [0, 1]
data: {train: {lab: {rows: 100, defects: 0.3}}}
model: lab:llama-0.25m
train: {steps: 30, learning_rate: 1e-3}
evaluate:
  tests:
    in_domain: {lab: {set: in_domain, rows: 20}}
  max_new_tokens: 40
arms:
  all rows: {}
  random 12.5%:
    select: {method: random, budget: 12.5%}
compare_to: random 12.5%
"""


def refusal(text: str, *settings: str) -> str:
    """Read a recipe that is wrong and return what is said."""
    with pytest.raises(RecipeError) as caught:
        recipe_of_text(text, settings, name="r.yaml")
    return str(caught.value)


def test_a_recipe_becomes_cells_of_arms_and_seeds() -> None:
    loaded = recipe_of_text(BASE)
    assert [(cell.arm, cell.seed) for cell in loaded.cells] == [
        ("all rows", 0),
        ("all rows", 1),
        ("random 12.5%", 0),
        ("random 12.5%", 1),
    ]
    assert loaded.cells[0].pipeline.select is None
    select = loaded.cells[2].pipeline.select
    assert select is not None
    assert select.budget == "12.5%"
    assert loaded.cells[0].pipeline.train.learning_rate == 0.001  # type: ignore[union-attr]


def test_a_grid_varies_every_arm_and_an_arm_has_the_last_word() -> None:
    loaded = recipe_of_text(BASE + "grid: {train.steps: [10, 20], data.train.lab.rows: [50]}\n")
    assert len(loaded.cells) == 8
    assert {cell.pipeline.train.steps for cell in loaded.cells} == {10, 20}  # type: ignore[union-attr]
    assert loaded.cells[0].point == {"train.steps": 10, "data.train.lab.rows": 50}
    assert "train.steps=10" in loaded.cells[0].label


def test_overrides_reach_anything_and_into_arms_with_dots_in_their_names() -> None:
    loaded = recipe_of_text(
        BASE,
        [
            "train.learning_rate=3e-4",
            "arms.random 12.5%.select.budget=25%",
            "seeds=[7]",
            "proxy=lab:neox-0.25m",
        ],
    )
    assert loaded.cells[0].pipeline.train.learning_rate == 3e-4  # type: ignore[union-attr]
    assert loaded.cells[1].pipeline.select.budget == "25%"  # type: ignore[union-attr]
    assert loaded.cells[0].seed == 7
    assert loaded.cells[0].pipeline.proxy.model == "lab:neox-0.25m"


def test_naming_epochs_takes_the_place_of_steps() -> None:
    loaded = recipe_of_text(BASE, ["arms.all rows.train.epochs=3"])
    assert loaded.cells[0].pipeline.train.epochs == 3  # type: ignore[union-attr]
    assert loaded.cells[0].pipeline.train.steps is None  # type: ignore[union-attr]
    assert loaded.cells[2].pipeline.train.steps == 30  # type: ignore[union-attr]


def test_naming_another_source_takes_the_place_of_the_lab() -> None:
    loaded = recipe_of_text(BASE, ["data.train.file=mine.jsonl"])
    assert loaded.cells[0].pipeline.data.train.lab is None


@pytest.mark.parametrize(
    ("wrong", "right", "said"),
    [
        (
            "learning_rate",
            "lerning_rate",
            "r.yaml, line 6: train.lerning_rate is not a setting; did you mean learning_rate?",
        ),
        ("steps: 30", "steps: many", 'r.yaml, line 6: train.steps: expected a valid integer; got "many"'),
        ("steps: 30", "steps: '30'", 'line 6: train.steps: expected a valid integer; got "30"'),
        ("steps: 30", "steps: 30, epochs: 2", "line 6: train: exactly one of steps and epochs"),
        ("rows: 100", "rows: -1", "line 4: data.train.lab.rows: expected greater than 0"),
        ("arms:", "arm:", "line 11: arm is not a setting; did you mean arms?"),
        ("set: in_domain, ", "", "line 9: evaluate.tests.in_domain.lab.set is missing"),
        (
            "compare_to: random 12.5%",
            "compare_to: random",
            "which is no arm; the arms are all rows, random 12.5%",
        ),
        ("budget: 12.5%", "budget: all", "line 14: select.budget: budget 'all' is not understood"),
        ("method: random", "method: randm", "line 14: select: no method is called 'randm'"),
        (
            "method: random",
            "method: random, clusters: 3",
            "line 14: select: method random has no option 'clusters'",
        ),
        ("about:", "name:", "line 2: 'name' is set a second time; the first is in r.yaml, line 1"),
        ("seeds: [0, 1]", "seeds: [0, 0]", "line 3: seeds: a seed is listed twice"),
        ("name: small", "name: a/../b", "line 1: name: "),
        (
            "{lab: {rows: 100",
            "{file: x, lab: {rows: 100",
            "line 4: data.train: exactly one of lab, clinical, file",
        ),
        ("[0, 1]", "&a [0, 1]", "line 3: anchors and aliases"),
        ("[0, 1]", "!!python/name:os.system", "line 3"),
        ("[0, 1]", "!!python/object/apply:os.system [0]", "line 3: the tag"),
        ("[0, 1]", "[0, 1", "not valid YAML"),
        ("1e-3", ".inf", "line 6: .inf is not a finite number"),
    ],
)
def test_a_mistake_is_said_with_its_line_and_what_was_expected(wrong: str, right: str, said: str) -> None:
    assert wrong in BASE
    assert said in refusal(BASE.replace(wrong, right, 1))


def test_a_mistake_in_an_override_is_said_with_the_override() -> None:
    assert "--set train.stps=3: train.stps is not a setting; did you mean steps?" in refusal(
        BASE, "train.stps=3"
    )
    assert "expected KEY=VALUE" in refusal(BASE, "train.steps")
    assert "line 1" not in refusal(BASE, "train.steps=no")


def test_named_grid_points_vary_several_settings_together() -> None:
    small = "    small: {train: {steps: 10}, data: {train: {lab: {rows: 40}}}}\n"
    loaded = recipe_of_text(BASE + "grid:\n  size:\n" + small + "    large: {train: {steps: 20}}\n")
    found = {(cell.point["size"], cell.pipeline.train.steps) for cell in loaded.cells}
    assert {("small", 10), ("large", 20)} <= found
    assert "size=small" in loaded.cells[0].label
    wrong = BASE + "grid:\n  size:\n    small: {train: {step: 10}}\n"
    assert "train.step is not a setting; did you mean steps?" in refusal(wrong)
    assert "grid.size" in refusal(BASE + "grid: {size: {}}\n")


def test_a_mistake_in_an_arm_or_the_grid_is_said_where_it_stands() -> None:
    assert "r.yaml, line 12: train.stps" in refusal(
        BASE.replace("all rows: {}", "all rows: {train: {stps: 3}}")
    )
    assert "r.yaml, line 16: train.steps" in refusal(BASE + "grid: {train.steps: [few]}\n")


def test_all_mistakes_are_said_at_once_and_each_only_once() -> None:
    said = refusal(BASE.replace("steps: 30", "stps: 30").replace("rows: 100", "rowz: 100"))
    assert said.count("train.stps") == 1
    assert "rowz" in said


def test_bombs_and_depth_are_refused(tmp_path: Path) -> None:
    assert "nested more than" in refusal("a: " + "[" * 200 + "]" * 200)
    path = tmp_path / "large.yaml"
    path.write_text("about: " + "x" * 2**20)
    with pytest.raises(RecipeError, match="a recipe has at most"):
        load_recipe(path)
    path.write_bytes(b"name: \xff")
    with pytest.raises(RecipeError, match="not UTF-8"):
        load_recipe(path)


@pytest.mark.parametrize("text", ["", "- a", "just words", "a: b: c", "\x00", "---\na: 1\n---\nb: 2"])
def test_what_is_no_recipe_is_refused_with_a_sentence(text: str) -> None:
    assert refusal(text)


def test_words_of_yaml_1_1_stay_words() -> None:
    assert parse("{a: no, b: 1:30, c: 2020-01-01, d: 1e3, e: 0x10, f: ~}", "t").tree == {
        "a": "no", "b": "1:30", "c": "2020-01-01", "d": 1000.0, "e": "0x10", "f": None,
    }  # fmt: skip


TEXT = st.text(st.characters(codec="utf-8", exclude_categories=["C"]), max_size=12)
NUMBERS = st.integers(-(10**9), 10**9) | st.floats(allow_nan=False, allow_infinity=False)
KEYS = st.text("abc no12.", min_size=1)


@given(
    st.recursive(
        st.none() | st.booleans() | NUMBERS | TEXT,
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner, max_size=3),
        max_leaves=8,
    )
)
def test_what_is_written_reads_back_the_same(value: object) -> None:
    again = parse(dump({"value": value}), "t").tree["value"]
    assert again == value
    assert type(again) is type(value)


def test_a_resolved_recipe_reads_back_as_the_same_cells() -> None:
    loaded = recipe_of_text(BASE, ["train.steps=7"])
    again = recipe_of_text(loaded.text)
    assert again.cells == loaded.cells
    assert again.fingerprint == loaded.fingerprint


def test_an_unknown_recipe_is_answered_with_the_shipped_ones() -> None:
    with pytest.raises(RecipeError, match="Did you mean quickstart"):
        load_recipe("quickstrat")


def test_the_schema_for_editors_names_every_setting() -> None:
    schema = recipe_schema()
    assert {"name", "seeds", "data", "select", "train", "evaluate", "arms", "grid"} <= set(
        schema["properties"]
    )


def test_a_recipe_that_would_make_millions_of_cells_is_refused_before_it_fills_the_memory() -> None:
    ten = list(range(1, 11))
    grid = {f"train.{name}": ten for name in ("steps", "batch_size", "max_length", "accumulate", "warmup")}
    said = refusal(BASE + f"grid: {grid}\n")
    assert "2 arms, 100,000 grid points and 2 seeds make 400,000 cells; at most 10,000" in said
    levels = {str(level): {"train": {"steps": level}} for level in ten}
    factors = {f"f{number}": levels for number in range(12)}
    assert "1,000,000,000,002 arms" in refusal(BASE + f"factors: {factors}\n")
