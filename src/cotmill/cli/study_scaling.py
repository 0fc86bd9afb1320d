"""Run a grid of bases, amounts of data and methods, and fit scaling laws to it."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer


def command(  # noqa: PLR0913 - every option is one of the command line
    recipe: Annotated[
        str, typer.Argument(help="A recipe with a grid: scaling, scaling_bases, scaling_full, or your own.")
    ] = "scaling",
    *,
    out: Annotated[Path | None, typer.Option(help="Run folder; runs/NAME by default.")] = None,
    settings: Annotated[
        list[str] | None, typer.Option("--set", metavar="a.b=c", help="Change a setting; repeatable.")
    ] = None,
    workers: Annotated[int | None, typer.Option(min=1, help="Steps made side by side.")] = None,
    device: Annotated[
        str, typer.Option(help="State hours of: cpu-core, rtx-4090, l40s, a100-80gb, h100-80gb, h200.")
    ] = "cpu-core",
    utilisation: Annotated[
        float | None, typer.Option(min=0.001, max=1.0, help="Share of its peak that training reaches.")
    ] = None,
    test: Annotated[str | None, typer.Option(help="Fit this test; the first by default.")] = None,
    facts: Annotated[
        Path | None, typer.Option(help="JSON: base → {parameters, loss}, for bases that are not the lab's.")
    ] = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Print the plan and the costs, and stop.")
    ] = False,
) -> None:
    """Run a grid of bases, amounts of data, methods and seeds, and fit scaling laws to what comes of it.

    Prints first what every setting will cost. What settings share is made once. Called again, it goes on
    where it stopped. The page is RUN/study/scaling.html, with costs as forecast and as measured.
    """
    from cotmill.cli.terminal.running import plan_lines, planned, unmade
    from cotmill.cli.terminal.studying import cost_lines
    from cotmill.study.cost import find_device
    from cotmill.study.forecast import cost_table

    stated = find_device(device, utilisation)
    asked = planned(recipe, out, settings or [], workers)
    for line in cost_lines(cost_table(asked.plan, stated)):
        typer.echo(line)
    if dry_run:
        for line in plan_lines(asked, None, unmade(asked)):
            typer.echo(line)
        return
    _run_and_fit(asked, stated, test, facts)


def _run_and_fit(asked: Any, stated: Any, test: str | None, facts: Path | None) -> None:
    """Make the Run, fit, and write the page into it."""
    from cotmill.cli.terminal.running import carried_out
    from cotmill.cli.terminal.studying import cost_lines, law_lines, write_laws
    from cotmill.study.fit import fit_all
    from cotmill.study.forecast import cost_table
    from cotmill.study.sources import read_sources

    folder = carried_out(asked)
    cost = cost_table(asked.plan, stated, folder)
    for line in cost_lines(cost):
        typer.echo(line)
    found = fit_all(read_sources([folder], facts), test=test, source=folder.name) | {"cost": cost}
    for line in law_lines(found):
        typer.echo(line)
    page = folder / "study" / "scaling.html"
    write_laws(found, page)
    typer.echo(f"Run: {folder}")
    typer.echo(f"Page: {page.resolve().as_uri()}")
