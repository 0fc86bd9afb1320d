"""Alter numbers and see which later predictions change: what a model relies on, and two side by side."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    import pyarrow as pa


def command(
    models: Annotated[list[str], typer.Argument(help="One model, or two to compare on the same rows.")],
    *,
    data: Annotated[str, typer.Option(help="Rows with worked solutions, best with <<2+3=5>> marks.")],
    out: Annotated[Path, typer.Option(help="Folder for tables and figures.")],
    rows: Annotated[int, typer.Option(help="At most so many rows, drawn by hash.")] = 500,
    form: Annotated[str, typer.Option(help="How a row becomes tokens: auto, plain or chat.")] = "auto",
    seed: Annotated[int, typer.Option(help="Fixes which numbers are put in, and the intervals.")] = 0,
    threads: Annotated[int | None, typer.Option(help="Threads of torch.")] = None,
) -> None:
    """Alter numbers and see which later predictions change: what a model relies on, and two side by side."""
    from cotmill.core.errors import EvidenceError
    from cotmill.core.files import folder_aside
    from cotmill.data.read import read_pool
    from cotmill.measure.dependency.drawn import drawn_rows
    from cotmill.measure.dependency.summary import conflict_summary, influence_summary

    if len(models) > 2:
        raise EvidenceError(f"one or two models are compared, got {len(models)}; call it for each pair")
    if out.exists():
        raise EvidenceError(f"{out} is there already; name a new folder")
    pool = drawn_rows(read_pool(data), rows, seed=seed)
    pairs, sides = _measured(_names(models), pool, form, seed, threads)
    found = influence_summary(pairs, seed=seed), conflict_summary(sides, seed=seed)
    with folder_aside(out) as part:
        _write(part, pairs, sides, found, data=data, rows=len(pool), seed=seed)
    for line in _lines(*found):
        typer.echo(line)
    typer.echo(f"tables and figures are in {out}")


def _names(models: list[str]) -> dict[str, str]:
    """Give each model a short name of its own; in a Run, the name of the step that trained it."""
    short = [_short(name) for name in models]
    named = short if len(set(short)) == len(short) else [f"{name} ({n})" for n, name in enumerate(short, 1)]
    return dict(zip(named, models, strict=True))


def _short(model: str) -> str:
    """Name a model by its folder, or by the one above where that only says model."""
    *above, last = model.rstrip("/").split("/")
    return above[-1] if last == "model" and above else last


def _measured(
    models: dict[str, str], pool: Any, form: str, seed: int, threads: int | None
) -> tuple[dict[str, pa.Table], dict[str, pa.Table]]:
    """Probe each model, and put question and steps at odds for it."""
    from cotmill.measure.dependency.conflict import conflicts
    from cotmill.measure.dependency.influence import probe
    from cotmill.model.load import load
    from cotmill.model.threads import use_threads

    use_threads(threads)
    pairs, sides = {}, {}
    for name, model in models.items():
        lm = load(model)
        typer.echo(f"{name}: every number of {len(pool):,} rows is altered in turn")
        pairs[name] = probe(lm, pool, seed=seed, form=form)  # type: ignore[arg-type]  # checked when rendered
        sides[name] = conflicts(lm, pool, seed=seed, form=form)  # type: ignore[arg-type]
    return pairs, sides


def _write(
    folder: Path,
    pairs: dict[str, pa.Table],
    sides: dict[str, pa.Table],
    found: tuple[pa.Table, pa.Table],
    **about: Any,
) -> None:
    """Write tables, figures and what was measured."""
    import pyarrow as pa

    from cotmill.core.checked import write_table
    from cotmill.core.files import write_json
    from cotmill.core.provenance import provenance
    from cotmill.report.dependency import conflict_figure, influence_figure

    for name, tables in (("pairs", pairs), ("conflict_items", sides)):
        named = [
            table.add_column(0, "model", pa.array([model] * len(table))) for model, table in tables.items()
        ]
        write_table(pa.concat_tables(named), folder / f"{name}.parquet")
    for name, table in zip(("influence", "conflict"), found, strict=True):
        write_table(table, folder / f"{name}.parquet")
    (folder / "influence.svg").write_text(influence_figure(found[0], list(pairs)), encoding="utf-8")
    (folder / "conflict.svg").write_text(conflict_figure(found[1], list(pairs)), encoding="utf-8")
    write_json(folder / "dependency.json", {**about, "models": list(pairs), "made_by": provenance()})


def _lines(influence: pa.Table, conflict: pa.Table) -> list[str]:
    """Say the main numbers; a difference of two models is in percentage points."""
    said = [
        f"{row['model']}: of all influence {_percent(row, 'share')} comes from the question; of its "
        f"alterations {_percent(row, 'influence')} change a later prediction"
        for row in influence.to_pylist()
        if row["source"] == "question" and row["distance"] == "all"
    ]
    return said + [
        f"{row['model']}: conflict about a {row['kind']}, {row['altered']} altered: "
        f"{_percent(row, 'follows')} of {row['items']:,} items follow the question"
        for row in conflict.to_pylist()
    ]


def _percent(row: dict[str, Any], name: str) -> str:
    """Write a share with its interval."""
    return f"{100 * row[name]:.1f} % ({100 * row[f'{name}_low']:.1f} to {100 * row[f'{name}_high']:.1f})"
