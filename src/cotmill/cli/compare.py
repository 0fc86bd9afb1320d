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
    data: Annotated[str | None, typer.Option(help="Of selections: the rows, to tell them apart.")] = None,
    evidence: Annotated[
        Path | None, typer.Option(help="Of selections: losses or pass rates, for difficulty.")
    ] = None,
) -> None:
    """Compare on what both have: difference with interval, McNemar's test, and what flipped."""
    from cotmill.evaluate.show import comparison_lines

    chosen = _selection(a), _selection(b)
    if chosen[0] and chosen[1]:
        _selections(chosen[0], chosen[1], data, evidence)
        return
    if _is_run(a) and _is_run(b):
        _runs(a, b, seed)
        return
    from cotmill.evaluate.compare import compare_folders

    for one, other in _pairs(Path(a), Path(b)):
        for line in comparison_lines(compare_folders(one, other, seed=seed)):
            typer.echo(line)


def _pairs(a: Path, b: Path) -> list[tuple[Path, Path]]:
    """Pair the evaluations of two folders that hold one for each benchmark; else take them as they are."""
    inside = [{path.parent.name for path in folder.glob("*/items.parquet")} for folder in (a, b)]
    shared = sorted(inside[0] & inside[1])
    return [(a / name, b / name) for name in shared] or [(a, b)]


def _selection(name: str) -> Path | None:
    """Find the selection that a name means: its folder, or the step of a Run that made it."""
    places = (Path(name), Path(name) / "selection")
    return next((place for place in places if (place / "selection.parquet").is_file()), None)


def _is_run(name: str) -> bool:
    return any((Path(path) / "cells.parquet").is_file() for path in (name, name.rpartition(":")[0]) if path)


def _selections(a: Path, b: Path, data: str | None, evidence: Path | None) -> None:
    """Say how much two selections share, against chance, and what only one of them took."""
    from cotmill.data.read import read_pool
    from cotmill.evidence import Evidence
    from cotmill.select import Selection, compare_selections

    pool = None if data is None else read_pool(data)
    measured = None if evidence is None else Evidence.read(evidence)
    found = compare_selections(Selection.read(a), Selection.read(b), pool, measured)
    typer.echo(
        f"a: {found['methods'][0]}, {found['a']:,} rows; b: {found['methods'][1]}, {found['b']:,} rows"
    )
    typer.echo(
        f"in both: {found['both']:,} of {found['rows']:,} (by chance {found['expected_both']:,.0f}); "
        f"Jaccard {found['jaccard']:.3f} (by chance {found['expected_jaccard']:.3f})"
    )
    for part in ("source", "length", "difficulty"):
        for name, one in found.get(f"by_{part}", {}).items():
            only = f"only a {one['a'] - one['both']:,}, only b {one['b'] - one['both']:,}"
            typer.echo(f"  {part} {name or '(none)'}: in both {one['both']:,}, {only}")


def _runs(a: str, b: str, seed: int) -> None:
    """Compare what two Runs, or two arms, have in common, test by test."""
    from cotmill.evaluate.runs import compare_runs
    from cotmill.evaluate.show import comparison_lines, seed_lines

    for found in compare_runs(a, b, seed=seed):
        typer.echo(f"\n{found.title}")
        for line in (*comparison_lines(found.items, found.names), *seed_lines(found.seeds, found.names)):
            typer.echo(line)
