"""Workers where folders are mirrors of an address (`core.mirror`): they need no shared disk.

A worker sends what it has finished to the address; who gave it the task fetches that when the task has
ended. On one machine both see one scratch folder, and nothing is fetched.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from cotmill.core import mirror
from cotmill.execute.team import Team


def with_mirrors(team: Team) -> Team:
    """Let the workers of a team know the mirrors of this process, if it has any."""
    return _Mirrored(team) if mirror.mirrors() else team


class _Mirrored:
    """A team whose tasks say what they have sent."""

    def __init__(self, team: Team) -> None:
        self._team = team

    def __enter__(self) -> _Mirrored:
        self._team.__enter__()
        return self

    def __exit__(self, *about: Any) -> None:
        self._team.__exit__(*about)

    @property
    def ahead(self) -> int:
        """Tasks that are worth holding at once."""
        return self._team.ahead

    def submit(self, key: str, function: Callable[..., Any], *args: Any) -> None:
        """Queue a task."""
        self._team.submit(key, _do, os.environ[mirror.VARIABLE], function, args)

    def finished(self) -> Iterator[tuple[str, Any]]:
        """Yield (key, result) as tasks end, once what they have made is here."""
        for key, (result, files) in self._team.finished():
            mirror.arrived(files)
            yield key, result


def _do(told: str, function: Callable[..., Any], args: tuple[Any, ...]) -> tuple[Any, list[str]]:
    """Do a task in a worker, and name what it has sent; elsewhere nothing of that is kept."""
    os.environ[mirror.VARIABLE] = told
    mirror.sent()
    result = function(*args)
    files = mirror.sent()
    if not all((Path(root) / mirror.HOME).exists() for root in json.loads(told)):
        for file in files:
            Path(file).unlink(missing_ok=True)
    return result, files
