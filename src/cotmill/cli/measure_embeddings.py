"""Embed every row by a sentence-transformers model."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from cotmill.cli.terminal.executing import with_executor

if TYPE_CHECKING:
    from cotmill.execute.executor import Execution


@with_executor
def command(
    model: Annotated[str, typer.Argument(help="A folder or hub name of a sentence-transformers model.")],
    data: Annotated[str, typer.Argument(help="A file, a folder, a pool, or a name on the hub.")],
    *,
    out: Annotated[Path, typer.Option(help="Parquet file to write to.")],
    execution: Execution,
) -> None:
    """Embed every row by a sentence-transformers model; goes on where it stopped."""
    from cotmill.cli.terminal.measuring import finish, work_folder
    from cotmill.data.read import read_pool
    from cotmill.measure.embeddings import measure_embeddings

    pool = read_pool(data).without_labels()
    with execution.start() as executor:
        found = measure_embeddings(model, pool, work=work_folder(out), executor=executor)
    finish(found, out)
    typer.echo(f"{len(found):,} rows, {found.vectors.shape[1]} numbers each; written to {out}")
