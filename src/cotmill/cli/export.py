"""Write a pool for another trainer (TRL, LLaMA-Factory, axolotl), or as JSON Lines or Parquet."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from cotmill.data.pool import Pool

_NAME = "What to call the data set, in its card and its registry entry."
_LICENCE = "The licence of the whole, for the card; else that of the inputs."
_AGAINST = "A benchmark whose questions must not be in the export; repeatable."


def command(  # noqa: PLR0913 - one argument an option
    data: Annotated[str, typer.Argument(help="A Pool, or any data that `cotmill check` reads.")],
    *,
    to: Annotated[str, typer.Option(help="trl, llama-factory, axolotl, jsonl or parquet.")],
    out: Annotated[Path, typer.Option(help="The folder to write.")],
    name: Annotated[str, typer.Option(help=_NAME)] = "cotmill",
    licence: Annotated[str | None, typer.Option("--license", help=_LICENCE)] = None,
    form: Annotated[str, typer.Option(help="What the data is; auto detects it.")] = "auto",
    columns: Annotated[str | None, typer.Option(help="Which columns to use: question=Q,answer=A.")] = None,
    against: Annotated[list[str] | None, typer.Option(help=_AGAINST)] = None,
    ngram: Annotated[int, typer.Option(help="So many words in a row count as shared.", min=1)] = 13,
) -> None:
    """Write a pool for another trainer (TRL, LLaMA-Factory, axolotl), or as JSON Lines or Parquet.

    Beside the data lie what that trainer needs, a dataset card and export.json with counts and hashes.
    """
    from cotmill.data.detect import columns_of
    from cotmill.data.export import export
    from cotmill.data.read import read_pool

    pool = read_pool(data, form=form, columns=columns_of(columns))
    rejected = pool.rejects.count
    if against:
        pool = _without_shared(pool, against, ngram)
    done = export(pool, to, out, name=name, licence=licence)
    typer.echo(f"{done.rows:,} rows in {', '.join(str(done.folder / file) for file in done.files)}")
    if rejected:
        typer.echo(f"{rejected:,} rows could not be read: see `cotmill check {data}`")
    if done.left_out:
        typer.echo(f"{done.left_out:,} rows without a solution were left out")


def _without_shared(pool: Pool, against: list[str], ngram: int) -> Pool:
    """Leave out rows that share words with benchmarks, and say how many."""
    from cotmill.data.overlap import decontaminated
    from cotmill.data.read import read_pool

    left, found = decontaminated(pool, {name: read_pool(name) for name in against}, n=ngram)
    for overlap in found:
        typer.echo(f"{len(overlap.rows):,} rows share {ngram} words in a row with {overlap.name}: left out")
    return left
