"""Toy steps, importable by worker processes: numbers in text files."""

import errno
import os
import signal
import sys
import time
from itertools import pairwise
from pathlib import Path

from cotmill.core.errors import DataError
from cotmill.core.files import write_text
from cotmill.core.runs import StepRecord, locked
from cotmill.core.stopping import Stopped
from cotmill.recipe.graph import Kind, Step, Task
from cotmill.recipe.runner import Runner
from cotmill.recipe.watch import Silent


def number(task: Task) -> None:
    """Write a number."""
    sys.stdout.write("a number is written")
    write_text(task.out / "number.txt", str(task.config["number"]))


def total(task: Task) -> None:
    """Add the inputs, taking some time over two files."""
    value = sum(int((folder / "number.txt").read_text()) for folder in task.inputs.values())
    write_text(task.out / "number.txt", str(value))
    time.sleep(task.config.get("seconds", 0))
    (task.out / "deep").mkdir(exist_ok=True)
    write_text(task.out / "deep" / "threads.txt", os.environ["OMP_NUM_THREADS"])


def refuse(task: Task) -> None:
    """Fail as a user's mistake does."""
    raise DataError("the pool is empty")


def crash(task: Task) -> None:
    """Fail as a fault of ours does."""
    raise ZeroDivisionError("one over nothing")


def fill(task: Task) -> None:
    """Fail as a full disk does."""
    raise OSError(errno.ENOSPC, "No space left on device", str(task.out / "number.txt"))


def swell(task: Task) -> None:
    """Fail as a machine does whose memory is used up."""
    raise MemoryError


def die(task: Task) -> None:
    """Fail as a process that ran out of memory does."""
    os.kill(os.getpid(), signal.SIGKILL)


KINDS = {
    "number": Kind(number, 1),
    "total": Kind(total, 1),
    "refuse": Kind(refuse, 1),
    "crash": Kind(crash, 1),
    "die": Kind(die, 1),
    "fill": Kind(fill, 1),
    "swell": Kind(swell, 1),
}


def step(kind: str, inputs: dict[str, Step] | None = None, **config: object) -> Step:
    """Plan a toy step."""
    named = {role: one.name for role, one in (inputs or {}).items()}
    return Step(StepRecord(kind, KINDS[kind].version, config, named), label=f"the {kind} cell")


def diamond(seconds: float = 0.0, width: int = 3) -> list[Step]:
    """Plan some numbers, a sum of each two neighbours, and the sum of all sums."""
    numbers = [step("number", number=n) for n in range(width)]
    sums = [step("total", {"a": a, "b": b}, seconds=seconds) for a, b in pairwise(numbers)]
    last = step("total", {str(n): one for n, one in enumerate(sums)}, seconds=seconds)
    return [last, *sums, *numbers]


def runner(folder: Path, workers: int = 2) -> tuple[Runner, Silent]:
    """Make a runner that tells what it did."""
    watcher = Silent()
    return Runner(folder, KINDS, workers, 1, watcher), watcher


def main(folder: str) -> int:
    """Run the diamond as a process that can be killed."""
    try:
        with locked(Path(folder)):
            runner(Path(folder))[0].make(diamond(0.1, 6))
    except Stopped as stopped:
        sys.stdout.write(f"stopped by {stopped}")
        return 130
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
