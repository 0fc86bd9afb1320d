"""Workers that are jobs of Slurm, by submitit; the only file that imports it.

Tasks are dealt out to job arrays, so many to a job, which does them one after the other: what a task keeps
in its process (a model) is loaded once in each job. A task leaves its result on disk as it ends, so a job
that dies costs the task it was at; its tasks are sent out again, each in a job of its own. A job that is
preempted or runs out of time is queued again by submitit and passes over what is there.

Jobs and this process must see one shared folder. Without Slurm the address `local` runs the jobs as
processes on this machine, and `debug` in this process.
"""

from __future__ import annotations

import os
import shutil
import time
import uuid
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cotmill.core.errors import MissingExtra, RecipeError, RunError
from cotmill.execute.team import ATTEMPTS, Queued, WorkerDiedError, outcome

try:
    import submitit
    from submitit.core.utils import FailedJobError, FailedSubmissionError, UncompletedJobError
    from submitit.helpers import DelayedSubmission
except ModuleNotFoundError as error:
    raise MissingExtra("submitit", "slurm") from error

if TYPE_CHECKING:
    from cotmill.execute.executor import Execution

JOBS = 16
"""Jobs at a time, unless a number is named."""
TASKS_A_JOB = 16
"""Tasks of a job: enough that starting it and loading a model does not count."""
PACE = {"slurm": 5.0, "local": 0.1, "debug": 0.0}
"""Seconds between two looks at the jobs."""
FOLDER = "cotmill-jobs"
"""Where jobs are written down, under the folder that the command was given in."""


class _Several:
    """The tasks of a job; queued again as it is when the job is preempted."""

    def __init__(self, environment: Mapping[str, str], calls: list[Any]) -> None:
        self.environment, self.calls = dict(environment), calls

    def __call__(self) -> list[tuple[bool, Any]]:
        """Do them, one after the other; the first that fails is the last."""
        os.environ.update(self.environment)
        done = []
        for function, args in self.calls:
            done.append(outcome(function, args))
            if not done[-1][0]:
                break
        return done

    def checkpoint(self) -> DelayedSubmission:
        """Begin again: what is on disk is passed over."""
        return DelayedSubmission(self)


@dataclass
class _Job:
    job: Any
    tasks: list[Queued]


class SlurmTeam:
    """Jobs and the tasks that wait for them; use it in a `with` block."""

    def __init__(
        self, execution: Execution, environment: Mapping[str, str], a_job: int | None = None
    ) -> None:
        """Find out what runs jobs here; none is sent yet.

        Raises:
            RunError: there is no Slurm here.
            RecipeError: an option is none of submitit's.
        """
        self._environment = dict(environment)
        self._count, self._a_job = execution.workers or JOBS, a_job or TASKS_A_JOB
        self._folder = Path.cwd() / FOLDER / uuid.uuid4().hex[:12]
        self._cluster, self._executor = _executor(execution, self._folder, self._count)
        self._waiting: deque[Queued] = deque()
        self._jobs: list[_Job] = []

    def __enter__(self) -> SlurmTeam:
        return self

    def __exit__(self, kind: object, *_: object) -> None:
        self._waiting.clear()
        well = not self._jobs
        while self._jobs:
            self._jobs.pop().job.cancel()
        if well and kind is None:  # else the logs of the jobs are worth keeping
            shutil.rmtree(self._folder, ignore_errors=True)
            if self._folder.parent.is_dir() and not any(self._folder.parent.iterdir()):
                self._folder.parent.rmdir()

    @property
    def ahead(self) -> int:
        """Tasks that are worth holding at once."""
        return self._count * self._a_job

    def submit(self, key: str, function: Callable[..., Any], *args: Any) -> None:
        """Queue a task; jobs are sent when results are asked for."""
        self._waiting.append(Queued(key, (function, args)))

    def finished(self) -> Iterator[tuple[str, Any]]:
        """Yield (key, result) as jobs end, until no task is left.

        Raises:
            RunError: jobs died twice over the same task; their logs are named.
        """
        while self._waiting or self._jobs:
            self._send()
            ended = [one for one in self._jobs if one.job.done()]
            if not ended:
                time.sleep(PACE[self._cluster])
            for one in ended:
                self._jobs.remove(one)
                yield from self._collect(one)

    def _send(self) -> None:
        """Send what waits as one array: as many jobs as may be added, with like numbers of tasks."""
        free = self._count - len(self._jobs)
        if not self._waiting or free < 1:
            return
        again = [[task] for task in self._waiting if task.starts][:free]
        fresh = [task for task in self._waiting if not task.starts]
        parts = min(free - len(again), len(fresh))
        dealt = again + [fresh[part::parts][: self._a_job] for part in range(parts)]
        for tasks in dealt:
            for task in tasks:
                task.starts += 1
                self._waiting.remove(task)
        several = [_Several(self._environment, [task.call for task in tasks]) for tasks in dealt]
        try:
            jobs = self._executor.submit_array(several)
        except FailedSubmissionError as error:
            raise RunError(f"Slurm took no jobs: {error}") from error
        self._jobs += [_Job(job, tasks) for job, tasks in zip(jobs, dealt, strict=True)]

    def _collect(self, one: _Job) -> Iterator[tuple[str, Any]]:
        """Take a job's results; when it has died, queue its tasks again or give up."""
        try:
            if self._cluster == "local" and not one.job.paths.result_pickle.exists():
                raise UncompletedJobError("it left no result")  # submitit would wait: a disk may be slow
            results = one.job.result()
        except (FailedJobError, UncompletedJobError) as error:
            self._bury(one, error)
            return
        for task, (well, value) in zip(one.tasks, results, strict=False):
            if not well:
                raise value
            yield task.key, value

    def _bury(self, one: _Job, error: Exception) -> None:
        for task in one.tasks:
            if task.starts >= ATTEMPTS:
                raise WorkerDiedError(
                    task.key,
                    f"the job working on '{task.key}' died {task.starts} times; its log is "
                    f"{one.job.paths.stderr} ({_cause(error)})",
                ) from error
        self._waiting.extend(one.tasks)


def _cause(error: Exception) -> str:
    """Take the line that names the error out of what submitit says."""
    lines = [line for line in str(error).splitlines() if line.strip()]
    return next((line for line in reversed(lines) if "Error:" in line), lines[0] if lines else "")


def _executor(execution: Execution, folder: Path, count: int) -> tuple[str, Any]:
    """Make submitit's executor for the address."""
    named = execution.address in ("local", "debug")
    if not named and shutil.which("srun") is None:
        raise RunError(
            "there is no Slurm on this machine (srun is not found); log in where there is, or try jobs as "
            "processes here with --address local"
        )
    cluster = str(execution.address) if named else "slurm"
    found = submitit.AutoExecutor(folder, cluster=cluster)
    told: dict[str, Any] = {"name": "cotmill", "cpus_per_task": execution.threads, "timeout_min": 240}
    told |= {"gpus_per_node": int(-(-execution.gpus // 1))} if execution.gpus else {}
    if cluster == "slurm":
        told["slurm_array_parallelism"] = count
        told |= {"slurm_partition": execution.address} if execution.address else {}
    try:
        found.update_parameters(**{**told, **execution.options})
    except NameError as error:
        raise RecipeError(f"an option of the executor is none of submitit's: {error}") from error
    return cluster, found
