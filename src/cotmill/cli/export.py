"""Write a pool for another trainer (TRL, LLaMA-Factory, axolotl), or as JSON Lines or Parquet."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

_NAME = "What to call the data set, in its card and its registry entry."
_LICENCE = "The licence of the whole, for the card; else that of the inputs."


def command(
    data: Annotated[str, typer.Argument(help="A Pool, or any data that `cotmill check` reads.")],
    *,
    to: Annotated[str, typer.Option(help="trl, llama-factory, axolotl, jsonl or parquet.")],
    out: Annotated[Path, typer.Option(help="The folder to write.")],
    name: Annotated[str, typer.Option(help=_NAME)] = "cotmill",
    licence: Annotated[str | None, typer.Option("--license", help=_LICENCE)] = None,
    form: Annotated[str, typer.Option(help="What the data is; auto detects it.")] = "auto",
    columns: Annotated[str | None, typer.Option(help="Which columns to use: question=Q,answer=A.")] = None,
) -> None:
    """Write a pool for another trainer (TRL, LLaMA-Factory, axolotl), or as JSON Lines or Parquet.

    Beside the data lie what that trainer needs, a dataset card and export.json with counts and hashes.
    """
    from cotmill.data.detect import columns_of
    from cotmill.data.export import export
    from cotmill.data.read import read_pool

    pool = read_pool(data, form=form, columns=columns_of(columns))
    done = export(pool, to, out, name=name, licence=licence)
    typer.echo(f"{done.rows:,} rows in {', '.join(str(done.folder / file) for file in done.files)}")
    if pool.rejects.count:
        typer.echo(f"{pool.rejects.count:,} rows could not be read: see `cotmill check {data}`")
    if done.left_out:
        typer.echo(f"{done.left_out:,} rows without a solution were left out")
