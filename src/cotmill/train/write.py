"""What a training leaves: weights, tokenizer, the loss of every step, and what it was made of."""

from __future__ import annotations

import copy
import resource
import shutil
from pathlib import Path
from typing import Any

import pyarrow as pa
import torch

from cotmill.core.checked import sums_of, write_table
from cotmill.core.files import folder_aside, write_checked_json, write_json
from cotmill.model.load import LanguageModel, fingerprint_of
from cotmill.model.snapshots import SNAPSHOTS, snapshot_folder
from cotmill.train.masked.vocabulary import drop_row, is_added

RESULT = "cotmill.json"
LOG = "train_log.parquet"
TIMING = "timing.json"
ADAPTER = "adapter"
OPTIONAL = (
    "held_out_accuracy", "mask_ratio", "noised_share", "loss_clean_input", "loss_noised_input",
)  # fmt: skip
"""Columns of the log that are there only if the training measured them."""


def write_result(  # noqa: PLR0913 - what a result is made of
    trainer: Any,
    lm: LanguageModel,
    out: Path,
    job: dict[str, Any],
    facts: dict[str, Any],
    work: Path,
    *,
    seconds: float,
    weights: dict[str, Any] | None = None,
) -> dict[str, Any]:
    """Write the folder of the trained model, whole or not at all; return the facts with its fingerprint.

    Adapters are written as they are, and merged into the weights, so that whatever reads the folder needs
    no knowledge of them. `timing.json` alone differs between two runs of the same job.
    """
    with folder_aside(out) as part:
        model = trainer.accelerator.unwrap_model(trainer.model)
        if hasattr(model, "merge_and_unload"):
            model.save_pretrained(part / ADAPTER)
            model = model.merge_and_unload()
        write_weights(model, lm.tokenizer, part, low=trainer.args.bf16, weights=weights)
        write_table(log_table(trainer.state.log_history), part / LOG)
        if (work / SNAPSHOTS).is_dir():
            # Copied, not moved: a kill before the result is whole must leave them for the next start.
            shutil.copytree(work / SNAPSHOTS, part / SNAPSHOTS)
        result = {**facts, "fingerprint": fingerprint_of(part)}
        write_checked_json(part / RESULT, {"job": job, "result": result, "files": sums_of(part)})
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        write_json(part / TIMING, {"seconds": seconds, "peak_memory_kb": peak})
    return result


def gathered(trainer: Any) -> dict[str, Any] | None:
    """Collect the weights of a model that is cut over processes; all of them must call this.

    None where every process has the whole model.
    """
    if not (trainer.is_fsdp_enabled or trainer.is_deepspeed_enabled):
        return None
    return trainer.accelerator.get_state_dict(trainer.model)


def write_weights(
    model: Any, tokenizer: Any, folder: Path, *, low: bool = False, weights: dict[str, Any] | None = None
) -> None:
    """Save a model and its tokenizer; in bfloat16 when its arithmetic was."""
    if weights is not None:
        kind = torch.bfloat16 if low else torch.float32
        model.save_pretrained(folder, state_dict={name: value.to(kind) for name, value in weights.items()})
    else:
        (model.to(torch.bfloat16) if low else model).save_pretrained(folder)
    tokenizer.save_pretrained(folder)


def log_table(history: list[dict[str, Any]]) -> pa.Table:
    """Arrange the log of a run as a table of steps."""
    steps: dict[int, dict[str, float]] = {}
    for entry in history:
        steps.setdefault(int(entry["step"]), {}).update(entry)
    rows = [steps[step] for step in sorted(steps) if "loss" in steps[step] or "held_out_loss" in steps[step]]
    kinds = {"loss": "loss", "learning_rate": "learning_rate", "gradient_norm": "grad_norm"}
    columns: dict[str, pa.Array] = {"step": pa.array([int(row["step"]) for row in rows], pa.int64())}
    kinds |= {"held_out_loss": "held_out_loss"}
    kinds |= {name: name for name in OPTIONAL if any(name in row for row in rows)}
    for name, key in kinds.items():
        columns[name] = pa.array([row.get(key) for row in rows], pa.float64())
    return pa.table(columns)


def snapshot(model: Any, tokenizer: Any, folder: Path, step: int) -> None:
    """Keep the weights as they are after a step, adapters merged, no added mask; whole or not at all."""
    place = snapshot_folder(folder, step)
    added = is_added(model)
    if hasattr(model, "merge_and_unload") or added:
        model = copy.deepcopy(model)
    if hasattr(model, "merge_and_unload"):
        model = model.merge_and_unload()
    if added:
        drop_row(model)
    with folder_aside(place) as part:
        write_weights(model, tokenizer, part)
