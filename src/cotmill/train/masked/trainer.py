"""One call that gives masked-thought fine-tuning to a trainer of TRL or transformers.

    trainer = SFTTrainer(...)
    masked_thought(trainer, ratio=0.4)
    trainer.train()

The trainer keeps its data, collator and loop; only the ids that the model reads are changed, at the step, on
the device, in `compute_loss`. So it works with adapters, packing, padding-free batches, accumulation, any
number of workers and processes, and evaluation stays clean. Nothing is drawn from torch's generators: a
ratio of 0 is the same training bit for bit.
"""

from __future__ import annotations

import contextlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeVar

import torch
from datasets import Dataset

from cotmill.core.errors import DataError, ModelError, RecipeError
from cotmill.core.ids import seed_of
from cotmill.model.batches import IGNORED
from cotmill.train.masked.config import MaskConfig
from cotmill.train.masked.consistency import consistent_losses
from cotmill.train.masked.keys import ROWS, Layout, layout_of, real_tokens
from cotmill.train.masked.meter import Meter, Tap
from cotmill.train.masked.replace import ON_EMBEDDINGS, embeddings_changed, guessed_ids, replaced_ids
from cotmill.train.masked.vocabulary import (
    Vocabulary,
    add_row,
    drop_row,
    is_added,
    never_write,
    pad_id,
    spare_id,
    vocabulary_of,
)
from cotmill.train.masked.where import Chosen, choose
from cotmill.train.masked.wrapped import Cuts, cuts_of

if TYPE_CHECKING:
    from transformers import Trainer as Base
else:
    Base = object
AnyTrainer = TypeVar("AnyTrainer")


@dataclass(frozen=True, eq=False)
class Noise:
    """All that decides the noise of a batch, but the step."""

    config: MaskConfig
    seed: int
    vocabulary: Vocabulary
    added: bool
    """Whether the mask is a row that is added to the embeddings while training."""
    cuts: Cuts | None = None
    """Rows that packing cut in two."""

    def of(self, inputs: Mapping[str, Any], *, ratio: float, epoch: int) -> tuple[Layout, Chosen, int]:
        """Find the rows of a batch, choose what is noised, and give the seed of the epoch."""
        seed = seed_of(self.seed, "epoch", 0 if ROWS in inputs else epoch)
        layout = layout_of(inputs)
        if self.cuts is not None:
            layout = self.cuts.mend(layout, inputs)
        return layout, choose(inputs, layout, self.vocabulary, self.config, ratio=ratio, seed=seed), seed

    def ids(
        self, model: Any, inputs: Mapping[str, Any], layout: Layout, chosen: Chosen, seed: int
    ) -> torch.Tensor:
        """Give the ids that the model reads."""
        if self.config.replacement in ON_EMBEDDINGS:
            return inputs["input_ids"]
        if self.config.replacement == "model":
            return guessed_ids(model, inputs, chosen.noised, layout, self.vocabulary, self.config, seed=seed)
        return replaced_ids(inputs["input_ids"], chosen.noised, layout, self.vocabulary, seed=seed)

    def labels(self, labels: torch.Tensor, chosen: Chosen) -> torch.Tensor:
        """Give the labels that count; untouched unless the setting restricts the loss."""
        if self.config.loss == "all":
            return labels
        left_out = chosen.noised
        if self.config.loss == "clean inputs":
            left_out = torch.cat([torch.zeros_like(left_out[:, :1]), left_out[:, :-1]], 1)
        return labels.masked_fill(left_out, IGNORED)


class MaskedThought(Base):
    """Mixed into a trainer's class by `masked_thought`."""

    noise: Noise
    meter: Meter
    _checked: bool = False

    def compute_loss(
        self,
        model: Any,
        inputs: Any,
        return_outputs: bool = False,  # noqa: FBT001, FBT002 - the signature of transformers
        num_items_in_batch: Any = None,
    ) -> Any:
        """Noise the inputs of a training batch, and leave the rest to the trainer."""
        if not model.training or return_outputs:
            inputs.pop(ROWS, None)
            return super().compute_loss(model, inputs, return_outputs, num_items_in_batch)
        ratio = self._ratio()
        layout, chosen, seed = self.noise.of(inputs, ratio=ratio, epoch=int(self.state.epoch or 0))
        self._refuse_running_text(inputs, layout)
        inputs.pop(ROWS, None)
        labels = self.noise.labels(inputs["labels"], chosen)
        ids = self.noise.ids(model, inputs, layout, chosen, seed) if ratio else inputs["input_ids"]
        config = self.noise.config
        with self._changed(chosen, layout, ratio, seed):
            if config.consistency:
                losses = consistent_losses(model, inputs, ids, config.consistency)
                loss = self._mean(losses, num_items_in_batch)
            else:
                told = {**inputs, "input_ids": ids, "labels": labels}
                with Tap(model, labels, from_logits=self._is_logged()) as tap:
                    loss = super().compute_loss(model, told, num_items_in_batch=num_items_in_batch)
                losses = tap.losses
        self.meter.add(chosen, labels, losses, ratio)
        return loss

    def _changed(self, chosen: Chosen, layout: Layout, ratio: float, seed: int) -> Any:
        """Let embeddings be changed, if the setting and the ratio ask for it."""
        if not ratio or self.noise.config.replacement not in ON_EMBEDDINGS:
            return contextlib.nullcontext()
        return embeddings_changed(self.model, chosen.noised, layout, self.noise.config, seed=seed)

    def get_batch_samples(self, *args: Any, **kwargs: Any) -> Any:
        """Count the labels of a step; fewer, where only those at clean places count."""
        batches, count = super().get_batch_samples(*args, **kwargs)
        if count is None or self.noise.config.loss == "all":
            return batches, count
        counted = [{**batch, "labels": self._counted(batch)} for batch in batches]
        return batches, self._get_num_items_in_batch(counted, self.args.device)

    def _counted(self, batch: Mapping[str, Any]) -> torch.Tensor:
        """Give the labels of a batch that count, as `compute_loss` will find them."""
        _, chosen, _ = self.noise.of(batch, ratio=self._ratio(), epoch=int(self.state.epoch or 0))
        return self.noise.labels(batch["labels"], chosen)

    def _mean(self, losses: torch.Tensor, count: Any) -> torch.Tensor:
        """Divide by the labels of the whole step, as transformers does."""
        if count is None:
            return losses.mean()
        loss = losses.sum() / torch.as_tensor(count).clamp(min=1)
        return loss * self.accelerator.num_processes if self.args.average_tokens_across_devices else loss

    def _ratio(self) -> float:
        """Give the ratio in force: of the optimiser steps done and all there will be."""
        return self.noise.config.ratio_at(self.state.global_step, self.state.max_steps)

    def _is_logged(self) -> bool:
        """Say whether the step that runs will be logged."""
        every = self.state.logging_steps or self.args.logging_steps
        return every < 1 or (self.state.global_step + 1) % int(every) == 0

    def _refuse_running_text(self, inputs: Mapping[str, Any], layout: Layout) -> None:
        """Refuse, at the first batch, rows in which question and solution cannot be told apart."""
        if self._checked:
            return
        self._checked = True
        told = inputs["labels"] != IGNORED
        # A batch of pieces may lie within one long solution; then the whole data set was looked at.
        asked = (
            self.noise.cuts.questions
            if self.noise.cuts
            else bool((real_tokens(inputs) & ~told & (layout.place > 0)).any())
        )
        if self.noise.config.scope == "solution" and not asked:
            raise DataError(
                "every row carries loss from its first tokens on, so the question would be noised with the "
                "solution; train on prompt and completion columns (TRL: completion_only_loss), or say "
                "scope='all' if that is meant"
            )

    def log(self, logs: dict[str, float], *args: Any, **kwargs: Any) -> None:
        """Add what was noised to what is logged."""
        if "loss" in logs:
            logs |= self.meter.read(self.accelerator)
        super().log(logs, *args, **kwargs)

    def train(self, *args: Any, **kwargs: Any) -> Any:
        """Train, with the mask's own row in the embeddings if it needs one, and without it afterwards."""
        if not self.noise.added:
            return super().train(*args, **kwargs)
        if not is_added(self.model):  # It is there when a training that was interrupted is taken up.
            add_row(self.model)
        result = super().train(*args, **kwargs)
        drop_row(self.model)
        return result


def masked_thought(
    trainer: AnyTrainer,
    config: MaskConfig | float | str | Mapping[str, Any] | None = None,
    *,
    seed: int | None = None,
    **settings: Any,
) -> AnyTrainer:
    """Give a trainer masked-thought fine-tuning; call it between making the trainer and `train()`.

    The setting is a `MaskConfig`, a ratio, `"paper"` or `"repo"`, or keywords: `masked_thought(trainer,
    ratio=0.2, replacement="random")`. The seed is the trainer's own unless another is given. The trainer is
    changed in place and returned.

    Raises:
        RecipeError: both a setting and keywords are given, or the trainer is masked already.
        ModelError: the trainer has no tokenizer, or that has no padding token where one is wanted.
    """
    known: Any = trainer
    if config is not None and settings:
        raise RecipeError(f"give either a setting or keywords, got both ({config!r} and {sorted(settings)})")
    if isinstance(trainer, MaskedThought):
        raise RecipeError("this trainer has a mask already; call masked_thought once")
    told = MaskConfig.model_validate(settings) if config is None else MaskConfig.parse(config)
    tokenizer = getattr(known.processing_class, "tokenizer", known.processing_class)
    if tokenizer is None:
        raise ModelError("the trainer has no tokenizer; pass processing_class=tokenizer when making it")
    stand_in, added = _stand_in(known.model, tokenizer, told)
    vocabulary = vocabulary_of(known.model, tokenizer, told, stand_in)
    seed = int(known.args.seed or 0) if seed is None else seed
    known.noise = Noise(told, seed, vocabulary, added, _cuts(known))
    known.meter = Meter()
    base = type(trainer)
    known.__class__ = type(f"Masked{base.__name__}", (MaskedThought, base), {})
    return trainer


def _cuts(trainer: Any) -> Cuts | None:
    """Find the rows that packing cut in two; only `wrapped` does, and a stream cannot be read ahead."""
    packed = getattr(trainer.args, "packing", False) and trainer.args.packing_strategy == "wrapped"
    return cuts_of(trainer.train_dataset) if packed and isinstance(trainer.train_dataset, Dataset) else None


def _stand_in(model: Any, tokenizer: Any, config: MaskConfig) -> tuple[int | None, bool]:
    """Choose the id that replaces; say whether it has yet to be added."""
    if config.replacement == "pad":
        return pad_id(tokenizer), False
    if config.replacement != "mask":
        return None, False
    spare = spare_id(model, tokenizer)
    if spare is None:
        return int(model.get_input_embeddings().weight.shape[0]), True
    never_write(model, spare)
    return spare, False
