"""Measure the loss of every row at the snapshots of a training."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from cotmill.cli.terminal.executing import with_executor

if TYPE_CHECKING:
    from cotmill.execute.executor import Execution

_MODELS = "The folder of a training made with --checkpoints, or several STEP=MODEL."


@with_executor
def command(
    models: Annotated[list[str], typer.Argument(help=_MODELS)],
    *,
    data: Annotated[str, typer.Option(help="A file, a folder, a pool, or a name on the hub.")],
    out: Annotated[Path, typer.Option(help="Parquet file to write to.")],
    max_length: Annotated[int | None, typer.Option(help="Cut rows to so many tokens.")] = None,
    form: Annotated[str, typer.Option(help="How a row becomes tokens: auto, plain or chat.")] = "auto",
    threads: Annotated[int | None, typer.Option(help="Threads of torch.")] = None,
    execution: Execution,
) -> None:
    """Measure the loss of every row at the snapshots of a training; goes on where it stopped."""
    from cotmill.cli.terminal.measuring import finish, opened, points_of, work_folder
    from cotmill.measure.trajectories import measure_trajectories

    points = points_of(models)
    first = str(next(iter(points.values())))
    _, pool = opened(first, data, threads, passes=len(points), max_length=max_length)
    with execution.start() as executor:
        found = measure_trajectories(
            points,
            pool,
            max_length=max_length,
            form=form,  # type: ignore[arg-type]  # checked when rows are rendered
            work=work_folder(out),
            executor=executor,
        )
    finish(found, out)
    typer.echo(f"{len(found):,} rows at steps {', '.join(map(str, found.steps))}; written to {out}")
