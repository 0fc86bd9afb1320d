"""Run a whole recipe: data, measuring, selecting, training, evaluating, report."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from cotmill.cli.terminal.executing import with_executor

if TYPE_CHECKING:
    from cotmill.execute.executor import Execution
    from cotmill.recipe.run import Asked


@with_executor
def command(  # noqa: PLR0913 - one for each option
    recipe: Annotated[
        str, typer.Argument(help="A YAML file, or the name of a shipped recipe such as quickstart.")
    ] = "",
    *,
    out: Annotated[Path | None, typer.Option(help="Run folder; runs/NAME by default.")] = None,
    settings: Annotated[
        list[str] | None, typer.Option("--set", metavar="a.b=c", help="Change a setting; repeatable.")
    ] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Print the plan and stop.")] = False,
    device: Annotated[
        str,
        typer.Option(
            help="With --dry-run: a GPU to estimate time and memory for, h100-80gb, or h100-80gb:8."
        ),
    ] = "",
    report: Annotated[bool, typer.Option(help="Build report.html at the end.")] = True,
    schema: Annotated[
        bool, typer.Option("--schema", help="Print the JSON schema of recipes, for editors.")
    ] = False,
    execution: Execution,
) -> None:
    """Run a whole recipe and leave a Run: a folder that can be resumed, replayed and reported.

    Prints first what it will do. Called again, it does only what is not done; after a kill or a crash too.
    """
    if schema:
        from cotmill.recipe.schema import recipe_schema

        typer.echo(json.dumps(recipe_schema(), indent=2, sort_keys=True))
        return
    if not recipe:
        raise typer.BadParameter("name a recipe: a YAML file, or a shipped one such as quickstart")
    if device and not dry_run:
        raise typer.BadParameter("--device estimates and runs nothing; add --dry-run")
    from cotmill.cli.terminal.running import planned

    asked = planned(recipe, out, [*_told(execution), *(settings or [])], execution.workers)
    if dry_run:
        _tell(asked, device)
    else:
        _run(asked, report=report)


def _told(execution: Execution) -> list[str]:
    """Write the options of the executor as settings of the recipe; how many workers is the machine's."""
    found = execution.model_dump(exclude_defaults=True, exclude={"workers"})
    return [f"execute.{name}={json.dumps(value)}" for name, value in found.items()]


def _tell(asked: Asked, device: str) -> None:
    """Say what would be done, here or on a device."""
    from cotmill.cli.terminal.elsewhere import device_lines
    from cotmill.cli.terminal.running import plan_lines, unmade

    todo = unmade(asked)
    for line in device_lines(asked, todo, device) if device else plan_lines(asked, None, todo):
        typer.echo(line)


def _run(asked: Asked, *, report: bool) -> None:
    """Tell, run, report."""
    from cotmill.cli.terminal.running import carried_out, conclusion_lines

    folder = carried_out(asked)
    for line in conclusion_lines(folder):
        typer.echo(line)
    typer.echo(f"Run: {folder}")
    if report:
        _report(folder)


def _report(folder: Path) -> None:
    """Build the page and say where it is."""
    from cotmill.report.build import build_report

    page = folder / "report.html"
    build_report([folder], page)
    typer.echo(f"Report: {page.resolve().as_uri()}")
