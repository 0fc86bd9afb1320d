"""Write problems of the lab: a training pool with known defects, or one of its tests."""

from __future__ import annotations

import gzip
import json
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Annotated, BinaryIO

import typer

SHOWN = 3


def command(
    *,
    kind: Annotated[
        str, typer.Option(help="pool, in_domain, distractors, longer, unseen_family or clinical.")
    ] = "pool",
    rows: Annotated[int, typer.Option(min=1, help="How many rows.")] = 4000,
    out: Annotated[
        Path | None, typer.Option(help="A .jsonl or .jsonl.gz file; without it, a few rows are shown.")
    ] = None,
    seed: Annotated[int, typer.Option(help="Fixes every row.")] = 0,
    defects: Annotated[float, typer.Option(min=0, max=1, help="Share of defective rows in a pool.")] = 0.0,
    min_steps: Annotated[
        int | None, typer.Option(min=1, max=8, help="Steps of the shortest problem.")
    ] = None,
    max_steps: Annotated[int | None, typer.Option(min=1, max=8, help="Steps of the longest problem.")] = None,
) -> None:
    """Write problems of the lab: a training pool with known defects, or one of its tests.

    Columns that begin with lab_ are the truth about a row; no method reads them.
    """
    from cotmill.core.errors import DataError
    from cotmill.core.files import aside

    lengths = {"min_steps": min_steps, "max_steps": max_steps}
    options = {name: value for name, value in lengths.items() if value is not None}
    if defects and kind != "pool":
        raise DataError(f"only a pool has defects, not {kind!r}; leave --defects out")
    if options and kind == "clinical":
        raise DataError("clinical notes have no steps; leave --min-steps and --max-steps out")
    if options.get("min_steps", 1) > options.get("max_steps", 8):
        raise DataError(f"--min-steps {min_steps} is more than --max-steps {max_steps}")
    made = _maker(kind)(seed, rows if out else SHOWN, **options, **({"defects": defects} if defects else {}))
    if out is None:
        for row in made:
            typer.echo(
                "\n".join(str(value) for name, value in row.items() if not name.startswith("lab_")) + "\n"
            )
        return
    with aside(out) as part, part.open("wb") as raw, _packed(raw) if out.suffix == ".gz" else raw as file:
        file.writelines((json.dumps(row, ensure_ascii=False) + "\n").encode() for row in made)
    typer.echo(f"{rows:,} rows ({kind}, seed {seed}) written to {out}")


def _packed(raw: BinaryIO) -> gzip.GzipFile:
    """Pack without the time, so that equal rows are equal files."""
    return gzip.GzipFile("", "wb", mtime=0, fileobj=raw)


def _maker(kind: str) -> Callable[..., Iterator[Mapping[str, object]]]:
    """Find the function that streams the rows."""
    from cotmill.core.errors import DataError
    from cotmill.lab import TEST_SETS, clinical_rows, make_pool_rows

    makers = {"pool": make_pool_rows, "clinical": clinical_rows, **TEST_SETS}
    if kind not in makers:
        raise DataError(f"the lab makes no {kind!r}; it makes {', '.join(makers)}")
    return makers[kind]
