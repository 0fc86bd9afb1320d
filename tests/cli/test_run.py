"""`cotmill run` and `cotmill doctor` as a person meets them."""

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from cotmill.cli.main import app
from cotmill.core.runs import locked

TOKENLESS = """\
name: choosing
about: Only choosing, so that no model is needed.
data: {train: {lab: {rows: 40, max_steps: 2}}}
model: lab:llama-0.25m
arms:
  half: {select: {method: random, budget: 50%}}
  quarter: {select: {method: random, budget: 25%}}
"""


@pytest.fixture
def recipe(tmp_path: Path) -> Path:
    """Write a recipe that needs no model."""
    path = tmp_path / "choosing.yaml"
    path.write_text(TOKENLESS)
    return path


def call(*arguments: str | Path) -> tuple[int, str]:
    """Call cotmill; give its exit code and what it said."""
    result = CliRunner().invoke(app, [str(argument) for argument in arguments])
    return result.exit_code, result.output


def test_a_dry_run_tells_the_plan_and_makes_nothing(recipe: Path, tmp_path: Path) -> None:
    code, said = call("run", recipe, "--out", tmp_path / "run", "--dry-run")
    assert code == 0
    assert "2 arms × 1 seeds = 2 cells, 3 steps" in said
    assert "40 rows" in said
    assert "to go" in said
    assert not (tmp_path / "run").exists()


def test_a_run_tells_its_steps_and_a_second_one_that_all_is_done(recipe: Path, tmp_path: Path) -> None:
    code, said = call("run", recipe, "--out", tmp_path / "run", "--no-report")
    assert code == 0, said
    assert "[3/3] select (quarter · seed 0)" in said
    assert f"Run: {tmp_path / 'run'}" in said
    code, said = call("run", tmp_path / "run" / "recipe.yaml", "--no-report")
    assert code == 0
    assert "everything is done already" in said
    assert f"Run: {tmp_path / 'run'}" in said, "a Run's own recipe goes on in its own folder"


def test_a_mistake_in_the_recipe_is_exit_code_2_with_the_line(recipe: Path) -> None:
    recipe.write_text(TOKENLESS.replace("budget: 25%", "budjet: 25%"))
    code, said = call("run", recipe)
    assert code == 2
    assert "line 7: select.budget is missing" in said
    assert "Traceback" not in said


def test_a_mistake_in_an_override_is_exit_code_2(recipe: Path) -> None:
    code, said = call("run", recipe, "--set", "modle=x")
    assert code == 2
    assert "--set modle=x: modle is not a setting; did you mean model?" in said


def test_no_recipe_at_all_is_a_usage_error() -> None:
    assert call("run")[0] == 2


def test_a_run_in_use_is_refused(recipe: Path, tmp_path: Path) -> None:
    with locked(tmp_path / "run"):
        code, said = call("run", recipe, "--out", tmp_path / "run")
    assert code == 2
    assert "in use by process" in said


def test_the_schema_is_json() -> None:
    code, said = call("run", "--schema")
    assert code == 0
    assert json.loads(said)["title"] == "cotmill recipe"


def test_doctor_looks_at_the_machine() -> None:
    code, said = call("doctor")
    assert code == 0, said
    for word in ("python", "torch", "gpu", "threads", "disk", "write access", "clock"):
        assert word in said


def test_doctor_says_what_to_do_about_a_folder_that_cannot_be_written(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    code, said = call("doctor", "--folder", tmp_path / "file")
    assert code == 2
    assert "WRONG write access" in said


def test_doctor_looks_at_a_model() -> None:
    code, said = call("doctor", "--model", "lab:llama-0.25m")
    assert code == 0, said
    for word in ("padding token", "end of text", "chat template", "loss under padding"):
        assert f"ok    {word}" in said


def test_doctor_refuses_a_model_that_is_not_there() -> None:
    code, said = call("doctor", "--model", "./absent")
    assert code == 2
    assert "absent" in said
