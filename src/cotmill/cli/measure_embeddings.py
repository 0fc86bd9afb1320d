"""Embed every row by a sentence-transformers model."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer


def command(
    model: Annotated[str, typer.Argument(help="A folder or hub name of a sentence-transformers model.")],
    data: Annotated[str, typer.Argument(help="A file, a folder, a pool, or a name on the hub.")],
    *,
    out: Annotated[Path, typer.Option(help="Parquet file to write to.")],
) -> None:
    """Embed every row by a sentence-transformers model; goes on where it stopped."""
    from cotmill.cli.terminal.measuring import finish, work_folder
    from cotmill.data.read import read_pool
    from cotmill.measure.embeddings import measure_embeddings

    found = measure_embeddings(model, read_pool(data).without_labels(), work=work_folder(out))
    finish(found, out)
    typer.echo(f"{len(found):,} rows, {found.vectors.shape[1]} numbers each; written to {out}")
