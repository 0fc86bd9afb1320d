"""What all engines have in common: tasks under keys, their results as they end, and what a death costs.

A team is a number of workers somewhere: processes here, actors of Ray, jobs of Slurm. A stage gives it
functions with arguments and never learns which it is. A worker that dies costs the task that it had, which
is given to another one; a task over which worker after worker dies is an error that names it.
"""

from __future__ import annotations

import traceback
from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass
from itertools import islice
from typing import Any, Protocol, TypeVar, runtime_checkable

from cotmill.core.errors import CotmillError, RunError

Item = TypeVar("Item")
Result = TypeVar("Result")

ATTEMPTS = 2
"""How often a task is started before the death of its worker is an error."""
AHEAD = 2
"""Tasks handed out ahead of the one whose result is due, per worker: bounds what waits in memory."""


@runtime_checkable
class Team(AbstractContextManager[Any], Protocol):
    """Workers, and the tasks that wait for them; used in a `with` block."""

    @property
    def ahead(self) -> int:
        """Tasks that are worth holding at once."""
        ...

    def submit(self, key: str, function: Callable[..., Any], *args: Any) -> None:
        """Queue a task."""
        ...

    def finished(self) -> Iterator[tuple[str, Any]]:
        """Yield (key, result) as tasks end, until none is left; an exception of a task is raised."""
        ...


@dataclass
class Queued:
    """A task, and how often it was started."""

    key: str
    call: tuple[Callable[..., Any], tuple[Any, ...]]
    starts: int = 0


class WorkerDiedError(RunError):
    """A worker died over a task, and so did those that were given it next; the other tasks can go on."""

    def __init__(self, key: str, message: str) -> None:
        """Remember which task it was."""
        super().__init__(key, message)
        self.key, self.message = key, message

    def __str__(self) -> str:
        """Say what happened."""
        return self.message


class TaskError(CotmillError):
    """A task raised an exception that is not ours; the message is its traceback in the worker."""


def outcome(function: Callable[..., Any], args: tuple[Any, ...]) -> tuple[bool, Any]:
    """Do a task in a worker: whether it went well, and its result or its exception.

    What ends a process (SystemExit) is let through: Slurm's signals end a job in that way.
    """
    try:
        return True, function(*args)
    except Exception as error:  # noqa: BLE001 - whatever it is, who asked must hear of it
        return False, portable(error)


def portable(error: BaseException) -> BaseException:
    """Return an exception that crosses to another process: ours as they are, others with their traceback."""
    if isinstance(error, CotmillError):
        return error
    return TaskError("".join(traceback.format_exception(error)))


def in_order(team: Team, function: Callable[[Item], Result], items: Iterable[Item]) -> Iterator[Result]:
    """Yield `function(item)` for every item, in the order of the items, computed ahead of need."""
    source = iter(items)
    done: dict[str, Result] = {}
    due = asked = 0
    for item in islice(source, team.ahead):
        team.submit(str(asked), function, item)
        asked += 1
    for key, result in team.finished():
        done[key] = result
        while str(due) in done:
            yield done.pop(str(due))
            due += 1
            for item in islice(source, 1):
                team.submit(str(asked), function, item)
                asked += 1


def as_they_end(team: Team, function: Callable[[Item], Result], items: Iterable[Item]) -> Iterator[Result]:
    """Yield `function(item)` for every item, in the order in which they end: no slow one holds others up."""
    source = enumerate(items)
    for number, item in islice(source, team.ahead):
        team.submit(str(number), function, item)
    for _, result in team.finished():
        for number, item in islice(source, 1):
            team.submit(str(number), function, item)
        yield result
