"""Fine-tune a model on a Pool: the answers carry the loss, the prompts are given.

The run is a function of (base weights, pool, configuration, seed, threads): the same inputs give the same
bytes, whether or not the run was interrupted. Checkpoints lie in a work folder beside the result and are
removed with it; the result takes its name only when it is whole.
"""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from datasets import Dataset
from transformers import TrainerCallback

from cotmill.core.checked import damage_of
from cotmill.core.errors import DataError, ModelError, RecipeError, RunError
from cotmill.core.files import canonical_json, read_json, write_checked_json
from cotmill.core.ids import content_id
from cotmill.core.stopping import patience, stop_here
from cotmill.data.pool import Pool
from cotmill.model.batches import is_memory
from cotmill.model.load import LanguageModel, load
from cotmill.model.quiet import quiet_transformers
from cotmill.model.ranks import cut_over_processes, own_device, processes, rank
from cotmill.model.threads import use_threads
from cotmill.model.tokenise import TokenisedRows, refuse_bad_masks, tokenise
from cotmill.train.check import clean_check
from cotmill.train.collate import MakeCollator, PackingCollator, RowCollator
from cotmill.train.config import TrainConfig
from cotmill.train.masked.trainer import masked_thought
from cotmill.train.schedule import schedule
from cotmill.train.seen import SeenLosses
from cotmill.train.trainer import Trainer, adapters_of, last_checkpoint, trainer_arguments
from cotmill.train.watch import (
    AtSteps,
    CheckpointInTime,
    ProgressWatch,
    SaveWhenAsked,
    StopAtBadLoss,
    even_steps,
)
from cotmill.train.write import RESULT, gathered, snapshot, write_result

JOB = "job.json"


@dataclass(frozen=True)
class TrainResult:
    """What a training run came to."""

    base: str
    base_fingerprint: str
    fingerprint: str
    """Of the weights that were written; empty in all processes but the first."""
    pool_fingerprint: str
    rows: int
    steps: int
    epochs: float
    tokens: int
    """Tokens read, prompts included, padding not."""
    label_tokens: int
    truncated: int
    """Rows of the pool that were cut to max_length."""
    left_out: int
    """Rows without an answer token, which were left out on request."""
    final_loss: float
    """Mean over the last tenth of the steps, nats per answer token."""
    held_out_loss: float | None
    seed: int
    threads: int
    max_length: int


@dataclass(frozen=True)
class Extras:
    """What other modules add to a run: a collator, callbacks, and a name that tells such runs apart."""

    name: str = ""
    collator: MakeCollator | None = None
    callbacks: tuple[TrainerCallback, ...] = ()
    sweep: Callable[[int, LanguageModel], None] | None = None
    """Called with (step, model) at the steps of `checkpoints`, instead of keeping the weights."""
    seen: SeenLosses | None = None
    """Writes down the loss of every row when it is trained on."""


def train(  # noqa: PLR0913 - what is trained on what, how, where to, and what is kept on the way
    base: str,
    pool: Pool,
    config: TrainConfig,
    *,
    out: Path,
    seed: int,
    threads: int | None = None,
    checkpoints: int = 0,
    held_out: Pool | None = None,
    extras: Extras | None = None,
) -> TrainResult:
    """Fine-tune `base` on the pool and write the model to the folder `out`.

    `checkpoints` keeps the weights at so many evenly spaced steps, for loss trajectories. `held_out` is
    measured every `config.eval_every` steps and at the end. A run that is there already is not repeated;
    an interrupted one goes on.

    Raises:
        DataError: rows with an empty or full loss mask, or no rows.
        ModelError: `extras` asks for losses row by row, where there is no such loss.
        RunError: `out` holds another run, or the work folder beside it does.
    """
    threads, extras = use_threads(threads), extras or Extras()
    started = time.monotonic()
    # Weights that will be cut over several GPUs need not fit into one.
    lm = load(base, dtype=torch.float32, device="cpu" if cut_over_processes() else own_device(), seed=seed)
    _refuse_with_cut_weights(config, checkpoints)
    job = job_of(lm, pool, config, seed=seed, threads=threads, extra=f"{extras.name}/{checkpoints}")
    if (out / RESULT).is_file():
        return _already(out, job)
    rows = _rows(lm, pool, config)
    work = _claim(out, job)
    plan = schedule(rows.row_ids, rows.lengths, config, seed=seed)
    steps = int(plan["step"][-1]) + 1
    watches = _watches(lm, config, steps, work, checkpoints, held_out, extras)
    with quiet_transformers():
        trainer = Trainer(
            model=lm.model,
            args=trainer_arguments(config, folder=work, steps=steps, seed=seed),
            train_dataset=Dataset.from_dict(plan),
            data_collator=_collator(lm, rows, config, extras),
            processing_class=lm.tokenizer,
            peft_config=adapters_of(config),
            callbacks=[ProgressWatch("training", tokens=int(rows.lengths[plan["position"]].sum())), *watches],
        )
        if extras.seen is not None:
            _refuse_two_losses(config)
            trainer.record(extras.seen)
        if config.mask is not None:
            masked_thought(trainer, config.mask, seed=seed)
        checkpoint = last_checkpoint(work)
        with patience(), _within_memory(config):
            trainer.train(resume_from_checkpoint=str(checkpoint) if checkpoint else None)
            stop_here()
        facts: dict[str, Any] = _facts(lm, pool, rows, plan, trainer.state.log_history)
        facts |= {"seed": seed, "threads": threads}
        weights = gathered(trainer)
        if rank() > 0:
            return TrainResult(**facts, fingerprint="")
        spent = time.monotonic() - started
        result = write_result(trainer, lm, out, job, facts, work, seconds=spent, weights=weights)
    shutil.rmtree(work)
    return TrainResult(**result)


@contextmanager
def _within_memory(config: TrainConfig) -> Iterator[None]:
    """Say what to do when memory runs out. Halving the batch by itself would change the order of sums.

    Raises:
        ModelError: it does.
    """
    try:
        yield
    except RuntimeError as error:
        if not is_memory(error):
            raise
        rows = config.batch_size // config.accumulate
        tip = f"type --accumulate {2 * config.accumulate}, which reads them in halves" if rows > 1 else (
            "lower --max-length, or train adapters with --lora 16"
        )  # fmt: skip
        raise ModelError(f"{rows} rows at once do not fit into memory; {tip}") from error


def job_of(
    lm: LanguageModel, pool: Pool, config: TrainConfig, *, seed: int, threads: int, extra: str = ""
) -> dict[str, Any]:
    """Say what decides the result; two runs with an equal job are the same run."""
    job = {
        "base_fingerprint": lm.fingerprint,
        "pool_fingerprint": pool.fingerprint,
        "config": config.model_dump(mode="json", exclude={"checkpoint_every"}),
        "seed": seed,
        "threads": threads,
        "device": lm.device.type,
        "processes": processes(),
        "extra": extra,
    }
    return {**job, "key": content_id(canonical_json(job))}


def _refuse_with_cut_weights(config: TrainConfig, checkpoints: int) -> None:
    """Refuse what needs the whole model in one process where it is cut over several."""
    if not cut_over_processes():
        return
    if config.lora is not None or config.mask is not None or checkpoints or config.eval_answers:
        raise RecipeError(
            "lora, mask, checkpoints and eval_answers need the whole model in each process; leave them out, "
            "or train without FSDP (recipes/accelerate/ddp.yaml)"
        )


def _refuse_two_losses(config: TrainConfig) -> None:
    """Refuse to write down the loss of a row of which two are computed, a clean and a noised one."""
    if config.mask is not None and config.mask.consistency:
        raise ModelError(
            f"a mask with consistency {config.mask.consistency:g} computes two losses of each row, so none "
            "can be recorded while the row is trained on; set consistency to 0, or sweep the pool instead"
        )


def _already(out: Path, job: dict[str, Any]) -> TrainResult:
    """Return the result that lies in `out`, if it is of this job."""
    found = read_json(out / RESULT)
    if found["job"]["key"] != job["key"]:
        raise RunError(
            f"{out} holds the result of another training ({_differences(found['job'], job)}); "
            "name another folder"
        )
    wrong = damage_of(out, found.get("files", {}))
    if wrong is not None:
        raise RunError(f"{wrong}; remove {out} and train again")
    # A kill between the result taking its name and this removal leaves the folder behind.
    shutil.rmtree(work_folder(out), ignore_errors=True)
    return TrainResult(**found["result"])


def work_folder(out: Path) -> Path:
    """Name the folder that holds checkpoints until the result is whole."""
    return out.with_name(out.name + ".work")


def _claim(out: Path, job: dict[str, Any]) -> Path:
    """Make or find the folder for checkpoints; refuse one of another run."""
    if out.exists() and any(out.iterdir()):
        raise RunError(f"{out} is there and holds no finished training; name a new folder")
    work = work_folder(out)
    if rank() > 0:
        return work
    if (work / JOB).is_file():
        found = read_json(work / JOB)
        if found["key"] != job["key"]:
            raise RunError(
                f"{work} holds an unfinished training of another kind ({_differences(found, job)}); "
                "start that one again to finish it, or delete the folder"
            )
    else:
        shutil.rmtree(work, ignore_errors=True)
        work.mkdir(parents=True)
        write_checked_json(work / JOB, job)
    return work


def _differences(found: dict[str, Any], job: dict[str, Any]) -> str:
    """Name the entries in which two jobs differ."""
    return "different " + ", ".join(sorted(key for key in job if key != "key" and found.get(key) != job[key]))


def _rows(lm: LanguageModel, pool: Pool, config: TrainConfig) -> TokenisedRows:
    """Tokenise the pool and refuse what cannot be learned from."""
    if not len(pool):
        raise DataError("the pool has no rows; there is nothing to train on")
    length = config.max_length or lm.max_length
    rows = tokenise(lm.tokenizer, pool, max_length=length, form=config.form)
    if config.empty_rows == "leave out":
        rows = rows.take(np.flatnonzero(rows.labels))
    if not len(rows):
        raise DataError(f"none of the {len(pool)} rows has an answer token within {length} tokens")
    refuse_bad_masks(rows)
    return rows


def _collator(lm: LanguageModel, rows: TokenisedRows, config: TrainConfig, extras: Extras) -> Any:
    """Choose the collator."""
    pad = lm.tokenizer.pad_token_id
    pad = lm.tokenizer.eos_token_id if pad is None else pad
    keyed = config.mask is not None
    if extras.collator is not None:
        made = extras.collator(rows, pad)
    elif config.packing:
        made = PackingCollator(rows, pad, width=config.max_length or lm.max_length, keyed=keyed)
    else:
        made = RowCollator(rows, pad, keyed=keyed)
    return made if extras.seen is None else extras.seen.watch(rows, made)


def _watches(
    lm: LanguageModel,
    config: TrainConfig,
    steps: int,
    work: Path,
    checkpoints: int,
    held_out: Pool | None,
    extras: Extras,
) -> Iterable[TrainerCallback]:
    """List the callbacks of a run."""
    yield StopAtBadLoss()
    yield SaveWhenAsked()
    if config.checkpoint_every is None:
        yield CheckpointInTime()
    if held_out is not None:
        every = config.eval_every or steps
        yield AtSteps({*range(every, steps, every), steps}, clean_check(lm, held_out, config))
    if checkpoints:
        yield AtSteps(even_steps(steps, checkpoints), _keeper(lm, work, extras))
    yield from extras.callbacks


def _keeper(lm: LanguageModel, work: Path, extras: Extras) -> Callable[[int, Any], None]:
    """Choose what is done at a checkpoint: keep the weights, or what the caller wants."""
    sweep = extras.sweep
    if sweep is None:
        return lambda step, model: snapshot(model, lm.tokenizer, work, step)
    return lambda step, model: sweep(step, LanguageModel(model, lm.tokenizer, lm.name, ""))


def _facts(
    lm: LanguageModel, pool: Pool, rows: TokenisedRows, plan: dict[str, Any], log: list[dict[str, Any]]
) -> dict[str, Any]:
    """Gather what is known of the run but the fingerprint of its weights."""
    losses = [entry["loss"] for entry in log if "loss" in entry]
    held_out = [entry["held_out_loss"] for entry in log if "held_out_loss" in entry]
    last = losses[-max(1, len(losses) // 10) :]
    return {
        "base": lm.name if not Path(lm.name).exists() else Path(lm.name).name,
        "base_fingerprint": lm.fingerprint,
        "pool_fingerprint": pool.fingerprint,
        "rows": len(rows),
        "steps": len(losses),
        "epochs": len(plan["position"]) / len(rows),
        "tokens": int(rows.lengths[plan["position"]].sum()),
        "label_tokens": int(rows.labels[plan["position"]].sum()),
        "truncated": int(rows.truncated.sum()),
        "left_out": len(pool) - len(rows),
        "final_loss": sum(last) / len(last),
        "held_out_loss": held_out[-1] if held_out else None,
        "max_length": int(rows.max_length),
    }
