"""Fine-tune a model on a pool: answers carry the loss, a killed run goes on where it stopped."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from cotmill.data.pool import Pool
    from cotmill.train.config import TrainConfig
    from cotmill.train.sft import TrainResult

_BASE = "A folder, a hub name, or a model of the lab: lab:llama-0.9m."
_DATA = "A JSONL, JSON, CSV or Parquet file, a folder, a pool, or owner/name on the hub."


def command(  # noqa: PLR0913 - every option is one of the command line
    base: Annotated[str, typer.Argument(help=_BASE)],
    data: Annotated[str, typer.Argument(help=_DATA)],
    *,
    out: Annotated[Path, typer.Option(help="Folder to write the model to.")],
    steps: Annotated[int | None, typer.Option(help="Budget in steps …")] = None,
    epochs: Annotated[float | None, typer.Option(help="… or in passes over the rows.")] = None,
    selection: Annotated[Path | None, typer.Option(help="Train on the rows of this selection only.")] = None,
    batch_size: Annotated[int, typer.Option(help="Rows a step.")] = 32,
    accumulate: Annotated[
        int, typer.Option(help="Parts in which a step's rows are read, to save memory.")
    ] = 1,
    learning_rate: Annotated[float, typer.Option(help="Peak rate; 1e-5 suits models of billions.")] = 1e-3,
    schedule: Annotated[str, typer.Option(help="cosine, linear, constant, warmup-stable-decay.")] = "cosine",
    max_length: Annotated[int | None, typer.Option(help="Cut rows to so many tokens.")] = None,
    form: Annotated[str, typer.Option(help="How a row becomes tokens: auto, plain or chat.")] = "auto",
    leave_out_empty: Annotated[
        bool, typer.Option("--leave-out-empty", help="Leave out rows without an answer token.")
    ] = False,
    lora: Annotated[
        int | None, typer.Option(help="Train adapters of this rank instead of all weights.")
    ] = None,
    mask: Annotated[
        str | None, typer.Option(help="Masked thought: 0.4, paper, or ratio=0.2,replacement=random, …")
    ] = None,
    packing: Annotated[bool, typer.Option("--packing", help="Lay rows end to end to save padding.")] = False,
    held_out: Annotated[str | None, typer.Option(help="Rows to measure the loss on, not trained on.")] = None,
    eval_every: Annotated[int | None, typer.Option(help="Steps between two such measurements.")] = None,
    eval_answers: Annotated[int, typer.Option(help="Held-out questions answered at each of them.")] = 0,
    checkpoints: Annotated[int, typer.Option(help="Keep the weights at so many even steps.")] = 0,
    trajectories: Annotated[
        Path | None,
        typer.Option(help="Parquet file for the losses of all rows at the --checkpoints; keeps no weights."),
    ] = None,
    seen: Annotated[
        Path | None, typer.Option(help="Parquet file for the loss of every row when it was trained on; free.")
    ] = None,
    checkpoint_every: Annotated[int | None, typer.Option(help="Steps between resumable states.")] = None,
    seed: Annotated[int, typer.Option(help="Fixes order and all that is drawn.")] = 0,
    threads: Annotated[int | None, typer.Option(help="Threads of torch.")] = None,
    accelerate: Annotated[
        Path | None, typer.Option(help="Processes, FSDP: a file as in recipes/accelerate.")
    ] = None,
) -> None:
    """Fine-tune a model on a pool: answers carry the loss, a killed run goes on where it stopped."""
    config = config_of(
        steps=steps,
        epochs=epochs,
        batch_size=batch_size,
        accumulate=accumulate,
        learning_rate=learning_rate,
        schedule=schedule,
        max_length=max_length,
        form=form,
        lora=None if lora is None else {"rank": lora, "alpha": 2.0 * lora},
        mask=mask,
        packing=packing,
        empty_rows="leave out" if leave_out_empty else "refuse",
        eval_every=eval_every,
        eval_answers=eval_answers,
        checkpoint_every=checkpoint_every,
    )
    from cotmill.cli.terminal.recording import recorded, recording
    from cotmill.train.launch import launch

    pool = _pool(data, selection)
    kept_out = None if held_out is None else _pool(held_out, None)
    _announce(base, pool, config, out, threads)
    extras = recording(pool, config, trajectories=trajectories, seen=seen, checkpoints=checkpoints)
    result = launch(
        base,
        pool,
        config,
        out=out,
        seed=seed,
        threads=threads,
        checkpoints=checkpoints,
        held_out=kept_out,
        extras=extras,
        accelerate=accelerate,
    )
    typer.echo(_sentence(result, out))
    for line in recorded(extras, pool, result, trajectories=trajectories, seen=seen):
        typer.echo(line)


def config_of(**told: Any) -> TrainConfig:
    """Check the options together; what is wrong is the user's to put right."""
    from pydantic import ValidationError

    from cotmill.core.errors import RecipeError
    from cotmill.train.config import TrainConfig

    try:
        return TrainConfig(**told)
    except ValidationError as error:
        first = error.errors()[0]
        option = f"--{str(first['loc'][0]).replace('_', '-')}: " if first["loc"] else ""
        raise RecipeError(option + first["msg"].removeprefix("Value error, ")) from error


def _pool(data: str, selection: Path | None) -> Pool:
    """Read the rows, labels out of sight."""
    from cotmill.data.read import read_pool
    from cotmill.select import Selection

    pool = read_pool(data).without_labels()
    return pool if selection is None else Selection.read(selection).apply(pool)


def _announce(base: str, pool: Pool, config: TrainConfig, out: Path, threads: int | None) -> None:
    """Say what will be done, and roughly what it costs."""
    from cotmill.core.machine import Need, refuse_unless_it_fits
    from cotmill.model.cost import free_gigabytes, gigabytes_for, in_words, parameters, seconds_for
    from cotmill.model.load import load
    from cotmill.model.threads import use_threads
    from cotmill.model.tokenise import tokenise
    from cotmill.train.schedule import slots_of

    use_threads(threads)
    lm = load(base)
    some = pool.take(pool.ids[:500])
    mean = float(tokenise(lm.tokenizer, some, max_length=config.max_length or lm.max_length, form=config.form)
                 .lengths.mean())  # fmt: skip
    slots = slots_of(len(pool), config)
    seconds = seconds_for(lm, slots * mean, training=True)
    memory = gigabytes_for(lm, config.batch_size / config.accumulate * mean, training=True)
    typer.echo(
        f"{base} ({parameters(lm):,} weights) on {len(pool):,} rows of about {mean:.0f} tokens: "
        f"{config.total_steps(len(pool)):,} steps of {config.batch_size} rows, {slots * mean:,.0f} tokens, "
        f"roughly {in_words(seconds)} and {memory:.1f} GB on {lm.device.type} → {out}"
    )
    disk = (16 + 4) * parameters(lm) / 1e9  # a state to go on from, and the result
    refuse_unless_it_fits(Need(memory, disk), out, memory=free_gigabytes(lm))


def _sentence(result: TrainResult, out: Path) -> str:
    """Say what came of it."""
    cut = f", {result.truncated:,} rows cut to {result.max_length} tokens" if result.truncated else ""
    left = f", {result.left_out:,} rows without an answer token left out" if result.left_out else ""
    held_out = f", held-out loss {result.held_out_loss:.4f}" if result.held_out_loss is not None else ""
    return (
        f"{result.steps:,} steps, {result.epochs:.2f} epochs of {result.rows:,} rows{cut}{left}: loss "
        f"{result.final_loss:.4f} nats per answer token{held_out}; written to {out}"
    )
