"""What a run tells while it runs; the command line draws it, a test records it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol, runtime_checkable

from cotmill.recipe.graph import Step


@dataclass(frozen=True)
class Failure:
    """A step that could not be made."""

    step: Step
    message: str
    log: Path
    ours: bool
    """Whether it is a fault of cotmill rather than something that the user can put right."""

    def __str__(self) -> str:
        """Say which step of which cell failed, why, and where its log is."""
        return f"{self.step.name} ({self.step.label}) failed: {self.message} [log: {self.log}]"


@runtime_checkable
class Watcher(Protocol):
    """Hears what happens, in the order in which it happens."""

    def planned(self, steps: Sequence[Step], todo: Sequence[Step], workers: int) -> None:
        """All steps, and those of them that are not done yet."""
        ...

    def started(self, step: Step) -> None:
        """A worker has begun a step."""
        ...

    def finished(self, step: Step, seconds: float) -> None:
        """A step is done."""
        ...

    def failed(self, failure: Failure) -> None:
        """A step could not be made; its dependants will not be tried."""
        ...

    def warned(self, text: str) -> None:
        """Something that a person should know."""
        ...


@dataclass
class Silent:
    """Remembers warnings and failures, and says nothing."""

    warnings: list[str] = field(default_factory=list)
    failures: list[Failure] = field(default_factory=list)
    made: list[str] = field(default_factory=list)

    def planned(self, steps: Sequence[Step], todo: Sequence[Step], workers: int) -> None:
        """Ignore the plan."""

    def started(self, step: Step) -> None:
        """Ignore the start."""

    def finished(self, step: Step, seconds: float) -> None:
        """Remember what was made."""
        del seconds
        self.made.append(step.name)

    def failed(self, failure: Failure) -> None:
        """Remember the failure."""
        self.failures.append(failure)

    def warned(self, text: str) -> None:
        """Remember the warning."""
        self.warnings.append(text)
