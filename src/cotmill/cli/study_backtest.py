"""Count how often the planner's first choice was the best, where the truth is known."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer


def command(
    sources: Annotated[
        list[str],
        typer.Argument(metavar="RUN|TABLE…", help="Runs or tables with several amounts of data and methods."),
    ],
    *,
    test: Annotated[str | None, typer.Option(help="Which test counts; the first by default.")] = None,
    one_seed: Annotated[bool, typer.Option(help="Ask also with each seed shown alone.")] = True,
    keep_base: Annotated[bool, typer.Option("--keep-base", help="Leave other bases out.")] = False,
    facts: Annotated[Path | None, typer.Option(help="JSON: base → {parameters, loss}.")] = None,
    out: Annotated[Path, typer.Option(help="The page; Markdown and JSON beside it.")] = Path("backtest.html"),
) -> None:
    """Hide the large end of finished Runs, ask the planner, and compare its choices with "more data"."""
    from cotmill.cli.terminal.studying import tested_lines, write_backtest
    from cotmill.study.backtest import backtest
    from cotmill.study.sources import read_sources

    found = backtest(read_sources(sources, facts), test=test, one_seed=one_seed, keep_base=keep_base)
    found |= {"source": " + ".join(Path(one).name for one in sources)}
    for line in tested_lines(found):
        typer.echo(line)
    write_backtest(found, out)
    typer.echo(f"{out} · {out.with_suffix('.md')} · {out.with_suffix('.json')}")
