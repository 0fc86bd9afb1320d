"""Workers that are actors on a Ray cluster; the only file that imports Ray.

Every worker is an actor of its own, so that what a task keeps in its process (a model) is loaded once in
each. Actors are asked for one by one as tasks wait, with their cores and GPUs as resources: a cluster that
scales itself sees what is wanted, and an actor that gets a place late joins late. An actor that dies, with
its process or with its node, costs the task it had; another one does that task. Nodes come and go, so a
task may lose several workers before it is held to be the cause.

cotmill of this version must be installed on the nodes, and what tasks name (models, folders to write to)
must lie where they find it: a shared folder, or an address that fsspec knows.
"""

from __future__ import annotations

import logging
import os
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from cotmill import __version__
from cotmill.core.errors import MissingExtra, RunError
from cotmill.execute.team import AHEAD, Queued, WorkerDiedError, outcome

try:
    import ray
    from ray import exceptions
except ModuleNotFoundError as error:
    raise MissingExtra("ray", "ray") from error

if TYPE_CHECKING:
    from cotmill.execute.executor import Execution

ATTEMPTS = 4
"""How often a task is started: nodes that are taken away are no fault of a task's."""
FAILED_STARTS = 3
"""Actors that die before they are ready, one after the other, before that is an error."""
_LOST = (
    exceptions.RayActorError,
    exceptions.NodeDiedError,
    exceptions.ObjectLostError,
    exceptions.WorkerCrashedError,
    exceptions.TaskUnschedulableError,
)


class _Worker:
    """What an actor is: it says who it is, and does one task after the other."""

    def __init__(self, environment: dict[str, str]) -> None:
        os.environ.update(environment)

    def version(self) -> str:
        """Say which cotmill this is."""
        return __version__

    def do(self, call: tuple[Callable[..., Any], tuple[Any, ...]]) -> tuple[bool, Any]:
        """Do a task."""
        return outcome(*call)


@dataclass(eq=False)
class _Seat:
    """An actor, what is waited for from it, and its task; none while it starts or is idle."""

    actor: Any
    waited: Any
    ready: bool = False
    task: Queued | None = None


class RayTeam:
    """A pool of actors and the tasks that wait for them; use it in a `with` block."""

    def __init__(self, execution: Execution, environment: Mapping[str, str]) -> None:
        """Join the cluster; actors are started when there are tasks.

        Raises:
            RunError: there is no cluster at the address.
        """
        self._ours = _connected(execution.address)
        self._environment = dict(environment)
        self._wanted = {
            "num_cpus": execution.threads,
            "num_gpus": execution.gpus,
            "scheduling_strategy": "SPREAD",
            **execution.options,
        }
        self._count = execution.workers or _room(execution.threads, execution.gpus)
        self._waiting: deque[Queued] = deque()
        self._seats: list[_Seat] = []
        self._failed_starts = 0

    def __enter__(self) -> RayTeam:
        return self

    def __exit__(self, *_: object) -> None:
        self._waiting.clear()
        while self._seats:
            ray.kill(self._seats.pop().actor)
        if self._ours:
            ray.shutdown()

    @property
    def ahead(self) -> int:
        """Tasks that are worth holding at once."""
        return AHEAD * self._count

    def submit(self, key: str, function: Callable[..., Any], *args: Any) -> None:
        """Queue a task; it starts as soon as an actor is free."""
        self._waiting.append(Queued(key, (function, args)))
        self._hand_out()

    def finished(self) -> Iterator[tuple[str, Any]]:
        """Yield (key, result) as tasks end, until none is left.

        Raises:
            RunError: actors died again and again over the same task, or before they were ready.
        """
        while self._waiting or any(seat.task is not None for seat in self._seats):
            waited = {seat.waited: seat for seat in self._seats if seat.waited is not None}
            ready, _ = ray.wait(list(waited), num_returns=1)
            for reference in ready:
                ended = self._collect(waited[reference])
                self._hand_out()
                if ended is not None:
                    yield ended

    def _hand_out(self) -> None:
        """Give waiting tasks to idle actors, and ask for more actors while there may be more."""
        idle = [seat for seat in self._seats if seat.ready and seat.task is None]
        for seat in idle[: len(self._waiting)]:
            task = self._waiting.popleft()
            task.starts += 1
            seat.task, seat.waited = task, seat.actor.do.remote(task.call)
        starting = sum(not seat.ready for seat in self._seats)
        for _ in range(min(len(self._waiting) - starting, self._count - len(self._seats))):
            made: Any = ray.remote(_Worker)
            actor = made.options(**self._wanted).remote(self._environment)
            self._seats.append(_Seat(actor, actor.version.remote()))

    def _collect(self, seat: _Seat) -> tuple[str, Any] | None:
        """Take what an actor returned; when it has died, queue its task again or give up."""
        try:
            value: Any = ray.get(seat.waited)
        except _LOST as error:
            self._bury(seat, error)
            return None
        except exceptions.RayError as error:
            raise RunError(f"a worker of Ray cannot do what it was given: {error}") from error
        seat.waited = None
        if not seat.ready:
            self._welcome(seat, value)
            return None
        task, seat.task = seat.task, None
        assert task is not None, "only actors that were given something are waited for"
        well, result = value
        if not well:
            raise result
        return task.key, result

    def _welcome(self, seat: _Seat, version: str) -> None:
        """Take a new actor in."""
        seat.ready, self._failed_starts = True, 0
        if version != __version__:
            raise RunError(
                f"the nodes of this cluster have cotmill {version}, here is {__version__}; install the same"
            )

    def _bury(self, seat: _Seat, error: exceptions.RayError) -> None:
        """Remove a lost actor, and queue its task once more."""
        self._seats.remove(seat)
        ray.kill(seat.actor)
        task = seat.task
        if task is None:
            self._failed_starts += 1
            if self._failed_starts >= FAILED_STARTS:
                raise RunError(
                    f"{FAILED_STARTS} workers of Ray in a row died before they were ready; is cotmill "
                    f"{__version__} installed on the nodes? The last one: {error}"
                ) from error
        elif task.starts >= ATTEMPTS:
            raise WorkerDiedError(
                task.key,
                f"the workers of Ray that had '{task.key}' died {task.starts} times ({error}); if memory ran "
                "out, use smaller batches or more --cpus a worker, then run the same command again",
            )
        else:
            self._waiting.appendleft(task)


def _connected(address: str | None) -> bool:
    """Join a cluster, or start one on this machine; say whether it is ours to leave again.

    Raises:
        RunError: there is none at the address.
    """
    if ray.is_initialized():
        return False
    try:
        ray.init(address=address, log_to_driver=False, logging_level=logging.ERROR, configure_logging=False)
    except (ConnectionError, ValueError, RuntimeError) as error:
        raise RunError(
            f"no Ray cluster answers at {address or os.environ.get('RAY_ADDRESS')} ({error}); start one with "
            "ray start --head, or give its --address HOST:6379"
        ) from error
    return True


def _room(cpus: int, gpus: float) -> int:
    """Count the workers that the cluster has room for as it is now."""
    has = ray.cluster_resources()
    if gpus:
        return max(1, int(has.get("GPU", 0) // gpus))
    return max(1, int(has.get("CPU", 1) // cpus))
