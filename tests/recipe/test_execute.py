"""A recipe says where it is worked on; its steps and their results do not depend on it."""

import os
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner

from cotmill.cli.main import app
from cotmill.core.runs import fingerprint
from cotmill.recipe import load_recipe, prepare
from cotmill.recipe.runner import Runner
from cotmill.recipe.schema import Execute
from cotmill.recipe.watch import Silent

sys.path.insert(0, str(Path(__file__).parent))
import toys

RAY = ["execute.engine=ray", "execute.address=auto", "execute.gpus=1"]


def test_where_a_recipe_is_worked_on_changes_no_step(small_recipe: Path, tmp_path: Path) -> None:
    here = prepare(load_recipe(small_recipe), tmp_path)
    there = prepare(load_recipe(small_recipe, RAY), tmp_path, workers=5)
    assert set(there.plan.steps) == set(here.plan.steps)
    assert there.fingerprint == here.fingerprint
    assert (there.execute.engine, there.execute.gpus, there.workers) == ("ray", 1, 5)


def test_shards_are_shared_out_one_step_after_the_other(small_recipe: Path, tmp_path: Path) -> None:
    told = ["execute.share=shards", "execute.workers=4"]
    asked = prepare(load_recipe(small_recipe, told), tmp_path)
    runner = Runner(tmp_path, {}, asked.workers, asked.threads, Silent(), (), asked.execute)
    step = next(iter(asked.plan.steps.values()))
    assert asked.workers == 1
    assert runner.task(step).execution.workers == 4
    assert toys.runner(tmp_path)[0].task(step).execution.here


def test_the_command_line_says_it_too(small_recipe: Path, tmp_path: Path) -> None:
    arguments = ["run", str(small_recipe), "--out", str(tmp_path / "run"), "--dry-run", "--workers", "9"]
    done = CliRunner().invoke(app, [*arguments, "--executor", "ray", "--address", "auto"])
    assert done.exit_code == 0, done.output
    assert "9 side by side" in done.output
    wrong = CliRunner().invoke(app, [*arguments, "--executor", "spark"])
    assert wrong.exit_code == 2
    assert "--executor: Input should be 'local', 'ray' or 'slurm'" in wrong.output


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_steps_made_by_jobs_are_those_made_here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("submitit", reason="SLURM ABSENT: pip install 'cotmill[slurm]'")
    here = [str(Path(__file__).parent), *filter(None, [os.environ.get("PYTHONPATH")])]
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join(here))  # jobs import `toys` by name
    monkeypatch.chdir(tmp_path)
    one = toys.step("number", number=4)
    steps = [toys.step("total", {"a": one}), one]
    jobs = Execute(engine="slurm", address="local", workers=2)
    for name, execute in (("here", Execute()), ("jobs", jobs)):
        (tmp_path / name).mkdir()
        (tmp_path / name / "run.json").write_text("{}")
        assert Runner(tmp_path / name, toys.KINDS, 2, 1, Silent(), (), execute).make(steps) == []
    assert fingerprint(tmp_path / "jobs") == fingerprint(tmp_path / "here")
    assert not (tmp_path / "cotmill-jobs").exists()
