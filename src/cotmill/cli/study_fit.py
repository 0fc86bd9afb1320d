"""Fit scaling laws to a table of accuracies or to Runs."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer


def command(
    sources: Annotated[
        list[str],
        typer.Argument(
            metavar="TABLE|RUN…",
            help="A CSV, JSONL or Parquet table, Run folders, or `rft`: the paper's tables.",
        ),
    ],
    *,
    out: Annotated[
        Path, typer.Option(help="The page; Markdown, JSON, CSV and SVG are written beside it.")
    ] = Path("scaling.html"),
    test: Annotated[str | None, typer.Option(help="Which test; the first by default.")] = None,
    facts: Annotated[
        Path | None, typer.Option(help="JSON: base → {parameters, loss}, for bases that are not the lab's.")
    ] = None,
    draws: Annotated[int, typer.Option(min=50, help="Bootstrap draws.")] = 400,
) -> None:
    """Fit accuracy against data, bases, strength and distinct paths; test the extrapolation.

    Prints the main numbers and writes a page with figures.
    """
    from cotmill.cli.terminal.studying import law_lines, write_laws
    from cotmill.study.fit import fit_all
    from cotmill.study.sources import read_sources

    points = read_sources(sources, facts)
    found = fit_all(points, test=test, source=" + ".join(Path(one).name for one in sources), draws=draws)
    for line in law_lines(found):
        typer.echo(line)
    write_laws(found, out)
    typer.echo(f"{out} · {out.with_suffix('.md')} · {out.with_suffix('.json')}")
