"""Probe every model that a Run trained: does a shift towards the question predict the gain?"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from cotmill.data.pool import Pool

GRID = "grid."


def command(
    run: Annotated[Path, typer.Argument(help="The folder of a Run that trained and evaluated.")],
    *,
    data: Annotated[str, typer.Option(help="Rows with worked solutions, best with <<2+3=5>> marks.")],
    out: Annotated[Path, typer.Option(help="Folder for the tables.")],
    rows: Annotated[int, typer.Option(help="At most so many rows, drawn by hash.")] = 200,
    seed: Annotated[int, typer.Option(help="Fixes which numbers are put in, and the intervals.")] = 0,
    threads: Annotated[int | None, typer.Option(help="Threads of torch.")] = None,
) -> None:
    """Probe every model that a Run trained: does a shift towards the question predict the gain?"""
    from cotmill.core.errors import RunError
    from cotmill.core.files import folder_aside
    from cotmill.data.read import read_pool
    from cotmill.measure.dependency.drawn import drawn_rows
    from cotmill.measure.dependency.shift import correlations, shifts

    if out.exists():
        raise RunError(f"{out} is there already; name a new folder")
    results, against = _results(run)
    pool = drawn_rows(read_pool(data), rows, seed=seed)
    steps = sorted({row["train"] for row in results if row.get("train")})
    typer.echo(f"{len(steps)} trained models, {len(pool):,} rows each")
    shares = {step: _question_share(run / "steps" / step / "model", pool, seed, threads) for step in steps}
    told = [_row(row, shares) for row in results if row.get("train")]
    paired = list(shifts(told, against))
    if not paired:
        raise RunError(f"{run} has no training beside those of the arm {against!r}; nothing can be compared")
    found = correlations(paired, seed=seed)
    with folder_aside(out) as part:
        _write(part, told, paired, found)
    for row in found:
        typer.echo(
            f"{row['test']}: {row['trainings']} trainings against {against!r}: share of influence from the "
            f"question {100 * row['mean_shift']:+.1f} points, accuracy {100 * row['mean_gain']:+.1f} points, "
            f"correlation {row['correlation']:.2f} ({row['low']:.2f} to {row['high']:.2f})"
        )


def _results(run: Path) -> tuple[list[dict[str, Any]], str]:
    """Read the results of a Run, and the arm that its recipe compares to."""
    import yaml

    from cotmill.core.checked import read_table
    from cotmill.core.errors import RunError

    path = run / "results.parquet"
    if not path.is_file():
        raise RunError(f"{run} has no results.parquet; name the folder of a Run that has evaluated")
    recipe = yaml.safe_load((run / "recipe.yaml").read_text(encoding="utf-8"))
    against = recipe.get("compare_to")
    if not against:
        raise RunError(f"the recipe of {run} names no compare_to; say there which arm is the plain one")
    return read_table(path).to_pylist(), str(against)


def _question_share(model: Path, pool: Pool, seed: int, threads: int | None) -> float:
    """Probe one model: which share of all influence comes from the question?"""
    from cotmill.measure.dependency.influence import probe
    from cotmill.measure.dependency.summary import ALL, influence_summary
    from cotmill.model.load import load
    from cotmill.model.threads import use_threads

    use_threads(threads)
    found = influence_summary({"model": probe(load(str(model)), pool, seed=seed)}, seed=seed).to_pylist()
    whole = (row for row in found if row["source"] == "question" and row["distance"] == ALL)
    return next((float(row["share"]) for row in whole), 0.0)


def _row(row: dict[str, Any], shares: dict[str, float]) -> dict[str, Any]:
    """Keep of a result what the comparison needs."""
    point = ", ".join(f"{name.removeprefix(GRID)} {row[name]}" for name in row if name.startswith(GRID))
    kept = {name: row[name] for name in ("arm", "seed", "test", "accuracy", "train")}
    return {**kept, "point": point, "question_share": shares[row["train"]]}


def _write(
    folder: Path, told: list[dict[str, Any]], paired: list[dict[str, Any]], found: list[dict[str, Any]]
) -> None:
    """Write the tables."""
    import pyarrow as pa

    from cotmill.core.checked import write_table

    for name, rows in (("models", told), ("pairs", paired), ("correlations", found)):
        write_table(pa.Table.from_pylist(rows), folder / f"{name}.parquet")
