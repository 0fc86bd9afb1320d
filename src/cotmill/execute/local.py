"""Run functions in local worker processes; a process that dies costs only the task it had.

Every worker has a pipe of its own, so that it is known which task died with it: that task is given to
a fresh worker once more, and a second death is an error that names the task. (The standard library's
process pool breaks as a whole when one worker dies, and cannot tell which task did it.) Workers are
spawned, not forked: a fork copies threads' locks. They end themselves when their parent is killed, so
that nothing goes on writing to a Run that has been started again.
"""

from __future__ import annotations

import contextlib
import os
import signal
import threading
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from multiprocessing import connection, get_context, parent_process
from multiprocessing.connection import Connection
from multiprocessing.reduction import ForkingPickler
from pathlib import Path
from typing import Any

from cotmill.core.errors import RunError
from cotmill.core.files import aside, read_json, write_json
from cotmill.execute.team import (
    AHEAD,
    ATTEMPTS,
    Item,
    Queued,
    Result,
    TaskError,
    WorkerDiedError,
    in_order,
    outcome,
    portable,
)

__all__ = ["TaskError", "WorkerDiedError", "Workers", "map_processes", "map_shards"]

GPUS = "CUDA_VISIBLE_DEVICES"
_SPAWN = get_context("spawn")


class _Worker:
    """One spawned process, its pipe, its seat among the others, and the task it has."""

    def __init__(self, environment: Mapping[str, str], seat: int) -> None:
        self.seat = seat
        self.pipe, theirs = _SPAWN.Pipe()
        self.process = _SPAWN.Process(target=_serve, args=(theirs, dict(environment)))
        self.process.start()
        theirs.close()
        self.task: Queued | None = None

    def give(self, task: Queued) -> None:
        """Hand a task over."""
        self.task, task.starts = task, task.starts + 1
        with contextlib.suppress(BrokenPipeError, ConnectionResetError):
            self.pipe.send(task.call)

    def stop(self) -> None:
        """End the process, whatever it does, and wait until it has ended."""
        self.pipe.close()
        if self.task is not None:
            self.process.kill()
        self.process.join()


class Workers:
    """A few worker processes and the tasks that wait for them; use it in a `with` block.

    `submit` any number of tasks under keys of their own, also while `finished` is being read; the
    results come in the order in which tasks end. Functions and arguments must be importable and
    picklable. An exception in a task is raised in `finished`, and no further tasks are started.
    """

    def __init__(
        self, count: int, *, environment: Mapping[str, str] | None = None, gpus: Sequence[str] = ()
    ) -> None:
        """Allow `count` processes at a time; `environment` is set before they import anything heavy.

        Where GPUs are named, every process sees one of them, in turn.
        """
        self._count, self._environment, self._gpus = max(1, count), environment or {}, tuple(gpus)
        self._waiting: deque[Queued] = deque()
        self._workers: list[_Worker] = []

    def __enter__(self) -> Workers:
        return self

    def __exit__(self, *_: object) -> None:
        self._waiting.clear()
        while self._workers:
            self._workers.pop().stop()

    @property
    def ahead(self) -> int:
        """Tasks that are worth holding at once."""
        return AHEAD * self._count

    def submit(self, key: str, function: Callable[..., Any], *args: Any) -> None:
        """Queue a task; it starts as soon as a worker is free."""
        self._waiting.append(Queued(key, (function, args)))
        self._hand_out()

    def finished(self) -> Iterator[tuple[str, Any]]:
        """Yield (key, result) as tasks end, until none is left.

        Raises:
            RunError: a worker died twice over the same task.
        """
        while busy := [worker for worker in self._workers if worker.task is not None]:
            for ready in connection.wait([worker.pipe for worker in busy]):
                worker = next(worker for worker in busy if worker.pipe is ready)
                ended = self._collect(worker)
                self._hand_out()  # before the result is looked at: no worker waits for that
                if ended is not None:
                    yield ended

    def _hand_out(self) -> None:
        """Give waiting tasks to free workers, starting workers while there may be more."""
        while self._waiting:
            free = next((worker for worker in self._workers if worker.task is None), None)
            if free is None and len(self._workers) >= self._count:
                return
            if free is None:
                free = self._start()
            free.give(self._waiting.popleft())

    def _start(self) -> _Worker:
        """Start a worker on the first seat that is free."""
        taken = {worker.seat for worker in self._workers}
        seat = next(number for number in range(self._count) if number not in taken)
        gpu = {GPUS: self._gpus[seat % len(self._gpus)]} if self._gpus else {}
        self._workers.append(_Worker({**self._environment, **gpu}, seat))
        return self._workers[-1]

    def _collect(self, worker: _Worker) -> tuple[str, Any] | None:
        """Take a worker's result; when it has died, queue its task again or give up."""
        task = worker.task
        assert task is not None, "only busy workers are waited for"
        try:
            well, value = worker.pipe.recv()
        except (EOFError, ConnectionResetError):
            self._bury(worker, task)
            return None
        worker.task = None
        if not well:
            raise value
        return task.key, value

    def _bury(self, worker: _Worker, task: Queued) -> None:
        """Remove a dead worker, and start its task once more."""
        self._workers.remove(worker)
        worker.stop()
        if task.starts >= ATTEMPTS:
            code = worker.process.exitcode
            how = f"signal {-code}" if code is not None and code < 0 else f"exit code {code}"
            raise WorkerDiedError(
                task.key,
                f"the process working on '{task.key}' died {task.starts} times ({how}); "
                "signal 9 usually means that memory ran out: use fewer workers or smaller batches, "
                "then run the same command again",
            )
        self._waiting.appendleft(task)


def _serve(pipe: Connection, environment: Mapping[str, str]) -> None:
    """Serve tasks until the pipe closes: the life of a worker."""
    os.environ.update(environment)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_end_with_parent, daemon=True).start()
    with contextlib.suppress(EOFError, BrokenPipeError, ConnectionResetError):
        while True:
            pipe.send_bytes(_answer(pipe))


def _answer(pipe: Connection) -> bytes:
    """Receive and do one task, and pickle the answer; an exception is an answer as well."""
    try:
        return bytes(ForkingPickler.dumps(outcome(*pipe.recv())))
    except EOFError:
        raise
    except BaseException as error:  # noqa: BLE001 - whatever it is, the parent must hear of it
        return bytes(ForkingPickler.dumps((False, portable(error))))


def _end_with_parent() -> None:
    """End this process as soon as the one that spawned it is gone."""
    parent = parent_process()
    if parent is not None:
        connection.wait([parent.sentinel])
        os._exit(1)


def map_processes(
    function: Callable[[Item], Result],
    items: Iterable[Item],
    *,
    workers: int,
    environment: Mapping[str, str] | None = None,
) -> Iterator[Result]:
    """Yield `function(item)` for every item, in order, computed by worker processes ahead of need.

    With one worker everything happens in this process.
    """
    if workers <= 1:
        yield from map(function, items)
        return
    with Workers(workers, environment=environment) as team:
        yield from in_order(team, function, items)


def map_shards(
    function: Callable[[Item, Path], None],
    shards: Mapping[str, Item],
    *,
    out: Path,
    job: str,
    workers: int = 1,
    environment: Mapping[str, str] | None = None,
) -> list[Path]:
    """Let `function(shard, path)` write one file per shard into `out`; what is there is not made again.

    A file gets its name only when it is whole, so the name is the completion marker. `job` says what is
    being computed (a hash of inputs and settings): a folder that was made for another job is refused.

    Raises:
        RunError: the folder holds another job's results, or a worker died twice over one shard.
    """
    _claim(out, job, list(shards))
    todo = {name: shard for name, shard in shards.items() if not (out / name).exists()}
    tasks = [(function, shard, out / name) for name, shard in todo.items()]
    if workers <= 1:
        for task in tasks:
            _write_shard(*task)
    else:
        with Workers(min(workers, max(1, len(tasks))), environment=environment) as team:
            for name, task in zip(todo, tasks, strict=True):
                team.submit(name, _write_shard, *task)
            for _ in team.finished():
                pass
    return [out / name for name in shards]


JOB_FILE = "shards.json"


def _claim(out: Path, job: str, names: list[str]) -> None:
    """Write down whose results these are, or check that they are ours."""
    unfit = [name for name in names if Path(name).name != name or name == JOB_FILE]
    if unfit:
        raise RunError(f"'{unfit[0]}' cannot name a shard's file")
    claim = {"job": job, "shards": names}
    if (out / JOB_FILE).is_file():
        if read_json(out / JOB_FILE) != claim:
            raise RunError(f"{out} holds shards of another job; name another folder, or remove this one")
        return
    write_json(out / JOB_FILE, claim)


def _write_shard(function: Callable[[Any, Path], None], shard: Any, path: Path) -> None:
    """Write one shard's file, whole or not at all."""
    with aside(path) as part:
        function(shard, part)
