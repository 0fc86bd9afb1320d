"""Look at this machine, and at a model if one is named, and say what would go wrong and what to do."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer


def command(
    *,
    model: Annotated[
        str | None, typer.Option(help="Also look at a model: a path, a hub name, or lab:llama-0.25m.")
    ] = None,
    folder: Annotated[Path, typer.Option(help="Where Runs will be written.")] = Path("runs"),
) -> None:
    """Check the machine, the installation and, with --model, a model's traps.

    Exit code 2 means that something has to be done before cotmill can work.
    """
    from cotmill.cli.terminal.checks import Check, machine_checks

    found: list[Check] = machine_checks(folder)
    if model is not None:
        from cotmill.cli.terminal.model_checks import model_checks

        found += model_checks(model)
    for check in found:
        typer.echo(f"{check.verdict.value:<5} {check.what}: {check.found}")
        if check.advice:
            typer.echo(f"      → {check.advice}")
    if any(check.wrong for check in found):
        raise typer.Exit(2)
