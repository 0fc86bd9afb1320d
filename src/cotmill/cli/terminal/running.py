"""How a run is shown: its plan first, then a bar on a terminal, or a line a step anywhere else."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import typer

from cotmill.core.machine import Need, free_disk, free_memory, refuse_unless_it_fits
from cotmill.core.runs import STEP
from cotmill.recipe.estimate import IMPORTING, disk_gb, memory_gb
from cotmill.recipe.graph import Step
from cotmill.recipe.load import find_recipe, load_recipe
from cotmill.recipe.run import Asked, prepare
from cotmill.recipe.watch import Failure, Watcher


def planned(name: str, out: Path | None, settings: list[str], workers: int | None) -> Asked:
    """Plan a recipe that is named or lies in a Run; one that lies in a Run goes on there."""
    path = find_recipe(name)
    if out is None and (path.parent / "run.json").is_file():
        out = path.parent
    return prepare(load_recipe(path, settings), out, workers=workers)


def plan_lines(asked: Asked, steps: Sequence[Step] | None, todo: Sequence[Step]) -> Iterator[str]:
    """Say what will be done: cells, steps of each kind, rows, tokens, and roughly how long it takes."""
    steps = list(asked.plan.steps.values()) if steps is None else steps
    varied = asked.loaded.varied
    arms = len(varied.arm_names)
    points = len(asked.plan.cells) // arms // len(varied.seeds)
    grid = f" × {points} grid points" if points > 1 else ""
    yield (
        f"{varied.name}: {arms} arms{grid} × {len(varied.seeds)} seeds = {len(asked.plan.cells)} cells, "
        f"{len(steps)} steps, {asked.workers} side by side, {asked.threads} threads each → {asked.folder}"
    )
    names = {step.name for step in todo}
    for kind in dict.fromkeys(step.kind for step in steps):
        of_kind = [step for step in steps if step.kind == kind]
        left = [step for step in of_kind if step.name in names]
        parts = [f"{len(of_kind) - len(left)} done"] if len(left) < len(of_kind) else []
        if kind in ("data", "test", "measure"):
            parts.append(f"{max(step.rows for step in of_kind):,} rows")
        if tokens := sum(step.tokens for step in left):
            parts.append(f"about {short(tokens)} tokens, {duration(sum(step.seconds for step in left))}")
        yield f"  {kind:<9}{len(of_kind):>4}  {', '.join(parts)}".rstrip()
    if not todo:
        yield "everything is done already"
        return
    yield f"about {duration(remaining(todo, asked.workers))} to go; a guess until some steps are done"
    yield from needs(asked, todo)


def needs(asked: Asked, todo: Sequence[Step]) -> Iterator[str]:
    """Say how much memory and disk the trainings will take, and how much there is."""
    need = need_of(asked, todo)
    if not need.disk:
        return
    memory, free = free_memory(), free_disk(asked.folder)
    there = "" if memory is None else f" ({memory:.1f} GB free)"
    yield (
        f"about {need.memory:.1f} GB memory{there}, {need.disk:.2f} GB on disk for trained models "
        f"({free:.0f} GB free)"
    )


def need_of(asked: Asked, todo: Sequence[Step]) -> Need:
    """Add up what the trainings will take; where there are GPUs, the memory is theirs and not known here."""
    trained = [step for step in todo if step.kind == "train"]
    models = [step.places.get("model", str(step.record.config["model"]["name"])) for step in trained]
    memory = max((memory_gb(model, asked.workers) for model in set(models)), default=0.0)
    return Need(0.0 if asked.gpus else memory, disk_gb(models))


def remaining(todo: Sequence[Step], workers: int) -> float:
    """Guess the time that steps take on some workers."""
    return IMPORTING + sum(step.seconds for step in todo) / max(1, workers)


def unmade(asked: Asked) -> list[Step]:
    """List the steps that have no record yet, without checking those that have."""
    steps = asked.plan.steps.values()
    return [step for step in steps if not (asked.folder / "steps" / step.name / STEP).is_file()]


def conclusion_lines(folder: Path) -> Iterator[str]:
    """Say what a finished Run found about its factors; nothing where its recipe has none."""
    if (folder / "effects.json").is_file():
        from cotmill.report.conclusions import conclusions
        from cotmill.report.read import read_run

        yield from conclusions(read_run(folder))


def short(number: float) -> str:
    """Write a large number in three digits.

    >>> short(12_345_678.0), short(999.0)
    ('12.3M', '999')
    """
    for scale, letter in ((1e12, "T"), (1e9, "G"), (1e6, "M"), (1e3, "k")):
        if number >= scale:
            return f"{number / scale:.3g}{letter}"
    return f"{number:.0f}"


def duration(seconds: float) -> str:
    """Write a time as people say it.

    >>> duration(8.4), duration(200.0), duration(9000.0)
    ('8 s', '3 min 20 s', '2 h 30 min')
    """
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60} s"
    return f"{whole // 3600} h {whole % 3600 // 60} min"


class Lines:
    """A line when a step is done; the time to go is guessed from the steps that are."""

    def __init__(self, asked: Asked) -> None:
        """Remember what is asked, to guess by."""
        self.asked = asked
        self.left: dict[str, Step] = {}
        self.total = self.done = 0
        self.guessed = self.took = 1e-9
        self.began = time.monotonic()

    def planned(self, steps: Sequence[Step], todo: Sequence[Step], workers: int) -> None:
        """Print the plan."""
        del workers
        self.left, self.total = {step.name: step for step in todo}, len(todo)
        for line in plan_lines(self.asked, steps, todo):
            typer.echo(line)

    def started(self, step: Step) -> None:
        """Say nothing at the start of a step."""

    def finished(self, step: Step, seconds: float) -> None:
        """Count the step and print its line."""
        self.count(step, seconds)
        typer.echo(f"[{self.done}/{self.total}] {step.kind} ({step.label}) {seconds:.1f} s{self.to_go()}")

    def count(self, step: Step, seconds: float) -> None:
        """Learn from a finished step how far the guesses are off."""
        self.left.pop(step.name, None)
        self.done += 1
        self.guessed, self.took = self.guessed + step.seconds, self.took + seconds

    def to_go(self) -> str:
        """Guess the rest."""
        if not self.left or self.done < 3:
            return ""
        rest = (
            sum(step.seconds for step in self.left.values()) / self.asked.workers * self.took / self.guessed
        )
        return f", about {duration(rest)} to go"

    def failed(self, failure: Failure) -> None:
        """Say what failed as soon as it does."""
        typer.echo(f"failed: {failure}", err=True)

    def warned(self, text: str) -> None:
        """Print a warning."""
        typer.echo(f"warning: {text}", err=True)


class Bar(Lines):
    """A bar that moves with the steps, and the names of those that are being made."""

    def __init__(self, asked: Asked, bar: Any) -> None:
        """Draw into a rich progress display."""
        super().__init__(asked)
        self.bar, self.task = bar, None
        self.running: dict[str, str] = {}

    def planned(self, steps: Sequence[Step], todo: Sequence[Step], workers: int) -> None:
        """Print the plan and start the bar."""
        super().planned(steps, todo, workers)
        if todo:
            self.task = self.bar.add_task("", total=sum(step.seconds for step in todo), what="")

    def started(self, step: Step) -> None:
        """Show the step as being made."""
        self.running[step.name] = f"{step.kind} ({step.label})"
        self._show()

    def finished(self, step: Step, seconds: float) -> None:
        """Move the bar."""
        self.count(step, seconds)
        self.running.pop(step.name, None)
        self.bar.advance(self.task, step.seconds)
        self._show()

    def failed(self, failure: Failure) -> None:
        """Say what failed, above the bar."""
        self.running.pop(failure.step.name, None)
        self.bar.console.print(f"failed: {failure}", markup=False)
        self._show()

    def _show(self) -> None:
        what = f"{self.done}/{self.total}{self.to_go()} · {', '.join(self.running.values())}"
        self.bar.update(self.task, what=what)


@contextmanager
def watching(asked: Asked) -> Iterator[Watcher]:
    """Draw a bar where there is a terminal, lines elsewhere."""
    if not sys.stdout.isatty():
        yield Lines(asked)
        return
    from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

    what = TextColumn("{task.fields[what]}", markup=False)
    with Progress(
        BarColumn(bar_width=30), TimeElapsedColumn(), what, transient=True, refresh_per_second=2
    ) as bar:
        yield Bar(asked, bar)


def carried_out(asked: Asked) -> Path:
    """Make the Run and show how it goes; a stop or a fault ends the command with its exit code.

    Raises:
        MachineError: it cannot fit into memory or onto the disk.
    """
    from cotmill.core.stopping import STOPPED, Stopped
    from cotmill.recipe.run import RunFailed, run_recipe

    refuse_unless_it_fits(need_of(asked, unmade(asked)), asked.folder)
    try:
        with watching(asked) as watcher:
            return run_recipe(asked, watcher)
    except Stopped as stopped:
        typer.echo(
            f"stopped by {stopped}; all finished steps are kept in {asked.folder}. "
            "Type the same command again to go on.",
            err=True,
        )
        raise typer.Exit(STOPPED) from None
    except RunFailed as failed:
        typer.echo(f"error: {failed}", err=True)
        raise typer.Exit(1) from None
