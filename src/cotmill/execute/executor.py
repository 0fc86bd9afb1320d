"""Where tasks are done: an Execution says it, an Executor does it, and no stage knows which engine it is.

    with Execution(engine="ray", address="auto", gpus=1).start() as executor:
        for rows in executor.each(work, shards): ...

The engines are `local` (worker processes on this machine, or this very process when there is one worker),
`ray` (actors on a Ray cluster) and `slurm` (job arrays by submitit). What is done is cut the same way
whatever the engine is, so the results are the same.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, field_validator

from cotmill.core.provenance import cpus, find_gpus
from cotmill.execute.away import with_mirrors
from cotmill.execute.local import Workers
from cotmill.execute.team import Item, Result, Team, as_they_end, in_order

NARROW = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS", "NUMEXPR_NUM_THREADS")
"""Variables that keep the libraries of a worker to its share of the cores."""
Value = str | int | float | bool


class Execution(BaseModel):
    """Where tasks are done, and with what; none of it decides a result."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    engine: Literal["local", "ray", "slurm"] = "local"
    workers: int | None = Field(default=None, ge=1)
    """Most workers at a time. None: one (local), what the cluster holds now (ray), 16 jobs (slurm)."""
    address: str | None = None
    """ray: of the cluster, `auto` or HOST:PORT; none: RAY_ADDRESS, else a cluster on this machine alone.
    slurm: the partition; `local` runs the jobs as processes here, `debug` in this process."""
    cpus: int | None = Field(default=None, ge=1)
    """Cores of a worker; its libraries use as many threads. None: an equal share here, one elsewhere."""
    gpus: float = Field(default=0, ge=0)
    """GPUs of a worker; on Ray also a part of one. local: GPUs are dealt out in turn."""
    options: dict[str, Value] = {}
    """More for the engine: arguments of a Ray actor, or parameters of submitit (`slurm_time`, …)."""

    @field_validator("workers", mode="before")
    @classmethod
    def _in_words(cls, value: Any) -> Any:
        return None if value == "auto" else value

    @property
    def here(self) -> bool:
        """Whether all is done in this process."""
        return self.engine == "local" and (self.workers or 1) == 1

    @property
    def threads(self) -> int:
        """Cores of a worker, settled."""
        return self.cpus or (max(1, cpus() // (self.workers or 1)) if self.engine == "local" else 1)

    @property
    def told(self) -> str:
        """Say it in words.

        >>> Execution().told, Execution(engine="ray", workers=8, gpus=1).told
        ('this process', '8 workers of ray, 1 GPU each')
        """
        if self.here:
            return "this process"
        count = "workers" if self.workers is None else f"{self.workers} workers"
        return f"{count} of {self.engine}" + (f", {self.gpus:g} GPU each" if self.gpus else "")

    def start(self) -> Executor:
        """Make an executor; it starts workers when it is first given something to do."""
        return Executor(self)

    def environment(self) -> dict[str, str]:
        """Variables of a worker."""
        return {**dict.fromkeys(NARROW, str(self.threads)), "TOKENIZERS_PARALLELISM": "false"}

    def team(self, *, environment: Mapping[str, str] | None = None, a_job: int | None = None) -> Team:
        """Make the workers; `a_job` is how many tasks a job of Slurm does, one after the other."""
        return with_mirrors(self._team(environment or self.environment(), a_job))

    def _team(self, told: Mapping[str, str], a_job: int | None) -> Team:
        if self.engine == "ray":
            from cotmill.execute.ray import RayTeam

            return RayTeam(self, told)
        if self.engine == "slurm":
            from cotmill.execute.slurm import SlurmTeam

            return SlurmTeam(self, told, a_job)
        return Workers(self.workers or 1, environment=told, gpus=self.dealt())

    def dealt(self) -> tuple[str, ...]:
        """Name the GPUs that worker processes here share."""
        if not self.gpus:
            return ()
        return find_gpus()


class Executor:
    """Maps functions over items by the workers of an Execution; use it in a `with` block.

    The workers stay until the block ends, so that what a function keeps in its process (a model) is
    loaded once in each. Functions and items must be importable and picklable, unless all is done here.
    """

    def __init__(self, execution: Execution) -> None:
        """Start nothing yet."""
        self.execution = execution
        self._team: Team | None = None

    @property
    def here(self) -> bool:
        """Whether all is done in this process."""
        return self.execution.here

    def __enter__(self) -> Executor:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """End the workers."""
        team, self._team = self._team, None
        if team is not None:
            team.__exit__(None, None, None)

    def map(self, function: Callable[[Item], Result], items: Iterable[Item]) -> Iterator[Result]:
        """Yield `function(item)` for every item, in order; items are read a little ahead."""
        return self._by(in_order, function, items)

    def each(self, function: Callable[[Item], Result], items: Iterable[Item]) -> Iterator[Result]:
        """Yield `function(item)` for every item, as they end."""
        return self._by(as_they_end, function, items)

    def _by(self, how: Callable[..., Iterator[Any]], function: Any, items: Iterable[Any]) -> Iterator[Any]:
        if self.here:
            yield from map(function, items)
            return
        whole = False
        try:
            yield from how(self.team(), function, items)
            whole = True
        finally:
            if not whole:  # tasks are still under way; they must not turn up in the next map
                self.close()

    def team(self) -> Team:
        """Start the workers, or return those there are."""
        if self._team is None:
            self._team = self.execution.team()
            self._team.__enter__()
        return self._team
