"""Say what to do next: label, sample, pool, prune, mask or take another base."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer


def command(  # noqa: PLR0913 - every option is one of the command line
    sources: Annotated[
        list[str],
        typer.Argument(metavar="RUN|TABLE…", help="Run folders of cheap runs, or tables of accuracies."),
    ],
    *,
    model: Annotated[
        str | None, typer.Option(help="The base that you have; the best known one by default.")
    ] = None,
    method: Annotated[str, typer.Option(help="The method that you use now.")] = "SFT",
    rows: Annotated[
        int | None,
        typer.Option(min=1, help="Labelled rows that you have; the most that were run by default."),
    ] = None,
    more: Annotated[
        int | None, typer.Option(min=1, help="Rows that you could label; as many again by default.")
    ] = None,
    label_price: Annotated[float | None, typer.Option(min=0, help="Money for one labelled row.")] = None,
    hour_price: Annotated[float | None, typer.Option(min=0, help="Money for an hour of the device.")] = None,
    budget: Annotated[float | None, typer.Option(min=0, help="Money that there is.")] = None,
    device: Annotated[
        str, typer.Option(help="cpu-core, rtx-4090, l40s, a100-80gb, h100-80gb or h200.")
    ] = "cpu-core",
    test: Annotated[str | None, typer.Option(help="Which test counts; the first by default.")] = None,
    facts: Annotated[Path | None, typer.Option(help="JSON: base → {parameters, loss}.")] = None,
    keep_base: Annotated[bool, typer.Option("--keep-base", help="Leave other bases out.")] = False,
    tested: Annotated[bool, typer.Option(help="Back-test the advice where the runs allow it.")] = True,
    out: Annotated[Path, typer.Option(help="The page; Markdown, JSON, CSV and SVG beside it.")] = Path(
        "plan.html"
    ),
) -> None:
    """Compare the next moves by what they bring and cost, and say what would change the ranking.

    Moves that the runs say nothing about are listed with what to run. Prices are yours: without them costs
    stay in labels and hours.
    """
    from cotmill.cli.terminal.studying import plan_lines, write_plan
    from cotmill.study.cost import find_device
    from cotmill.study.moves import Now
    from cotmill.study.plan import Prices, make_plan
    from cotmill.study.sources import read_sources

    points = read_sources(sources, facts)
    found = make_plan(
        points,
        Now(model or "", method, float(rows or 0), keep_base),
        more=None if more is None else float(more),
        device=find_device(device),
        prices=Prices(label_price, hour_price, budget),
        test=test,
    )
    found |= {"source": " + ".join(Path(one).name for one in sources)}
    if tested:
        found |= _tested(points, test, keep_base=keep_base)
    for line in plan_lines(found):
        typer.echo(line)
    write_plan(found, out)
    typer.echo(f"{out} · {out.with_suffix('.md')} · {out.with_suffix('.json')}")


def _tested(points: list[Any], test: str | None, *, keep_base: bool) -> dict[str, Any]:
    """Back-test where there is enough to hide."""
    from cotmill.core.errors import DataError
    from cotmill.study.backtest import backtest

    try:
        return {"backtest": backtest(points, test=test, keep_base=keep_base)}
    except DataError:
        return {}
