"""Run a whole recipe: data, measuring, selecting, training, evaluating, report."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer


def command(
    recipe: Annotated[
        str, typer.Argument(help="A YAML file, or the name of a shipped recipe such as quickstart.")
    ] = "",
    *,
    out: Annotated[Path | None, typer.Option(help="Run folder; runs/NAME by default.")] = None,
    settings: Annotated[
        list[str] | None, typer.Option("--set", metavar="a.b=c", help="Change a setting; repeatable.")
    ] = None,
    workers: Annotated[
        int | None, typer.Option(min=1, help="Steps made side by side; by default as fits the machine.")
    ] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Print the plan and stop.")] = False,
    report: Annotated[bool, typer.Option(help="Build report.html at the end.")] = True,
    schema: Annotated[
        bool, typer.Option("--schema", help="Print the JSON schema of recipes, for editors.")
    ] = False,
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
    _run(recipe, out, settings or [], workers, dry_run=dry_run, report=report)


def _run(
    name: str, out: Path | None, settings: list[str], workers: int | None, *, dry_run: bool, report: bool
) -> None:
    """Plan, tell, run, report."""
    from cotmill.cli.terminal.running import conclusion_lines, plan_lines, unmade, watching
    from cotmill.core.stopping import STOPPED, Stopped
    from cotmill.recipe.load import find_recipe, load_recipe
    from cotmill.recipe.run import RunFailed, prepare, run_recipe

    path = find_recipe(name)
    if out is None and (path.parent / "run.json").is_file():
        out = path.parent
    asked = prepare(load_recipe(path, settings), out, workers=workers)
    if dry_run:
        for line in plan_lines(asked, list(asked.plan.steps.values()), unmade(asked)):
            typer.echo(line)
        return
    try:
        with watching(asked) as watcher:
            folder = run_recipe(asked, watcher)
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
