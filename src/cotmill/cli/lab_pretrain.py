"""Pre-train a base model of the lab on declarative text, from nothing or from an earlier pre-training."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

HELD_OUT_DOCUMENTS = 500
LEAST_TOKENS = 8
"""No document of the generator is shorter; so many documents are asked for that the tokens cannot run out."""


def command(  # noqa: PLR0913 - every option is one of the command line
    name: Annotated[str, typer.Argument(help="A model of the lab, for example lab:llama-0.9m.")],
    *,
    tokens: Annotated[float, typer.Option(help="Tokens to train on, for example 16e6.")],
    out: Annotated[
        Path, typer.Option(help="Folder to write the model to; go on in it if it was interrupted.")
    ],
    seed: Annotated[int, typer.Option(help="Fixes the weights, the documents and their order.")] = 0,
    text: Annotated[
        str, typer.Option(help="What to read: stories, or sums (mostly arithmetic facts).")
    ] = "stories",
    base: Annotated[
        Path | None, typer.Option(help="Go on from the weights in this folder of an earlier pre-training.")
    ] = None,
    learning_rate: Annotated[float, typer.Option(help="Peak learning rate.")] = 2e-3,
    batch_size: Annotated[int, typer.Option(help="Blocks of 128 tokens per step.")] = 64,
    schedule: Annotated[
        str, typer.Option(help="cosine, linear, constant or warmup-stable-decay.")
    ] = "cosine",
    checkpoint_every: Annotated[int, typer.Option(help="Steps between checkpoints.")] = 100,
    threads: Annotated[
        int | None, typer.Option(help="Threads of torch; default: as many as there are cores.")
    ] = None,
) -> None:
    """Pre-train a base model of the lab on declarative text, from nothing or from an earlier pre-training."""
    from transformers import AutoTokenizer

    from cotmill.cli.train import config_of as checked
    from cotmill.core.errors import RecipeError
    from cotmill.lab.declarative import TEXTS, declarative
    from cotmill.lab.models import config_of
    from cotmill.lab.tokenizer import write_tokenizer
    from cotmill.train.pretrain import pretrain, work_folder

    if text not in TEXTS:
        raise RecipeError(f"no pre-training text is called {text!r}; give --text {' or --text '.join(TEXTS)}")
    short = name.removeprefix("lab:")
    shape = config_of(short)
    config = checked(
        steps=1,  # replaced: the steps follow from the tokens
        batch_size=batch_size,
        learning_rate=learning_rate,
        schedule=schedule,
        checkpoint_every=checkpoint_every,
    )
    typer.echo(
        f"{short}: {tokens:,.0f} tokens of {text}, {batch_size} blocks a step, seed {seed} → {out}; "
        "the documents are made first (about 5 s a million tokens), then the time left is shown"
    )
    write_tokenizer(work_folder(out) / "tokenizer")
    facts = pretrain(
        short,
        declarative(seed, int(tokens / LEAST_TOKENS), text=text),
        AutoTokenizer.from_pretrained(work_folder(out) / "tokenizer"),
        tokens=int(tokens),
        model_config=shape,
        config=config,
        out=out,
        seed=seed,
        base=base,
        threads=threads,
        held_out=declarative(_held_out_seed(seed), HELD_OUT_DOCUMENTS),
    )
    typer.echo(_sentence(facts, out))


def _held_out_seed(seed: int) -> int:
    """Derive the seed of documents that are not trained on."""
    from cotmill.core.ids import seed_of

    return seed_of(seed, "held out")


def _sentence(facts: dict[str, Any], out: Path) -> str:
    """Say what was made."""
    return (
        f"{facts['name']}: {facts['parameters']:,} parameters, {facts['tokens']:,} tokens in "
        f"{facts['steps']:,} steps; held-out loss {facts['held_out_loss']:.4f} nats per token; "
        f"written to {out}"
    )


if __name__ == "__main__":
    typer.run(command)
