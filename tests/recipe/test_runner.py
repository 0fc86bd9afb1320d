"""The runner: whole steps or none, whatever dies; a failure costs only what needs it."""

import subprocess
import sys
import time
from pathlib import Path

import pytest

from cotmill.core.runs import fingerprint
from cotmill.recipe.graph import dependants, in_order
from cotmill.recipe.runner import claim_one, machine_share

sys.path.insert(0, str(Path(__file__).parent))  # spawned workers get this path, and import `toys` by name
import toys


def contents(folder: Path) -> dict[str, str]:
    """Hash what two Runs must share."""
    (folder / "run.json").write_text("{}")
    return fingerprint(folder)


def test_steps_are_made_after_what_they_need_and_only_once(tmp_path: Path) -> None:
    runner, watcher = toys.runner(tmp_path)
    steps = toys.diamond()
    assert runner.make(steps + steps) == []
    assert len(watcher.made) == len(set(watcher.made)) == len(steps)
    assert (tmp_path / "steps" / steps[0].name / "number.txt").read_text() == "4"
    assert (tmp_path / "steps" / steps[0].name / "deep" / "threads.txt").read_text() == "1"
    assert "a number is written" in runner.log(steps[-1]).read_text()


def test_what_is_done_is_not_done_again(tmp_path: Path) -> None:
    toys.runner(tmp_path)[0].make(toys.diamond())
    runner, watcher = toys.runner(tmp_path)
    assert runner.make(toys.diamond()) == []
    assert watcher.made == []


def test_a_changed_plan_makes_only_what_depends_on_the_change(tmp_path: Path) -> None:
    toys.runner(tmp_path)[0].make(toys.diamond(width=3))
    runner, watcher = toys.runner(tmp_path)
    runner.make(toys.diamond(width=4))
    assert len(watcher.made) == 3


def test_a_damaged_step_is_named_and_made_again_to_the_same_bytes(tmp_path: Path) -> None:
    steps = toys.diamond()
    toys.runner(tmp_path)[0].make(steps)
    before = contents(tmp_path)
    spoilt = tmp_path / "steps" / steps[1].name / "number.txt"
    spoilt.write_text("9")
    runner, watcher = toys.runner(tmp_path)
    runner.make(steps)
    assert watcher.made == [steps[1].name]
    assert str(spoilt) in watcher.warnings[0]
    assert contents(tmp_path) == before


@pytest.mark.parametrize(
    ("kind", "said", "ours"),
    [
        ("refuse", "the pool is empty", False),
        ("crash", "ZeroDivisionError", True),
        ("die", "signal 9", False),
        ("fill", "the disk is full", False),
        ("swell", "memory ran out", False),
    ],
)
def test_a_failing_step_costs_only_what_needs_it(tmp_path: Path, kind: str, said: str, ours: bool) -> None:
    bad = toys.step(kind)
    lost = toys.step("total", {"a": bad})
    lost_too = toys.step("total", {"a": lost})
    runner, watcher = toys.runner(tmp_path)
    failures = runner.make([lost_too, lost, bad, *toys.diamond()])
    assert len(watcher.made) == len(toys.diamond())
    assert [failure.step.name for failure in failures] == [bad.name]
    assert said in str(failures[0])
    assert f"({bad.label})" in str(failures[0])
    assert failures[0].ours is ours
    assert failures[0].log.exists()


def test_two_workers_leave_the_same_bytes_as_one(tmp_path: Path) -> None:
    for workers in (1, 2):
        toys.runner(tmp_path / str(workers), workers)[0].make(toys.diamond())
    assert contents(tmp_path / "1") == contents(tmp_path / "2")


@pytest.mark.parametrize("signal_number", [2, 15])
def test_a_signal_stops_within_seconds_and_keeps_what_is_done(tmp_path: Path, signal_number: int) -> None:
    process = subprocess.Popen(
        [sys.executable, toys.__file__, str(tmp_path)], stdout=subprocess.PIPE, text=True
    )
    until = time.monotonic() + 120
    while not list(tmp_path.glob("steps/total-*")) and time.monotonic() < until:
        time.sleep(0.01)
    process.send_signal(signal_number)
    began = time.monotonic()
    output, _ = process.communicate(timeout=60)
    assert time.monotonic() - began < 20, "two seconds on a free machine"
    assert process.returncode == 130
    assert "stopped by SIG" in output
    assert list(tmp_path.glob("steps/total-*"))
    runner, watcher = toys.runner(tmp_path)
    assert runner.make(toys.diamond(0.1, 6)) == []
    assert watcher.warnings == []


def test_order_and_dependants_of_a_graph() -> None:
    steps = toys.diamond()
    ordered = in_order(steps)
    places = {step.name: place for place, step in enumerate(ordered)}
    for step in steps:
        assert all(places[needed] < places[step.name] for needed in step.record.inputs.values())
    assert steps[0].name in dependants(steps, [steps[-1].name])
    assert dependants(steps, [steps[0].name]) == set()


def test_a_large_model_gets_the_machine_for_itself() -> None:
    assert machine_share(tiny=False, workers=None, cores=16, gpus=4) == (4, 4)
    assert machine_share(tiny=True, workers=3, cores=2, gpus=0) == (3, 1)
    assert machine_share(tiny=False, workers=2, cores=2, gpus=0) == (2, 1)


def test_every_worker_gets_a_gpu_of_its_own_while_there_are_some(tmp_path: Path) -> None:
    assert [claim_one(tmp_path, ["0", "1"]) for _ in range(3)] == ["0", "1", "0"]
