"""What the verbs of `cotmill measure` share: what is read, what it will cost, where it is written."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from cotmill.core.errors import EvidenceError

if TYPE_CHECKING:
    from cotmill.data.pool import Pool
    from cotmill.evidence import Evidence
    from cotmill.model.load import LanguageModel


def opened(
    model: str, data: str, threads: int | None, *, passes: int, max_length: int | None
) -> tuple[LanguageModel, Pool]:
    """Load model and rows, and say what will be done and roughly how long it takes."""
    from cotmill.data.read import read_pool
    from cotmill.model.cost import in_words, parameters, seconds_for
    from cotmill.model.load import load
    from cotmill.model.threads import use_threads
    from cotmill.model.tokenise import tokenise

    use_threads(threads)
    lm, pool = load(model), read_pool(data).without_labels()
    some = tokenise(lm.tokenizer, pool.take(pool.ids[:500]), max_length=max_length or lm.max_length)
    tokens = float(some.lengths.mean()) * len(pool) * passes if len(pool) else 0.0
    read = f", {passes} x {len(pool):,} rows to read, {tokens:,.0f} tokens" if passes else ""
    seconds = in_words(seconds_for(lm, tokens, training=False)) if passes else "some seconds"
    known = f"{model} ({parameters(lm):,} weights, {lm.device.type})"
    typer.echo(f"{known} on {len(pool):,} rows{read}: roughly {seconds}")
    return lm, pool


def points_of(models: list[str]) -> dict[int, str | Path]:
    """Read `FOLDER`, or `100=MODEL 200=MODEL`."""
    from cotmill.model.snapshots import snapshots_of

    if len(models) == 1 and "=" not in models[0]:
        found = snapshots_of(Path(models[0]))
        if not found:
            raise EvidenceError(
                f"{models[0]} holds no snapshots; train with: cotmill train … --checkpoints 6, or name them: "
                "100=MODEL 200=MODEL"
            )
        return dict(found)
    points: dict[int, str | Path] = {}
    for text in models:
        step, equals, name = text.partition("=")
        if not (equals and step.isdigit() and name):
            raise EvidenceError(f"{text!r} is not STEP=MODEL; write for example 100=runs/a 200=runs/b")
        points[int(step)] = name
    return points


def work_folder(out: Path) -> Path:
    """Name the folder in which a measurement lies until it is whole."""
    return out.with_name(out.name + ".work")


def finish(evidence: Evidence, out: Path) -> None:
    """Write the evidence, and remove what was kept to go on from; of several processes the first does it."""
    from cotmill.model.ranks import rank

    if rank() == 0:
        evidence.write(out)
        shutil.rmtree(work_folder(out), ignore_errors=True)
