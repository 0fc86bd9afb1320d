"""A whole small recipe, through every kind of step."""

import json
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest

from cotmill.core.errors import RunError
from cotmill.core.files import read_json, write_checked_json
from cotmill.core.ids import rng_of
from cotmill.core.runs import fingerprint
from cotmill.recipe import load_recipe, prepare, run_recipe
from cotmill.recipe.runner import Runner
from cotmill.recipe.steps import KINDS
from cotmill.recipe.watch import Silent

SIGNS = (
    "run.json", "recipe.yaml", "steps/*", "work/data-*/*", "work/select-*/*", "work/train-*/*.work/*",
    "work/train-*/model/*", "work/measure-*/*", "work/evaluate-*/*", "steps/evaluate-*", "*.parquet*",
)  # fmt: skip
"""Files whose appearance may be the moment of a kill."""

pytestmark = pytest.mark.timeout(900)  # half a minute on a free core; other work may share the machine


@pytest.fixture(scope="module")
def run(small_recipe: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Make the Run once for all tests of this file."""
    folder = tmp_path_factory.mktemp("runs") / "small"
    return run_recipe(prepare(load_recipe(small_recipe), folder, workers=1))


def test_a_run_holds_what_a_report_needs(run: Path) -> None:
    names = {path.name for path in run.iterdir()}
    assert {
        "recipe.yaml",
        "run.json",
        "cells.parquet",
        "results.parquet",
        "comparisons.json",
        "steps",
    } <= names
    results = pq.read_table(run / "results.parquet").to_pylist()
    assert len(results) == 3 * 2
    assert {row["test"] for row in results} == {"distractors"}
    by_arm = {row["arm"]: row for row in results}
    assert by_arm["all rows"]["rows"] == 64
    assert by_arm["s2l 50%"]["rows"] == 32
    assert 0 < by_arm["short"]["rows"] < 32
    assert all(row["n"] == 6 and row["train_steps"] == 6 and 0 <= row["accuracy"] <= 1 for row in results)
    for row in pq.read_table(run / "cells.parquet").to_pylist():
        steps = [value for name, value in row.items() if name not in ("arm", "seed") and value]
        assert all((run / "steps" / step / "step.json").is_file() for step in steps)


def test_arms_are_compared_by_seed_and_question(run: Path) -> None:
    found = json.loads((run / "comparisons.json").read_text())
    assert [one["arm"] for one in found] == ["s2l 50%", "short"]
    assert all(one["against"] == "all rows" and one["n_seeds"] == 2 and one["n_items"] == 6 for one in found)
    assert all(one["low"] <= one["difference"] <= one["high"] for one in found)


def test_selections_are_told_by_kind_of_defect_which_no_method_saw(run: Path) -> None:
    rows = pq.read_table(run / "selections.parquet").to_pylist()
    mine = [row for row in rows if row["arm"] == "s2l 50%" and row["seed"] == 0]
    assert sum(row["taken"] for row in mine) == 32
    assert sum(row["in_pool"] for row in mine) == 64
    assert len(mine) > 3
    manifest = pq.read_schema(next(run.glob("steps/select-*/selection/selection.parquet")))
    assert not [name for name in manifest.names if name.startswith("lab_")]


def test_every_step_records_versions_seconds_and_memory(run: Path) -> None:
    timings = [json.loads(path.read_text()) for path in run.glob("steps/*/timing.json")]
    assert all(one["seconds"] > 0 and one["peak_memory_mb"] > 10 for one in timings)
    assert all(one["made_with"]["packages"]["torch"] for one in timings)


def test_running_again_does_nothing_and_changes_nothing(run: Path) -> None:
    before = fingerprint(run)
    watcher = Silent()
    run_recipe(prepare(load_recipe(run / "recipe.yaml"), run, workers=1), watcher)
    assert watcher.made == []
    assert fingerprint(run) == before


def cotmill_run(recipe: Path, out: Path) -> list[str]:
    """Give the command that a person types."""
    command = [sys.executable, "-m", "cotmill.cli.main", "run", str(recipe), "--out", str(out)]
    return [*command, "--workers", "1", "--no-report"]


def kill_at_random(recipe: Path, out: Path, rng: np.random.Generator) -> None:
    """Start the recipe and kill it with SIGKILL soon after a sign of life drawn at random."""
    sign = SIGNS[int(rng.integers(len(SIGNS)))]
    process = subprocess.Popen(cotmill_run(recipe, out), stdout=subprocess.DEVNULL)
    before, until = set(out.glob(sign)), time.monotonic() + float(rng.uniform(0.5, 60))
    while process.poll() is None and time.monotonic() < until and not set(out.glob(sign)) - before:
        time.sleep(0.01)
    time.sleep(float(rng.exponential(0.1)))
    process.kill()
    process.wait()


def test_after_random_kills_a_replay_equals_the_undisturbed_run(run: Path, tmp_path: Path) -> None:
    replayed, rng = tmp_path / "replay", rng_of(0, "kills of a recipe")
    for _ in range(int(os.environ.get("COTMILL_KILLS", "2"))):
        kill_at_random(run / "recipe.yaml", replayed, rng)
        done = sorted(replayed.glob("steps/*"))
        if len(done) > len(list(run.glob("steps/*"))) // 2:
            shutil.rmtree(done[int(rng.integers(len(done)))])  # so that there is always something to kill
    assert subprocess.run(cotmill_run(run / "recipe.yaml", replayed), check=False).returncode == 0
    assert fingerprint(replayed) == fingerprint(run)


def test_a_changed_recipe_makes_only_what_depends_on_the_change(run: Path) -> None:
    changed = load_recipe(run / "recipe.yaml", ["evaluate.max_new_tokens=8", "seeds=[0]"])
    asked = prepare(changed, run)
    todo = Runner(run, KINDS, 1, 1, Silent()).unfinished(list(asked.plan.steps.values()))
    assert [step.kind for step in todo] == ["evaluate"] * 3


def test_a_run_begun_with_other_versions_says_so(small_recipe: Path, tmp_path: Path) -> None:
    settings = ["train=null", "evaluate=null", "seeds=[0]", "arms.s2l 50%.select.method=random"]
    settings += ["arms.short.select={method: random, budget: 25%}"]
    asked = prepare(load_recipe(small_recipe, settings), tmp_path, workers=1)
    run_recipe(asked)
    head = read_json(tmp_path / "run.json")
    packages = head["provenance"]["packages"]
    version, packages["numpy"] = packages["numpy"], "1.0"
    write_checked_json(tmp_path / "run.json", head)
    watcher = Silent()
    run_recipe(asked, watcher)
    assert watcher.warnings == [
        f"finished steps are kept, though they were made with numpy 1.0 (now {version})"
    ]


def test_a_folder_that_is_no_run_is_not_touched(small_recipe: Path, tmp_path: Path) -> None:
    (tmp_path / "mine.txt").write_text("precious")
    with pytest.raises(RunError, match=r"is not a Run but holds mine\.txt"):
        run_recipe(prepare(load_recipe(small_recipe), tmp_path))
    assert [path.name for path in tmp_path.iterdir()] == ["mine.txt"]


def test_a_failing_step_is_named_with_its_cell_and_log(small_recipe: Path, tmp_path: Path) -> None:
    settings = ["train=null", "evaluate=null", "seeds=[0]", "compare_to=null"]
    settings += ["arms.short.select={method: random, budget: 9999}", "arms.s2l 50%.select.method=random"]
    with pytest.raises(RunError, match=r"select-\w+ \(short · seed 0\) failed: .*9999") as caught:
        run_recipe(prepare(load_recipe(small_recipe, settings), tmp_path))
    assert "logs/select-" in str(caught.value)
    assert len(list(tmp_path.glob("steps/select-*"))) == 1
