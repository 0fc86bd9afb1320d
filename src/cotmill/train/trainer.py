"""TRL's SFTTrainer, told what to do batch by batch, with nothing in the loop that we do not read.

The data set given to it is the *schedule*: one entry per (step, slot), read in order; a collator turns
the entries of a batch into tensors. Order, resumption and extra behaviour (a recorder of trajectories, a
masking collator) therefore live outside the loop: pass a collator or callbacks.

Where we differ from TRL 1.16 and why: on a CPU its fused head scores every position, masked ones too, and
computes entropy and accuracy at each step, which costs a quarter of the speed of a small model; ours
projects only the labelled positions. Checkpoints are written aside and renamed, so a kill never leaves a
half one. No telemetry is sent and no model card is written.
"""

from __future__ import annotations

import shutil
import sys
import types
from pathlib import Path
from typing import Any

import torch
from peft import LoraConfig as PeftLoraConfig
from torch.nn import functional
from transformers import PrinterCallback, TrainingArguments
from trl.trainer.sft_config import SFTConfig
from trl.trainer.sft_trainer import SFTTrainer

from cotmill.core import mirror
from cotmill.core.checked import damage_of, sums_of
from cotmill.core.errors import ModelError
from cotmill.core.files import read_json, remove, write_json
from cotmill.model.batches import IGNORED
from cotmill.model.head import has_plain_head, without_adapters
from cotmill.model.ranks import processes, rank
from cotmill.train.config import TrainConfig
from cotmill.train.masked.meter import LABEL_LOSSES
from cotmill.train.seen import COLUMN, SeenLosses

SCHEDULES = {
    "cosine": "cosine",
    "linear": "linear",
    "constant": "constant_with_warmup",
    "warmup-stable-decay": "warmup_stable_decay",
}
SUMS = "sums.json"
DECAY_SHARE = 0.2
"""Share of the steps in which warmup-stable-decay lets the rate fall to zero."""


class Trainer(SFTTrainer):
    """The loop of transformers with TRL's checks, our loss on CPUs, and checkpoints that are whole."""

    loss_is_scaled_for_ga = True

    def __init__(self, **kwargs: Any) -> None:
        """Take what SFTTrainer takes."""
        super().__init__(**kwargs)
        self.remove_callback(PrinterCallback)
        self._saving = False
        network: Any = self.model
        self._lean = self.args.device.type == "cpu" and has_plain_head(network)
        if self._lean:
            add_summed_loss(network)
        self._seen: SeenLosses | None = None

    def record(self, seen: SeenLosses) -> None:
        """Write down the loss of every row when it is trained on.

        Raises:
            ModelError: the model's loss cannot be told row by row.
        """
        network: Any = self.model
        if not has_plain_head(network):
            raise ModelError("this model scales its logits, so its losses cannot be recorded row by row")
        if not self._lean:
            add_summed_loss(network)
        self._seen, self._lean = seen, True

    def compute_loss(
        self,
        model: torch.nn.Module,
        inputs: dict[str, Any],
        return_outputs: bool = False,  # noqa: FBT001, FBT002 - the signature of transformers
        num_items_in_batch: torch.Tensor | int | None = None,
    ) -> Any:
        """Sum the loss of the labelled tokens and divide by the number of them in the whole step."""
        if not self._lean or return_outputs:
            return super().compute_loss(model, inputs, return_outputs, num_items_in_batch)
        labels = inputs["labels"]
        total = model(
            input_ids=inputs["input_ids"],
            position_ids=inputs.get("position_ids"),
            summed_loss_of=labels,
            by_row=self._seen is not None,
        )
        if self._seen is not None:
            self._seen(inputs[COLUMN], (labels[:, 1:] != IGNORED).sum(dim=1), total)
            total = total.sum()
        count = (labels[:, 1:] != IGNORED).sum() if num_items_in_batch is None else num_items_in_batch
        loss = total / torch.as_tensor(count).clamp(min=1)
        if self.args.average_tokens_across_devices and num_items_in_batch is not None:
            # The count is of all processes, and DDP averages gradients over them.
            loss = loss * self.accelerator.num_processes
        return loss

    def floating_point_ops(self, inputs: dict[str, Any]) -> int:  # noqa: ARG002
        """Count nothing: walking all parameters at each step would cost more than it tells."""
        return 0

    def _send_telemetry(self) -> None:
        """Send nothing anywhere."""

    def _get_output_dir(self, trial: Any) -> str:
        return str(saving_folder(self.args)) if self._saving else super()._get_output_dir(trial)

    def _save_checkpoint(self, model: torch.nn.Module, trial: Any) -> None:
        self._saving = True
        super(SFTTrainer, self)._save_checkpoint(model, trial)
        self._saving = False
        self.accelerator.wait_for_everyone()
        if self.args.should_save:
            keep_only(Path(str(self.args.output_dir)), saving_folder(self.args), self.state.global_step)
        self.accelerator.wait_for_everyone()


def add_summed_loss(model: torch.nn.Module) -> None:
    """Let `model(input_ids=…, summed_loss_of=labels)` return the summed loss in nats, or that of each row.

    It goes through the model's own `forward`, so that DDP and adapters see it. Padding is on the right,
    so under causal attention no mask is needed.
    """
    base: Any = without_adapters(model)
    original = base.forward

    def forward(
        self: Any,
        *args: Any,
        summed_loss_of: torch.Tensor | None = None,
        by_row: bool = False,
        **kwargs: Any,
    ) -> Any:
        if summed_loss_of is None:
            return original(*args, **kwargs)
        hidden = self.base_model(*args, use_cache=False, **kwargs).last_hidden_state[:, :-1]
        targets = summed_loss_of[:, 1:]
        keep = targets != IGNORED
        logits = self.get_output_embeddings()(hidden[keep])
        scores = functional.log_softmax(logits.float(), -1)
        if self.training:
            # Left for whoever logs losses of single labels (masked thought); it costs a look-up.
            setattr(self, LABEL_LOSSES, -scores.detach().gather(1, targets[keep][:, None])[:, 0])
        if not by_row:
            return functional.nll_loss(scores, targets[keep], reduction="sum")
        losses = functional.nll_loss(scores, targets[keep], reduction="none")
        rows = torch.arange(len(keep), device=keep.device).repeat_interleave(keep.sum(dim=1))
        return losses.new_zeros(len(keep)).index_add(0, rows, losses)

    base.forward = types.MethodType(forward, base)


def saving_folder(args: TrainingArguments) -> Path:
    """Name the folder in which a checkpoint is written before it takes its name."""
    return Path(str(args.output_dir)) / "saving.part"


def keep_only(folder: Path, saving: Path, step: int) -> None:
    """Give the checkpoint just written its name, and delete the older ones."""
    name = f"checkpoint-{step}"
    if (folder / name).exists():
        shutil.rmtree(folder / name)
    write_json(saving / name / SUMS, sums_of(saving / name))
    (saving / name).replace(folder / name)
    mirror.published(folder / name)
    shutil.rmtree(saving)
    for old in folder.glob("checkpoint-*"):
        if old.name != name:
            remove(old)


def last_checkpoint(folder: Path) -> Path | None:
    """Find the checkpoint to resume from."""
    if rank() == 0:
        shutil.rmtree(folder / "saving.part", ignore_errors=True)
    found = sorted(folder.glob("checkpoint-*"), key=lambda path: int(path.name.rpartition("-")[2]))
    while found and (wrong := _damage(found[-1])) is not None:
        sys.stderr.write(f"warning: {wrong}; the checkpoint {found[-1].name} is left out\n")
        shutil.rmtree(found.pop())
    return found[-1] if found else None


def _damage(checkpoint: Path) -> str | None:
    """Compare a checkpoint with its hashes; those of earlier versions have none."""
    path = checkpoint / SUMS
    try:
        return damage_of(checkpoint, read_json(path)) if path.is_file() else None
    except (ValueError, AttributeError, TypeError, KeyError):
        return f"{path} cannot be read"


def trainer_arguments(config: TrainConfig, *, folder: Path, steps: int, seed: int) -> SFTConfig:
    """Translate our configuration into TRL's."""
    cuda = torch.cuda.is_available()
    low = config.dtype == "bfloat16" or (config.dtype == "auto" and cuda and torch.cuda.is_bf16_supported())
    decay = {"num_decay_steps": max(1, round(DECAY_SHARE * steps))}
    return SFTConfig(
        output_dir=str(folder),
        max_steps=steps,
        per_device_train_batch_size=config.batch_size // (config.accumulate * processes()),
        gradient_accumulation_steps=config.accumulate,
        learning_rate=config.learning_rate,
        lr_scheduler_type=SCHEDULES[config.schedule],
        lr_scheduler_kwargs=decay if config.schedule == "warmup-stable-decay" else {},
        warmup_steps=round(config.warmup * steps),
        weight_decay=config.weight_decay,
        adam_beta1=config.betas[0],
        adam_beta2=config.betas[1],
        max_grad_norm=config.max_grad_norm,
        optim="adamw_torch_fused",
        bf16=cuda and low,
        use_cpu=not cuda,
        activation_checkpointing=False,
        train_sampling_strategy="sequential",
        remove_unused_columns=False,
        dataset_kwargs={"skip_prepare_dataset": True},
        max_length=None,
        packing=False,
        seed=seed % 2**32,
        data_seed=seed % 2**32,
        logging_steps=1,
        logging_nan_inf_filter=False,
        report_to="none",
        disable_tqdm=True,
        dataloader_pin_memory=cuda,
        save_strategy="steps" if config.checkpoint_every else "no",
        save_steps=config.checkpoint_every or steps,
    )


def adapters_of(config: TrainConfig) -> PeftLoraConfig | None:
    """Translate our adapters into those of peft; None for full fine-tuning."""
    if config.lora is None:
        return None
    targets = config.lora.targets
    return PeftLoraConfig(
        r=config.lora.rank,
        lora_alpha=config.lora.alpha,
        lora_dropout=config.lora.dropout,
        target_modules=targets if isinstance(targets, str) else list(targets),
        task_type="CAUSAL_LM",
    )
