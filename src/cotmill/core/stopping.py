"""SIGINT and SIGTERM as an exception that unwinds: what is finished is kept, the rest is begun again.

Work that can end at a good place of its own (a training between two steps) asks for `patience`: the first
signal is then only noted, and raised when the place is reached or when some seconds have passed. A second
signal ends the process at once, as if nobody had asked for it; that loses no more than a kill does.
"""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from types import FrameType

GRACE = 5.0
"""Seconds that work with a good place of its own has to reach it."""
SIGNALS = (signal.SIGINT, signal.SIGTERM)
STOPPED = 130
"""Exit code of a process that was asked to stop."""


class Stopped(KeyboardInterrupt):
    """A person or the system asked this process to stop; everything that is finished is kept."""


@dataclass
class _State:
    """What this process has been asked, and whether the work under way wants to be asked politely."""

    patient: bool = False
    asked: str = ""


_STATE = _State()


@contextmanager
def stop_on_signals() -> Iterator[None]:
    """Turn SIGINT and SIGTERM into `Stopped` for the length of the block (in the main thread only)."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    old = {number: signal.signal(number, _stop) for number in SIGNALS}
    try:
        yield
    finally:
        _STATE.asked = ""
        for number, handler in old.items():
            signal.signal(number, handler)


@contextmanager
def patience() -> Iterator[None]:
    """Let the block reach a good place after a signal: it looks at `asked`, and `stop_here` raises."""
    _STATE.patient = True
    try:
        yield
    finally:
        _STATE.patient = False
        signal.setitimer(signal.ITIMER_REAL, 0)


def asked() -> bool:
    """Say whether a signal waits for the work to reach a good place; from now on it has all the time."""
    if _STATE.asked:
        signal.setitimer(signal.ITIMER_REAL, 0)
    return bool(_STATE.asked)


def stop_here() -> None:
    """Raise what was asked for, if anything was.

    Raises:
        Stopped: a signal came while there was patience.
    """
    if _STATE.asked:
        raise Stopped(_STATE.asked)


def _stop(number: int, frame: FrameType | None) -> None:
    """Leave what is being done, or note that it should be left."""
    del frame
    for one in SIGNALS:
        signal.signal(one, signal.SIG_DFL)
    name = signal.Signals(number).name
    if not _STATE.patient:
        raise Stopped(name)
    _STATE.asked = name
    signal.signal(signal.SIGALRM, _too_late)
    signal.setitimer(signal.ITIMER_REAL, GRACE)


def _too_late(number: int, frame: FrameType | None) -> None:
    """End the patience."""
    del number, frame
    raise Stopped(_STATE.asked)
