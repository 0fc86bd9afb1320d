"""Pre-train a base model of the lab: next-token loss on documents packed into fixed blocks.

Documents are tokenised, joined by the end-of-text token and cut into blocks of 128 tokens, so there is no
padding and every position carries loss. Runs through the same trainer as fine-tuning; a killed run goes
on from its last checkpoint and ends with the same weights.
"""

from __future__ import annotations

import shutil
import time
from collections.abc import Iterable, Iterator
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import torch
from datasets import Dataset
from jaxtyping import Integer
from torch.nn import functional
from transformers import AutoModelForCausalLM, TrainerCallback

from cotmill.core.errors import DataError, RunError
from cotmill.core.files import aside, folder_aside, read_json, sha256_of, write_json
from cotmill.core.ids import rng_of, seed_of
from cotmill.model.threads import use_threads
from cotmill.train.config import TrainConfig
from cotmill.train.trainer import Trainer, last_checkpoint, trainer_arguments
from cotmill.train.watch import ProgressWatch, StopAtBadLoss

BLOCK = 128
RECORD = "pretraining.json"
CHUNK = 1_000
"""Documents tokenised at once."""


def pretrain(  # noqa: PLR0913 - the seven things that fix the weights, and where to put them
    name: str,
    texts: Iterable[str],
    tokenizer: Any,
    *,
    tokens: int,
    model_config: Any,
    config: TrainConfig,
    out: Path,
    seed: int,
    base: Path | None = None,
    threads: int | None = None,
    held_out: Iterable[str] = (),
    callbacks: Iterable[TrainerCallback] = (),
) -> dict[str, Any]:
    """Train a model on `tokens` tokens of the texts; write it to the folder `out`.

    It starts from random weights, or from those of `base`, a folder that this function wrote.

    `config.steps` is ignored: the steps follow from `tokens` and the batch size. Returns what is written
    to `pretraining.json`. `texts` must yield the same documents at every call for a resumed run to be exact.
    """
    threads = use_threads(threads)
    if (out / RECORD).is_file():
        return _already(out, name, tokens, seed)
    before = None if base is None else _record_of(base, name)
    started = time.monotonic()
    work = work_folder(out)
    blocks = kept_blocks(work / "blocks.npy", texts, tokenizer, tokens=tokens)
    steps = len(blocks) // config.batch_size
    if steps == 0:
        raise DataError(
            f"{tokens} tokens make no batch of {config.batch_size} blocks of {BLOCK}; give more tokens"
        )
    config = config.model_copy(update={"steps": steps})
    torch.manual_seed(seed_of(seed, "weights", name))
    for key in ("bos_token_id", "eos_token_id", "pad_token_id"):
        setattr(model_config, key, getattr(tokenizer, key))
    trainer = Trainer(
        model=AutoModelForCausalLM.from_config(model_config, dtype=torch.float32)
        if base is None
        else AutoModelForCausalLM.from_pretrained(base, dtype=torch.float32),
        args=trainer_arguments(config, folder=work, steps=steps, seed=seed),
        train_dataset=schedule(len(blocks), config.batch_size * steps, seed=seed),
        data_collator=BlockCollator(blocks),
        processing_class=tokenizer,
        callbacks=[
            StopAtBadLoss(),
            ProgressWatch(name, tokens=steps * config.batch_size * BLOCK),
            *callbacks,
        ],
    )
    checkpoint = last_checkpoint(work)
    trainer.train(resume_from_checkpoint=str(checkpoint) if checkpoint else None)
    model: Any = trainer.model
    facts = {
        "name": name,
        "seed": seed,
        "steps": steps,
        "tokens": steps * config.batch_size * BLOCK,
        "parameters": sum(weight.numel() for weight in model.parameters()),
        "training_loss": trainer.state.log_history[-2]["loss"],
        "held_out_loss": held_out_loss(model, blocks_of(held_out, tokenizer)),
        "threads": threads,
        "config": config.model_dump(mode="json"),
        "before": before,
    }
    write_model(model, tokenizer, out, facts, seconds=time.monotonic() - started)
    shutil.rmtree(work, ignore_errors=True)
    return facts


def _record_of(base: Path, name: str) -> dict[str, Any]:
    """Return what is known of the weights to go on from."""
    if not (base / RECORD).is_file():
        raise RunError(f"{base} has no {RECORD}; name a folder that an earlier pre-training wrote")
    record = read_json(base / RECORD)
    if record["name"] != name:
        raise RunError(f"{base} holds {record['name']}, not {name}; name a folder with weights of {name}")
    return {key: value for key, value in record.items() if key != "config"}


def _already(out: Path, name: str, tokens: int, seed: int) -> dict[str, Any]:
    """Return the facts of the pre-training that lies in `out`, if it is this one."""
    facts = read_json(out / RECORD)
    step = facts["config"]["batch_size"] * BLOCK
    if (facts["name"], facts["tokens"], facts["seed"]) != (name, tokens // step * step, seed):
        raise RunError(
            f"{out} holds {facts['name']} pre-trained on {facts['tokens']:,} tokens with seed "
            f"{facts['seed']}; name another folder"
        )
    shutil.rmtree(work_folder(out), ignore_errors=True)
    return {key: value for key, value in facts.items() if key != "sha256"}


def work_folder(out: Path) -> Path:
    """Name the folder that holds checkpoints until the model is whole."""
    return out.with_name(out.name + ".work")


def kept_blocks(
    path: Path, texts: Iterable[str], tokenizer: Any, *, tokens: int
) -> Integer[np.ndarray, "block token"]:
    """Make the blocks once; a run that is resumed reads them."""
    if not path.exists():
        with aside(path) as part, part.open("wb") as file:
            np.save(file, blocks_of(texts, tokenizer, tokens=tokens), allow_pickle=False)
    blocks = np.lib.format.open_memmap(path, mode="r")
    if len(blocks) != tokens // BLOCK:
        raise DataError(
            f"{path} holds {len(blocks)} blocks, {tokens // BLOCK} were asked for; "
            f"delete {path.parent} to start again, or give the number of tokens it was started with"
        )
    return blocks


def blocks_of(
    texts: Iterable[str], tokenizer: Any, *, tokens: int | None = None
) -> Integer[np.ndarray, "block token"]:
    """Join tokenised texts by the end-of-text token and cut into blocks; the tail is left off."""
    wanted = None if tokens is None else tokens // BLOCK * BLOCK
    dtype = np.uint16 if len(tokenizer) <= 2**16 else np.int32
    parts, have = [], 0
    for part in _token_chunks(texts, tokenizer):
        parts.append(np.asarray(part, dtype=dtype))
        have += len(part)
        if wanted is not None and have >= wanted:
            break
    if wanted is not None and have < wanted:
        raise DataError(
            f"the texts hold {have} tokens, {wanted} were asked for; give more texts or fewer tokens"
        )
    flat = np.concatenate(parts) if parts else np.empty(0, dtype=dtype)
    return flat[: (have if wanted is None else wanted) // BLOCK * BLOCK].reshape(-1, BLOCK)


def _token_chunks(texts: Iterable[str], tokenizer: Any) -> Iterator[list[int]]:
    """Tokenise some texts at a time, each with an end-of-text token after it."""
    stream = iter(texts)
    while chunk := list(islice(stream, CHUNK)):
        encoded = tokenizer(chunk, add_special_tokens=False, return_attention_mask=False)["input_ids"]
        yield [token for row in encoded for token in (*row, tokenizer.eos_token_id)]


def schedule(rows: int, slots: int, *, seed: int) -> Dataset:
    """List the block to read at every slot of the run: each once, in an order that follows from the seed."""
    return Dataset.from_dict({"block": rng_of(seed, "blocks").permutation(rows)[:slots]})


class BlockCollator:
    """Turn block numbers into a batch; inputs are labels, there is no padding."""

    def __init__(self, blocks: Integer[np.ndarray, "block token"]) -> None:
        """Keep the blocks."""
        self.blocks = blocks

    def __call__(self, entries: list[dict[str, int]]) -> dict[str, torch.Tensor]:
        """Stack the blocks of one batch."""
        rows = self.blocks[[entry["block"] for entry in entries]].astype(np.int64)
        inputs = torch.from_numpy(rows)
        return {"input_ids": inputs, "attention_mask": torch.ones_like(inputs), "labels": inputs}


@torch.inference_mode()
def held_out_loss(model: Any, blocks: Integer[np.ndarray, "block token"], *, batch: int = 32) -> float | None:
    """Average the loss in nats per token over blocks; None when there are none."""
    if not len(blocks):
        return None
    model.eval()
    total = 0.0
    for start in range(0, len(blocks), batch):
        inputs = torch.from_numpy(blocks[start : start + batch].astype(np.int64)).to(model.device)
        logits = model(input_ids=inputs, use_cache=False).logits[:, :-1]
        total += functional.cross_entropy(
            logits.float().flatten(0, 1), inputs[:, 1:].flatten(), reduction="sum"
        ).item()
    return total / (len(blocks) * (BLOCK - 1))


def write_model(model: Any, tokenizer: Any, out: Path, facts: dict[str, Any], *, seconds: float) -> None:
    """Write weights, configuration, tokenizer and the facts about the training; whole or not at all."""
    with folder_aside(out) as part:
        model.save_pretrained(part)
        tokenizer.save_pretrained(part)
        hashes = {path.name: sha256_of(path) for path in sorted(part.iterdir())}
        write_json(part / RECORD, {**facts, "sha256": hashes})
        write_json(part / "timing.json", {"seconds": seconds, "tokens_per_second": facts["tokens"] / seconds})
