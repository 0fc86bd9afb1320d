"""Read every row once: losses, confidence, ranks, embeddings, gradient norms."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from cotmill.cli.terminal.executing import with_executor

if TYPE_CHECKING:
    from cotmill.execute.executor import Execution

_PART = "Beside the readings: bare, gradient, mean, last, weighted; may be given several times."


@with_executor
def command(  # noqa: PLR0913 - every option is one of the command line
    model: Annotated[str, typer.Argument(help="A folder, a hub name, or a model of the lab.")],
    data: Annotated[str, typer.Argument(help="A file, a folder, a pool, or a name on the hub.")],
    *,
    out: Annotated[Path, typer.Option(help="Folder to write to, one file for each kind of evidence.")],
    also: Annotated[list[str] | None, typer.Option("--part", help=_PART)] = None,
    max_length: Annotated[int | None, typer.Option(help="Cut rows to so many tokens.")] = None,
    form: Annotated[str, typer.Option(help="How a row becomes tokens: auto, plain or chat.")] = "auto",
    shards: Annotated[str | None, typer.Option(help="Do only these, 2/8; then once without it.")] = None,
    threads: Annotated[int | None, typer.Option(help="Threads of torch.")] = None,
    execution: Execution,
) -> None:
    """Read every row once, for all selectors that need a forward pass; goes on where it stopped."""
    from cotmill.cli.terminal.measuring import finish, opened, work_folder
    from cotmill.evidence.parts import checked
    from cotmill.measure.forward import measure_forward
    from cotmill.measure.shards import Part

    parts = checked(also or ())
    lm, pool = opened(model, data, threads, passes=1 + ("bare" in parts), max_length=max_length)
    with execution.start() as executor:
        found = measure_forward(
            lm,
            pool,
            parts=parts,
            max_length=max_length,
            form=form,  # type: ignore[arg-type]  # checked when rows are rendered
            work=work_folder(out),
            part=None if shards is None else Part.parse(shards),
            executor=executor,
        )
    if shards is not None:
        typer.echo(f"part {shards} is done")
        return
    for name, evidence in found.items():
        finish(evidence, out / name)
        typer.echo(f"{len(evidence):,} rows of {evidence.kind} written to {out / name}")
    from shutil import rmtree

    rmtree(work_folder(out), ignore_errors=True)
