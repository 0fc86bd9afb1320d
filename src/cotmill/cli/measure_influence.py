"""Measure the influence of every row on the questions that fine-tuning turned right or wrong."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from cotmill.cli.terminal.executing import with_executor

if TYPE_CHECKING:
    from cotmill.execute.executor import Execution

_QUERIES = (
    "A validation set (a file, or a benchmark's name) that both models are asked; or a file with a column "
    "`group` (correct, incorrect)."
)


@with_executor
def command(  # noqa: PLR0913 - every option is one of the command line
    model: Annotated[str, typer.Option(help="The fine-tuned model: a folder, a hub name, a lab model.")],
    data: Annotated[str, typer.Option(help="The rows that it was fine-tuned on.")],
    out: Annotated[Path, typer.Option(help="Parquet file to write to.")],
    queries: Annotated[str | None, typer.Option(help=_QUERIES)] = None,
    base: Annotated[str | None, typer.Option(help="The model before fine-tuning.")] = None,
    *,
    items: Annotated[
        list[Path] | None,
        typer.Option(help="Two evaluations instead of asking: first of the base, then of the model."),
    ] = None,
    questions: Annotated[str, typer.Option(help="flips, or outcomes: all right and wrong ones.")] = "flips",
    text: Annotated[str, typer.Option(help="completion of the model, or gold solution.")] = "completion",
    samples: Annotated[int, typer.Option(help="Answers per validation question.")] = 1,
    temperature: Annotated[float, typer.Option(help="Of these answers; 0 is greedy.")] = 0.0,
    max_new_tokens: Annotated[int, typer.Option(help="Where an answer is cut off.")] = 256,
    curvature: Annotated[str, typer.Option(help="identity, diagonal, kfac or ekfac.")] = "ekfac",
    modules: Annotated[str, typer.Option(help="Layers: mlp, all, or lora (adapters).")] = "mlp",
    damping: Annotated[float, typer.Option(help="Times the mean eigenvalue of a layer.")] = 0.1,
    tokens: Annotated[int | None, typer.Option(help="At most so many tokens for the curvature.")] = None,
    refine: Annotated[int, typer.Option(help="Iterations of conjugate gradients; 0: none.")] = 0,
    parts: Annotated[str, typer.Option(help="Parts of a group, or queries for exact ranks.")] = "8",
    band: Annotated[
        str | None, typer.Option(help="Exact ranks for rows undecided when so much is kept: 75%.")
    ] = None,
    route: Annotated[str, typer.Option(help="auto, backward, forward or differences.")] = "auto",
    gigabytes: Annotated[float, typer.Option(help="Memory for factors; less means more passes.")] = 8.0,
    batch_tokens: Annotated[int | None, typer.Option(help="Padded tokens in a batch.")] = None,
    pairs: Annotated[int, typer.Option(help="Pairs of rows for the gate's step test; 0: none.")] = 12,
    retrain: Annotated[int, typer.Option(help="Small retrainings for the gate; 0: none.")] = 0,
    retrain_steps: Annotated[int, typer.Option(help="Steps of each.")] = 200,
    max_length: Annotated[int | None, typer.Option(help="Cut rows to so many tokens.")] = None,
    part: Annotated[str | None, typer.Option(help="Do only this part, 2/8; then once without it.")] = None,
    threads: Annotated[int | None, typer.Option(help="Threads of torch.")] = None,
    execution: Execution,
) -> None:
    """Measure the influence of every row on groups of queries; the same command goes on where it stopped."""
    from cotmill.cli.terminal.influence import config_of, gate, queries_of, second_stage, show
    from cotmill.cli.terminal.measuring import finish, opened, work_folder
    from cotmill.measure.influence.measure import measure_influence
    from cotmill.measure.shards import Part

    config = config_of(
        curvature=curvature,
        modules=modules,
        damping=damping,
        tokens=tokens,
        refine={"iterations": refine} if refine else None,
        parts=parts if parts == "queries" else int(parts) if parts.isdigit() else parts,
        route=route,
        gigabytes=gigabytes,
        batch_tokens=batch_tokens,
        max_length=max_length,
    )
    lm, pool = opened(model, data, threads, passes=9, max_length=max_length)
    work = work_folder(out)
    asked = queries_of(
        lm,
        queries,
        base,
        items or [],
        work,
        told={"questions": questions, "text": text},
        asking={"samples": samples, "temperature": temperature, "max_new_tokens": max_new_tokens},
    )
    with execution.start() as executor:
        found = measure_influence(
            lm,
            pool,
            asked,
            config,
            work=work,
            part=None if part is None else Part.parse(part),
            say=typer.echo,
            executor=executor,
        )
    if part is not None:
        typer.echo(f"part {part} is done: {len(found):,} of {len(pool):,} rows")
        return
    if band is not None:
        found = second_stage(lm, pool, asked, found, config, band, work)
    found = gate(lm, pool, asked, found, base, work, pairs=pairs, retrain=retrain, steps=retrain_steps)
    asked.write(out.with_suffix(".queries"))
    show(found)
    finish(found, out)
    typer.echo(f"written to {out}; the queries are in {out.with_suffix('.queries')}")
