from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path

import pytest

from cotmill.core.errors import DataError, RunError
from cotmill.execute.local import TaskError, Workers, map_processes, map_shards

sys.path.insert(
    0, str(Path(__file__).parent)
)  # spawned workers get this path, and import `worker_tasks` by name
import worker_tasks as work


def test_results_come_in_order_whatever_ends_first() -> None:
    assert list(map_processes(work.slow_when_even, range(9), workers=2)) == list(range(9))


def test_one_worker_needs_no_process() -> None:
    assert list(map_processes(lambda number: number + 1, [1, 2], workers=1)) == [2, 3]


def test_items_are_read_only_a_little_ahead() -> None:
    read: list[int] = []

    def items():
        for number in range(1000):
            read.append(number)
            yield number

    results = map_processes(work.square, items(), workers=2)
    assert next(results) == 0
    assert len(read) < 10
    results.close()


def test_an_error_of_ours_arrives_as_it_is() -> None:
    with pytest.raises(DataError, match="three is refused"):
        list(map_processes(work.refuse_three, range(6), workers=2))


def test_another_error_arrives_with_the_traceback_of_the_worker() -> None:
    with pytest.raises(TaskError, match=r"return 1 / 0"):
        list(map_processes(work.divide_by_zero, [1, 2], workers=2))


def test_a_result_that_cannot_cross_is_an_error_not_a_hang() -> None:
    with pytest.raises(TaskError, match="pickle"):
        list(map_processes(work.unpicklable, [1, 2], workers=2))


def test_a_worker_that_dies_once_costs_nothing(tmp_path: Path) -> None:
    markers = [str(tmp_path / name) for name in "ab"]
    assert list(map_processes(work.die_once, markers, workers=2)) == ["alive", "alive"]


def test_a_task_that_kills_its_worker_twice_is_named() -> None:
    with Workers(2) as team:
        team.submit("good", work.square, 3)
        team.submit("shard 7", work.die_always, 0)
        with pytest.raises(RunError, match=r"'shard 7' died 2 times \(signal 9\)"):
            list(team.finished())


def test_tasks_may_be_added_while_results_come() -> None:
    with Workers(2, environment={"COTMILL_TEST": "set"}) as team:
        team.submit("first", work.variable, "COTMILL_TEST")
        seen = []
        for key, result in team.finished():
            seen.append((key, result))
            if key == "first":
                team.submit("second", work.square, 4)
    assert seen == [("first", "set"), ("second", 16)]


def test_shards_are_written_once_and_found_again(tmp_path: Path) -> None:
    shards = {"one": 1, "two": 2}
    paths = map_shards(work.write_square, shards, out=tmp_path / "out", job="squares", workers=2)
    assert [path.read_text() for path in paths] == ["1", "4"]
    paths[0].write_text("kept")
    assert map_shards(work.write_square, shards, out=tmp_path / "out", job="squares") == paths
    assert paths[0].read_text() == "kept"


def test_shards_of_another_job_are_refused(tmp_path: Path) -> None:
    map_shards(work.write_square, {"one": 1}, out=tmp_path, job="squares")
    with pytest.raises(RunError, match="another job"):
        map_shards(work.write_square, {"one": 1}, out=tmp_path, job="cubes")


def test_a_shard_whose_worker_dies_is_done_again_and_never_half_there(tmp_path: Path) -> None:
    shards = {str(number): number for number in (1, 2, 3)}
    paths = map_shards(work.write_or_die, shards, out=tmp_path, job="x", workers=2)
    assert [path.read_text() for path in paths] == ["1", "2", "3"]


def test_a_shard_name_cannot_leave_the_folder(tmp_path: Path) -> None:
    with pytest.raises(RunError, match="cannot name"):
        map_shards(work.write_square, {"../x": 1}, out=tmp_path, job="x")


def test_workers_end_when_their_parent_is_killed(tmp_path: Path) -> None:
    script = tmp_path / "parent.py"
    script.write_text(
        "import os, signal, time\n"
        "from cotmill.execute.local import Workers\n"
        "if __name__ == '__main__':\n"
        "    team = Workers(1)\n"
        "    team.submit('pid', os.getpid)\n"
        "    pid = next(team.finished())[1]\n"
        "    team.submit('long', time.sleep, 600)\n"
        "    print(pid, flush=True)\n"
        "    os.kill(os.getpid(), signal.SIGKILL)\n"
    )
    run = subprocess.run(
        [sys.executable, str(script)], capture_output=True, text=True, timeout=60, check=False
    )
    worker = Path("/proc") / run.stdout.strip()
    assert run.stdout.strip()
    if not Path("/proc").is_dir():
        pytest.skip("no /proc here: cannot look for the worker")
    deadline = time.monotonic() + 10
    while worker.exists() and "State:\tZ" not in (worker / "status").read_text():
        assert time.monotonic() < deadline, "the worker outlived its parent"
        time.sleep(0.05)
