"""Make the steps of a graph in worker processes: skip what is done, lose nothing, stop at once.

A worker fills `work/<step>/` and seals it; this process gives it its name. So a Run holds whole steps
only, whoever is killed and when. A step that fails takes its dependants with it and nothing else.
"""

from __future__ import annotations

import fcntl
import os
import shutil
import sys
import time
import traceback
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from cotmill.core import mirror
from cotmill.core.errors import UserError
from cotmill.core.machine import machine_trouble
from cotmill.core.runs import damage, hold_as_worker, log_line, publish, seal, timed
from cotmill.core.stopping import stop_on_signals
from cotmill.execute.away import with_mirrors
from cotmill.execute.executor import NARROW, Execution
from cotmill.execute.local import WorkerDiedError, Workers
from cotmill.execute.team import Team
from cotmill.recipe.graph import Kind, Step, Task, dependants, in_order
from cotmill.recipe.schema import Execute
from cotmill.recipe.watch import Failure, Watcher


@dataclass(frozen=True)
class Outcome:
    """How a step ended in its worker."""

    error: str | None = None
    ours: bool = False


@dataclass(frozen=True)
class Runner:
    """A Run folder, the kinds of steps, and how many workers make them."""

    folder: Path
    kinds: Mapping[str, Kind]
    workers: int
    threads: int
    watcher: Watcher
    gpus: tuple[str, ...] = ()
    """Names of the GPUs that may be used, as CUDA_VISIBLE_DEVICES takes them."""
    execute: Execute = field(default_factory=Execute)

    def unfinished(self, steps: Sequence[Step]) -> list[Step]:
        """List the steps that are not there whole; a damaged one is said and will be made again."""
        todo = []
        for step in in_order(steps):
            folder = self.folder / "steps" / step.name
            wrong = damage(folder) if folder.exists() else ""
            if wrong:
                self.watcher.warned(f"{wrong}; the step is made again")
                log_line(self.folder, f"damaged: {wrong}")
            if wrong is not None:
                todo.append(step)
        return todo

    def make(self, steps: Sequence[Step]) -> list[Failure]:
        """Make what is not done yet; return what failed.

        Raises:
            Stopped: SIGINT or SIGTERM came; all workers have been ended.
        """
        todo = self.unfinished(steps)
        self.watcher.planned(steps, todo, self.workers)
        if not todo:
            return []
        self._sweep(todo)
        narrow = dict.fromkeys(NARROW, str(self.threads))
        environment = {**narrow, "TOKENIZERS_PARALLELISM": "false"}
        with self._team(len(todo), environment) as team, stop_on_signals():
            return _Making(self, todo, team).loop()

    def _team(self, steps: int, environment: Mapping[str, str]) -> Team:
        """Make those who do whole steps: processes here, unless the recipe shares steps out."""
        if self.away:
            return self.execute.team(environment=environment, a_job=1)
        return with_mirrors(Workers(min(self.workers, steps), environment=environment))

    @property
    def away(self) -> bool:
        """Whether steps are done elsewhere."""
        return self.execute.engine != "local" and self.execute.share == "steps"

    def _sweep(self, todo: Sequence[Step]) -> None:
        """Remove unfinished folders, but for those of kinds that go on where they were."""
        kept = {step.name for step in todo if self.kinds[step.kind].resumes}
        work = self.folder / "work"
        work.mkdir(parents=True, exist_ok=True)
        for entry in work.iterdir():
            if entry.name not in kept:
                shutil.rmtree(entry)

    def task(self, step: Step) -> Task:
        """Put together what the function of a step is given."""
        inputs = {role: self.folder / "steps" / name for role, name in step.record.inputs.items()}
        out = self.folder / "work" / step.name
        shards = self.execute if self.execute.share == "shards" else Execution()
        gpus = () if self.away else self.gpus  # elsewhere the engine says which GPU is whose
        return Task(step.record.config, inputs, out, step.places, self.threads, gpus, shards)

    def log(self, step: Step) -> Path:
        """Name the file that holds what a step printed."""
        return self.folder / "logs" / f"{step.name}.log"


class _Making:
    """The state of one pass over the graph: what waits, what runs, what is lost."""

    def __init__(self, runner: Runner, todo: Sequence[Step], team: Team) -> None:
        self.runner, self.team = runner, team
        self.waiting = list(todo)
        self.running: dict[str, Step] = {}
        self.began: dict[str, float] = {}
        self.undone = {step.name for step in todo}
        self.failures: list[Failure] = []

    def loop(self) -> list[Failure]:
        """Hand out and collect until nothing is left that can be made."""
        self._hand_out()
        while self.running:
            name, outcome = self._next()
            self._settle(self.running.pop(name), outcome)
            self._hand_out()
        return self.failures

    def _next(self) -> tuple[str, Outcome]:
        """Wait for a step to end; a worker that died over it is an outcome as well."""
        try:
            return next(self.team.finished())
        except WorkerDiedError as error:
            return error.key, Outcome(str(error))

    def _hand_out(self) -> None:
        """Start the first waiting steps whose inputs are there, as many as there are workers."""
        while len(self.running) < self.runner.workers:
            ready = next(
                (step for step in self.waiting if not self.undone & set(step.record.inputs.values())), None
            )
            if ready is None:
                return
            self.waiting.remove(ready)
            self.running[ready.name], self.began[ready.name] = ready, time.monotonic()
            runner, kind = self.runner, self.runner.kinds[ready.kind]
            self.team.submit(ready.name, make_step, kind, runner.task(ready), ready, runner.log(ready))
            self.runner.watcher.started(ready)

    def _settle(self, step: Step, outcome: Outcome) -> None:
        """Give a finished step its name, or drop all that needed it."""
        runner = self.runner
        if outcome.error is None:
            publish(runner.folder / "work" / step.name, runner.folder / "steps" / step.name)
            self.undone.discard(step.name)
            seconds = time.monotonic() - self.began[step.name]
            log_line(runner.folder, f"made {step.name} ({step.label}) in {seconds:.1f} s")
            runner.watcher.finished(step, seconds)
            return
        failure = Failure(step, outcome.error, runner.log(step), outcome.ours)
        lost = dependants(self.waiting, [step.name])
        self.waiting = [other for other in self.waiting if other.name not in lost]
        self.failures.append(failure)
        log_line(runner.folder, f"failed: {failure}; {len(lost)} steps that need it are left out")
        runner.watcher.failed(failure)


def make_step(kind: Kind, task: Task, step: Step, log: Path) -> Outcome:
    """Make one step; the life of a step in its worker."""
    _fetch(task, task.out if kind.resumes else None)
    _hold(task.out.parents[1], task.gpus)
    _say_into(log)
    _clear(task.out, whole=not kind.resumes)
    try:
        with timed(task.out):
            kind.make(task)
        seal(task.out, step.record)
        mirror.settled(task.out)
    except UserError as error:
        traceback.print_exc()
        return Outcome(str(error))
    except Exception as error:  # noqa: BLE001 - the step fails, the Run goes on; the log has the traceback
        traceback.print_exc()
        said = machine_trouble(error)
        return Outcome(said or f"{type(error).__name__}: {error}", ours=said is None)
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        mirror.settled(log)
    return Outcome()


def _fetch(task: Task, begun: Path | None) -> None:
    """Fetch what a step reads, and what was begun of it, where a worker has no disk in common with others."""
    task.out.parents[1].mkdir(parents=True, exist_ok=True)
    for place in (*task.inputs.values(), *([begun] if begun else [])):
        mirror.needed(place)


def _clear(folder: Path, *, whole: bool) -> None:
    """Empty a folder for a step; one that goes on where it was loses only half-written parts."""
    if whole:
        shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True, exist_ok=True)
    for part in sorted(folder.rglob("*.part")):
        if part.is_dir():
            shutil.rmtree(part)
        else:
            part.unlink(missing_ok=True)


_HELD: dict[Path, int] = {}


def _hold(run: Path, gpus: Sequence[str]) -> None:
    """Hold the Run once for the life of this worker, and a GPU for itself where there are several."""
    if run in _HELD:
        return
    _HELD[run] = hold_as_worker(run)
    if len(gpus) > 1:
        os.environ["CUDA_VISIBLE_DEVICES"] = claim_one(run, gpus)


def claim_one(run: Path, names: Sequence[str]) -> str:
    """Claim a name that no other living worker of this Run has; the first when all are taken."""
    for name in names:
        handle = os.open(run / f".gpu-{name}", os.O_RDWR | os.O_CREAT, 0o644)
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(handle)
            continue
        return name
    return names[0]


def _say_into(log: Path) -> None:
    """Send everything that this process prints, libraries below Python included, into a file."""
    log.parent.mkdir(parents=True, exist_ok=True)
    handle = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o644)
    os.dup2(handle, 1)
    os.dup2(handle, 2)
    os.close(handle)


def machine_share(*, tiny: bool, workers: int | None, cores: int, gpus: int) -> tuple[int, int]:
    """Choose how many workers run side by side, and with how many threads each.

    Small models gain nothing from a second thread, so each core gets a step of its own and the result
    does not depend on the number of cores. A large model gets the machine, or a GPU, for itself.

    >>> machine_share(tiny=True, workers=None, cores=2, gpus=0)
    (2, 1)
    >>> machine_share(tiny=False, workers=None, cores=16, gpus=0)
    (1, 16)
    """
    if workers is None:
        workers = min(cores, 8) if tiny else max(1, gpus)
    return workers, 1 if tiny else max(1, cores // workers)
