"""Steps and what they need: the graph that a recipe becomes.

A step is named by a hash of its kind, its config and the names of its inputs (`core.runs.StepRecord`), so
that equal steps of different cells are one step, in one Run and across Runs.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from cotmill.core.runs import StepRecord
from cotmill.execute.executor import Execution


@dataclass(frozen=True)
class Task:
    """What the function of a step is given: everything it may read, and the folder it writes to."""

    config: Mapping[str, Any]
    inputs: Mapping[str, Path]
    """Role to the folder of the finished step that fills it."""
    out: Path
    places: Mapping[str, str] = field(default_factory=dict)
    """Where files and models lie on this machine; the config holds their hashes instead."""
    threads: int = 1
    gpus: tuple[str, ...] = ()
    execution: Execution = field(default_factory=Execution)
    """By whom the shards of the step are done; by this process, unless the recipe shares them out."""


Make = Callable[[Task], None]


@dataclass(frozen=True)
class Kind:
    """One kind of step: how it is made, and the version of what it leaves."""

    make: Make
    version: int
    """Raised when the same config would leave something else; then old steps are made again."""
    resumes: bool = False
    """Whether an unfinished folder is kept after a kill, to be gone on with."""


@dataclass(frozen=True)
class Step:
    """A step that is planned, for all cells that need it."""

    record: StepRecord
    label: str
    """The first cell that needs it, in words."""
    places: Mapping[str, str] = field(default_factory=dict)
    rows: int = 0
    """Roughly how many rows it has to do with."""
    row_bytes: float = 0.0
    """Roughly how long a row is."""
    tokens: float = 0.0
    """Roughly how many tokens pass through a model, forward passes; training counts three."""
    seconds: float = 0.0
    """Roughly how long it takes on one worker."""

    @property
    def name(self) -> str:
        """Name of the step and of its folder."""
        return self.record.name

    @property
    def kind(self) -> str:
        """Kind of the step."""
        return self.record.kind


def in_order(steps: Iterable[Step]) -> list[Step]:
    """List every step once, after all that it needs; inputs that are not among the steps are there already.

    >>> in_order([])
    []
    """
    known = {step.name: step for step in steps}
    ordered: dict[str, Step] = {}

    def visit(name: str) -> None:
        if name in ordered:
            return
        for needed in known[name].record.inputs.values():
            if needed in known:
                visit(needed)
        ordered[name] = known[name]

    for name in known:
        visit(name)
    return list(ordered.values())


def dependants(steps: Iterable[Step], names: Iterable[str]) -> set[str]:
    """Name all steps that need one of the named ones, directly or not.

    >>> dependants([], ["x"])
    set()
    """
    lost = set(names)
    first = set(lost)
    for step in in_order(steps):
        if lost & set(step.record.inputs.values()):
            lost.add(step.name)
    return lost - first
