"""Count the tokens of every row as a model reads it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from cotmill.cli.terminal.executing import with_executor

if TYPE_CHECKING:
    from cotmill.execute.executor import Execution


@with_executor
def command(
    model: Annotated[str, typer.Argument(help="A folder, a hub name, or a model of the lab.")],
    data: Annotated[str, typer.Argument(help="A file, a folder, a pool, or a name on the hub.")],
    *,
    out: Annotated[Path, typer.Option(help="Parquet file to write to.")],
    max_length: Annotated[int | None, typer.Option(help="Cut rows to so many tokens.")] = None,
    form: Annotated[str, typer.Option(help="How a row becomes tokens: auto, plain or chat.")] = "auto",
    execution: Execution,
) -> None:
    """Count the tokens of every row as a model reads it: prompt, answer, end-of-text token."""
    from cotmill.cli.terminal.measuring import finish, opened, work_folder
    from cotmill.measure.lengths import measure_lengths

    lm, pool = opened(model, data, None, passes=0, max_length=max_length)
    with execution.start() as executor:
        lengths = measure_lengths(
            lm,
            pool,
            max_length=max_length,
            form=form,  # type: ignore[arg-type]  # checked when rows are rendered
            work=work_folder(out),
            executor=executor,
        )
    finish(lengths, out)
    typer.echo(f"{len(lengths):,} rows, {lengths.tokens.sum():,} tokens; written to {out}")
