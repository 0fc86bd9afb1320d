"""Measure the loss of every row's answer under a model."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from cotmill.cli.terminal.executing import with_executor

if TYPE_CHECKING:
    from cotmill.execute.executor import Execution


@with_executor
def command(  # noqa: PLR0913 - every option is one of the command line
    model: Annotated[str, typer.Argument(help="A folder, a hub name, or a model of the lab.")],
    data: Annotated[str, typer.Argument(help="A file, a folder, a pool, or a name on the hub.")],
    *,
    out: Annotated[Path, typer.Option(help="Parquet file to write to.")],
    max_length: Annotated[int | None, typer.Option(help="Cut rows to so many tokens.")] = None,
    form: Annotated[str, typer.Option(help="How a row becomes tokens: auto, plain or chat.")] = "auto",
    part: Annotated[str | None, typer.Option(help="Do only this part, 2/8; then once without it.")] = None,
    threads: Annotated[int | None, typer.Option(help="Threads of torch.")] = None,
    execution: Execution,
) -> None:
    """Measure the loss of every row's answer under a model; the same command goes on where it stopped."""
    from cotmill.cli.terminal.measuring import finish, opened, work_folder
    from cotmill.measure.losses import measure_losses
    from cotmill.measure.shards import Part

    lm, pool = opened(model, data, threads, passes=1, max_length=max_length)
    with execution.start() as executor:
        losses = measure_losses(
            lm,
            pool,
            max_length=max_length,
            form=form,  # type: ignore[arg-type]  # checked when rows are rendered
            work=work_folder(out),
            part=None if part is None else Part.parse(part),
            executor=executor,
        )
    if part is not None:
        typer.echo(f"part {part} is done: {len(losses):,} of {len(pool):,} rows")
        return
    finish(losses, out)
    mean = losses.loss_sum[losses.tokens > 0].sum() / max(1, losses.tokens.sum())
    typer.echo(
        f"{len(losses):,} rows, {losses.tokens.sum():,} answer tokens, {mean:.4f} nats each; "
        f"{losses.truncated.sum():,} rows cut, {losses.unmeasured.sum():,} without an answer token; "
        f"written to {out}"
    )
