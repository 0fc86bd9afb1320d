"""Compare two evaluations, Runs or selections, item by item and seed by seed."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer


def command(
    a: Annotated[
        str, typer.Argument(help="An evaluation folder, an items file, a selection, a Run, or RUN:ARM.")
    ],
    b: Annotated[
        str, typer.Argument(help="What it is compared with; above zero means that this one is better.")
    ],
    *,
    seed: Annotated[int, typer.Option(help="Seed of the bootstrap.")] = 0,
) -> None:
    """Compare on what both have: difference with interval, McNemar's test, and what flipped."""
    from cotmill.evaluate.show import comparison_lines

    if _is_selection(a) and _is_selection(b):
        _selections(Path(a), Path(b))
        return
    if _is_run(a) and _is_run(b):
        _runs(a, b, seed)
        return
    from cotmill.evaluate.compare import compare_folders

    for line in comparison_lines(compare_folders(Path(a), Path(b), seed=seed), ("a", "b")):
        typer.echo(line)


def _is_selection(name: str) -> bool:
    return (Path(name) / "selection.parquet").is_file()


def _is_run(name: str) -> bool:
    return any((Path(path) / "cells.parquet").is_file() for path in (name, name.rpartition(":")[0]) if path)


def _selections(a: Path, b: Path) -> None:
    """Say how much two selections share, against chance."""
    from cotmill.select import Selection, compare_selections

    found = compare_selections(Selection.read(a), Selection.read(b))
    typer.echo(
        f"a: {found['methods'][0]}, {found['a']:,} rows; b: {found['methods'][1]}, {found['b']:,} rows"
    )
    typer.echo(
        f"in both: {found['both']:,} of {found['rows']:,} (by chance {found['expected_both']:,.0f}); "
        f"Jaccard {found['jaccard']:.3f} (by chance {found['expected_jaccard']:.3f})"
    )


def _runs(a: str, b: str, seed: int) -> None:
    """Compare what two Runs, or two arms, have in common, test by test."""
    from cotmill.evaluate.runs import compare_runs
    from cotmill.evaluate.show import comparison_lines, seed_lines

    for found in compare_runs(a, b, seed=seed):
        typer.echo(f"\n{found.title}")
        for line in comparison_lines(found.items, ("a", "b")):
            typer.echo(line)
        for line in seed_lines(found.seeds, ("a", "b")):
            typer.echo(line)
