"""Functions for worker processes, which import them by name; hence not in the test module."""

from __future__ import annotations

import os
import signal
import time
from pathlib import Path

from cotmill.core.errors import DataError


def square(number: int) -> int:
    return number * number


def slow_when_even(number: int) -> int:
    time.sleep(0.05 if number % 2 == 0 else 0)
    return number


def refuse_three(number: int) -> int:
    if number == 3:
        raise DataError("three is refused")
    return number


def divide_by_zero(_: int) -> float:
    return 1 / 0


def unpicklable(_: int) -> object:
    return lambda: None


def die_once(marker: str) -> str:
    if not Path(marker).exists():
        Path(marker).write_text("died here")
        os.kill(os.getpid(), signal.SIGKILL)
    return "alive"


def die_always(_: int) -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def variable(name: str) -> str | None:
    return os.environ.get(name)


def write_square(number: int, path: Path) -> None:
    path.write_text(str(number * number))


def write_or_die(number: int, path: Path) -> None:
    path.write_text("half")
    if number == 2 and not path.with_name("died").exists():
        path.with_name("died").write_text("")
        os.kill(os.getpid(), signal.SIGKILL)
    path.write_text(str(number))


def gpu_for_a_while() -> str | None:
    time.sleep(0.2)
    return os.environ.get("CUDA_VISIBLE_DEVICES")
