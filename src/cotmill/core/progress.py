"""Progress of a long loop: a bar on a terminal, a line every ten seconds anywhere else."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterable, Iterator
from typing import TypeVar

T = TypeVar("T")

EVERY = 10.0
"""Seconds between two lines in a log; the first comes after as long, so that short loops stay silent."""


def progress(items: Iterable[T], label: str, *, total: int | None = None) -> Iterator[T]:
    """Yield the items and show how far the loop is.

    >>> list(progress([1, 2], "adding"))
    [1, 2]
    """
    total = len(items) if total is None and hasattr(items, "__len__") else total  # type: ignore[arg-type]
    if sys.stderr.isatty():
        yield from _with_bar(items, label, total)
    else:
        yield from _with_lines(items, label, total)


def tell(line: str) -> None:
    """Say something beside a long loop."""
    sys.stderr.write(line + "\n")
    sys.stderr.flush()


def _with_bar(items: Iterable[T], label: str, total: int | None) -> Iterator[T]:
    """Draw a bar; rich is imported here since most processes never see a terminal."""
    from rich.console import Console
    from rich.progress import track

    yield from track(items, label, total=total, console=Console(stderr=True), transient=True)


def _with_lines(items: Iterable[T], label: str, total: int | None) -> Iterator[T]:
    """Write a line now and then."""
    started = said = time.monotonic()
    for done, item in enumerate(items):
        now = time.monotonic()
        if now - said >= EVERY:
            said = now
            tell(progress_line(label, done, total, now - started))
        yield item


def progress_line(label: str, done: int, total: int | None, seconds: float) -> str:
    """Say how far a loop is and when it will probably end.

    >>> progress_line("training", 30, 120, 60.0)
    'training: 30 of 120, 60 s, about 180 s to go'
    """
    if total is None or not done:
        return f"{label}: {done}, {seconds:.0f} s"
    return f"{label}: {done} of {total}, {seconds:.0f} s, about {seconds / done * (total - done):.0f} s to go"
