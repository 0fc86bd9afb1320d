"""Write a pool for another trainer: TRL, LLaMA-Factory or axolotl; or as JSON Lines or Parquet, with a card."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer


def command(
    data: Annotated[str, typer.Argument(help="A Pool, or any data that `cotmill check` can read.")],
    *,
    to: Annotated[str, typer.Option(help="trl, llama-factory, axolotl, jsonl or parquet.")],
    out: Annotated[Path, typer.Option(help="The folder to write.")],
    name: Annotated[str, typer.Option(help="What to call the data set, in its card and its registry entry.")] = "cotmill",
    licence: Annotated[
        str | None, typer.Option("--license", help="The licence of the whole, for the card; else that of the inputs.")
    ] = None,
    form: Annotated[str, typer.Option(help="What the data is; `auto` detects it.")] = "auto",
    columns: Annotated[
        str | None, typer.Option(help="Which columns to use, as in question=Q,answer=A.")
    ] = None,
) -> None:
    """Write a pool for another trainer: TRL, LLaMA-Factory or axolotl; or as JSON Lines or Parquet, with a card."""
    from cotmill.data.columns import parsed_columns
    from cotmill.data.export import export
    from cotmill.data.read import read_pool

    pool = read_pool(data, form=form, columns=parsed_columns(columns))
    done = export(pool, to, out, name=name, licence=licence)
    typer.echo(f"{done.rows:,} rows in {', '.join(str(done.folder / file) for file in done.files)}")
    if pool.rejects.count:
        typer.echo(f"{pool.rejects.count:,} rows could not be read: see `cotmill check {data}`")
    if done.left_out:
        typer.echo(f"{done.left_out:,} rows without a solution were left out")
