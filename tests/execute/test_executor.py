"""What is done does not depend on where it is done."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from cotmill.core.errors import DataError, RecipeError, RunError
from cotmill.execute.executor import Execution
from cotmill.execute.team import TaskError, WorkerDiedError

sys.path.insert(0, str(Path(__file__).parent))
import worker_tasks as work

submitit = pytest.importorskip("submitit", reason="SLURM ABSENT: pip install 'cotmill[slurm]'")

# submitit does not close the log files of jobs that it runs in this process
pytestmark = pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")

ENGINES = [
    Execution(),
    Execution(workers=2),
    Execution(engine="slurm", workers=2, address="debug"),
    Execution(engine="slurm", workers=2, address="local"),
]


@pytest.fixture(autouse=True)
def in_a_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    here = [str(Path(__file__).parent), *filter(None, [os.environ.get("PYTHONPATH")])]
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join(here))  # jobs import `worker_tasks` by name


@pytest.mark.parametrize("execution", ENGINES, ids=lambda one: one.told)
def test_every_engine_gives_the_same_results_in_order_and_as_they_end(execution):
    with execution.start() as executor:
        assert list(executor.map(work.square, range(20))) == [number * number for number in range(20)]
        assert sorted(executor.each(work.square, range(3))) == [0, 1, 4]
        assert list(executor.map(work.square, [])) == []


@pytest.mark.parametrize("execution", ENGINES[1:3], ids=lambda one: one.told)
def test_an_error_arrives_and_ends_the_work(execution):
    with execution.start() as executor, pytest.raises(DataError, match="three is refused"):
        list(executor.map(work.refuse_three, range(6)))
    with execution.start() as executor, pytest.raises(TaskError, match="1 / 0"):
        list(executor.map(work.divide_by_zero, [1]))


def test_results_of_a_map_that_was_left_do_not_turn_up_in_the_next():
    with Execution(workers=2).start() as executor:
        first = executor.map(work.slow_when_even, range(20))
        assert next(first) == 0
        first.close()
        assert list(executor.map(work.square, [5, 6])) == [25, 36]


def test_a_job_that_dies_is_sent_again_and_one_that_dies_twice_is_named(tmp_path):
    with Execution(engine="slurm", workers=2, address="local").start() as executor:
        assert list(executor.map(work.die_once, [str(tmp_path / "a")])) == ["alive"]
        with pytest.raises(WorkerDiedError, match="died 2 times; its log is"):
            list(executor.map(work.die_always, [0]))


def test_where_there_is_no_slurm_it_is_said(monkeypatch):
    monkeypatch.setenv("PATH", "")
    with pytest.raises(RunError, match="no Slurm on this machine"):
        Execution(engine="slurm").team()


def test_an_option_that_nobody_knows_is_refused():
    with pytest.raises(RecipeError, match="none of submitit's"):
        Execution(engine="slurm", address="debug", options={"colour": "red"}).team()


def test_worker_processes_share_the_gpus_in_turn():
    from cotmill.execute.local import Workers

    with Workers(2, gpus=("4", "7")) as team:
        for key in "abcd":
            team.submit(key, work.gpu_for_a_while)
        assert {gpu for _, gpu in team.finished()} == {"4", "7"}


def test_nothing_of_ray_or_slurm_is_imported_unless_asked_for():
    script = "import sys; from cotmill.execute.executor import Execution; Execution(workers=2).start(); "
    script += "print([name for name in ('ray', 'submitit', 'torch') if name in sys.modules])"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
