"""Turn a recipe into a Run: plan, make what is missing, collect the numbers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from cotmill.core.errors import CotmillError, RunError
from cotmill.core.files import read_json, remove, write_checked_json, write_text
from cotmill.core.ids import content_id
from cotmill.core.machine import machine_trouble
from cotmill.core.provenance import cpus, find_gpus, provenance
from cotmill.core.runs import LAYOUT, locked, log_line, sweep
from cotmill.recipe.collect import collect, write_cells
from cotmill.recipe.estimate import is_tiny
from cotmill.recipe.load import LoadedRecipe
from cotmill.recipe.plan import Plan, plan_recipe
from cotmill.recipe.runner import Runner, machine_share
from cotmill.recipe.schema import Execute
from cotmill.recipe.steps import KINDS
from cotmill.recipe.watch import Failure, Silent, Watcher

STEPS_AWAY = 64
"""Steps that an engine elsewhere is given at a time, unless a number is named."""
OURS = (".lock", ".workers", "log.txt")
"""What a Run folder may hold before it has a run.json."""


class RunFailed(CotmillError):  # noqa: N818 - the steps are what failed; this tells of it
    """Some steps failed through a fault of ours; the others are done and kept."""


@dataclass(frozen=True)
class Asked:
    """A recipe with the Run that it becomes and how."""

    loaded: LoadedRecipe
    plan: Plan
    folder: Path
    workers: int
    threads: int
    gpus: tuple[str, ...] = ()
    execute: Execute = field(default_factory=Execute)

    @property
    def fingerprint(self) -> str:
        """Hash what decides every result: all steps and how they make up the cells."""
        parts = [part for one in self.plan.cells for part in (one.cell.label, *sorted(one.steps.values()))]
        return content_id("run", *parts)


def prepare(loaded: LoadedRecipe, folder: Path | None = None, *, workers: int | None = None) -> Asked:
    """Plan a Run without touching anything.

    Raises:
        RecipeError: what the recipe names is not there.
    """
    models = {cell.pipeline.model for cell in loaded.cells}
    models |= {cell.pipeline.proxy.model for cell in loaded.cells if cell.pipeline.proxy.model}
    samples = [cell.pipeline.sample for cell in loaded.cells if cell.pipeline.sample is not None]
    models |= {name for sample in samples for name in sample.models if name is not None}
    tiny = all(is_tiny(model) for model in models)
    gpus = find_gpus()
    folder, execute = folder or Path("runs") / loaded.varied.name, loaded.varied.execute
    if workers is not None:
        execute = execute.model_copy(update={"workers": workers})
    if execute.engine == "local" and execute.share == "steps":
        share = machine_share(tiny=tiny, workers=execute.workers, cores=cpus(), gpus=len(gpus))
    else:
        folder = folder.absolute()  # elsewhere the working directory is another
        share = (execute.workers or STEPS_AWAY if execute.share == "steps" else 1), execute.threads
    return Asked(loaded, plan_recipe(loaded), folder, *share, gpus, execute)


def run_recipe(asked: Asked, watcher: Watcher | None = None) -> Path:
    """Make the Run; called again, it goes on where it stopped.

    Raises:
        RunError: another process works on it, or a step failed through something the user can mend.
        RunFailed: a step failed through a fault of ours.
        Stopped: a signal came.
    """
    _refuse_foreign(asked.folder)
    try:
        failures = _make(asked, watcher or Silent())
    except OSError as error:
        said = machine_trouble(error)
        if said is None:
            raise
        raise RunError(said) from error
    if failures:
        _complain(failures)
    return asked.folder


def _make(asked: Asked, watcher: Watcher) -> list[Failure]:
    """Make the steps and the tables, holding the Run."""
    folder, plan = asked.folder, asked.plan
    with locked(folder):
        sweep(folder)
        _write_head(asked, watcher)
        runner = Runner(folder, KINDS, asked.workers, asked.threads, watcher, asked.gpus, asked.execute)
        failures = runner.make(list(plan.steps.values()))
        collect(folder, plan, asked.loaded.varied)
        if not failures:
            remove(folder / "work")
        log_line(folder, f"ended with {len(failures)} failed steps")
    return failures


def _refuse_foreign(folder: Path) -> None:
    """Do not write a Run into a folder that holds something else."""
    if folder.is_file():
        raise RunError(f"{folder} is a file; choose another --out")
    if not folder.exists() or (folder / "run.json").exists():
        return
    foreign = [path.name for path in folder.iterdir() if path.name not in OURS and path.suffix != ".part"]
    if foreign:
        raise RunError(f"{folder} is not a Run but holds {foreign[0]}; choose another --out, or empty it")


def _write_head(asked: Asked, watcher: Watcher) -> None:
    """Write recipe.yaml and run.json; they are a function of the recipe, its inputs and this installation."""
    folder, told = asked.folder, provenance()
    head: dict[str, Any] = {
        "layout": LAYOUT,
        "name": asked.loaded.varied.name,
        "fingerprint": asked.fingerprint,
        "recipe_fingerprint": asked.loaded.fingerprint,
        "started_in": str(Path.cwd()),
        "workers": asked.workers,
        "threads": asked.threads,
        "provenance": told,
    }
    before = read_json(folder / "run.json") if (folder / "run.json").exists() else None
    if before is not None and before.get("layout") != LAYOUT:
        raise RunError(
            f"{folder} has layout {before.get('layout')}, this cotmill writes {LAYOUT}; choose another --out"
        )
    changed = [name for name in head if before is not None and before.get(name) != head[name]]
    if changed:
        log_line(folder, f"changed since the last start: {', '.join(changed)}")
    moved = _moved_versions(before, told) if before is not None else []
    if moved:
        watcher.warned(f"finished steps are kept, though they were made with {', '.join(moved)}")
    write_checked_json(folder / "run.json", head)
    write_text(folder / "recipe.yaml", asked.loaded.text)
    write_cells(folder, asked.plan, asked.loaded.varied)
    log_line(
        folder,
        f"started: {asked.loaded.varied.name}, {len(asked.plan.cells)} cells, {len(asked.plan.steps)} steps",
    )


def _moved_versions(before: Mapping[str, Any], now: Mapping[str, Any]) -> list[str]:
    """Name the versions that an earlier start of this Run had, where they are others now."""
    then = before.get("provenance") or {}
    old = {"cotmill": then.get("cotmill"), "python": then.get("python"), **(then.get("packages") or {})}
    new = {"cotmill": now["cotmill"], "python": now["python"], **now["packages"]}
    return [f"{name} {value} (now {new.get(name)})" for name, value in old.items() if new.get(name) != value]


def _complain(failures: list[Failure]) -> None:
    """Raise what failed as one error."""
    said = "\n  ".join(str(failure) for failure in failures)
    text = f"{len(failures)} steps failed; all others are done and kept:\n  {said}\n"
    text += "Mend it, then run the same command again."
    raise (RunFailed if any(failure.ours for failure in failures) else RunError)(text)
