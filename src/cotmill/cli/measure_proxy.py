"""Ask, on a few rows, whether a small model's loss trajectories stand for a large one's."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from cotmill.evidence import Trajectories

_MODEL = "A model to train on the probe, or a Parquet file of trajectories."


def command(  # noqa: PLR0913 - every option is one of the command line
    small: Annotated[str, typer.Argument(help=_MODEL)],
    large: Annotated[str, typer.Argument(help=_MODEL)],
    *,
    data: Annotated[str, typer.Option(help="The rows that would be measured.")],
    out: Annotated[Path, typer.Option(help="Folder for both trajectories and agreement.json.")],
    rows: Annotated[int, typer.Option(help="Rows of the probe, drawn by hash.")] = 500,
    steps: Annotated[int, typer.Option(help="Steps of training on the probe.")] = 60,
    checkpoints: Annotated[int, typer.Option(help="Points of a trajectory.")] = 4,
    batch_size: Annotated[int, typer.Option(help="Rows a step.")] = 16,
    learning_rate: Annotated[float, typer.Option(help="Of the small model.")] = 1e-3,
    large_learning_rate: Annotated[float | None, typer.Option(help="Of the large one, if another.")] = None,
    budget: Annotated[str, typer.Option(help="What would be taken of the rows, for the costs.")] = "11%",
    epochs: Annotated[float, typer.Option(help="Passes over the rows, for the costs.")] = 3.0,
    points: Annotated[int, typer.Option(help="Sweeps of the proxy, for the costs.")] = 12,
    threads: Annotated[int | None, typer.Option(help="Threads of torch.")] = None,
) -> None:
    """Rank agreement of two models' trajectories on a probe, and what selecting would cost and save."""
    from dataclasses import asdict

    from cotmill.cli.terminal.probing import Probe, agreement_lines, cost_lines
    from cotmill.core.files import write_json
    from cotmill.data.read import read_pool
    from cotmill.evidence.agreement import agreement

    pool = read_pool(data).without_labels()
    probe = Probe.of(pool, rows=rows, steps=steps, checkpoints=checkpoints, batch_size=batch_size)
    rates = learning_rate, large_learning_rate or learning_rate
    measured: list[Trajectories] = [
        probe.trajectories(name, out / f"{role}.parquet", learning_rate=rate, threads=threads)
        for name, role, rate in zip((small, large), ("small", "large"), rates, strict=True)
    ]
    found = agreement(*measured)
    write_json(out / "agreement.json", {"small": small, "large": large, **asdict(found)})
    costs = cost_lines(small, large, pool, budget=budget, epochs=epochs, points=points)
    for line in (*agreement_lines(found), *costs):
        typer.echo(line)
