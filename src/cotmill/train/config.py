"""What training is told: frozen, strictly validated, the same words in Python, YAML and command line."""

from __future__ import annotations

import math
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from cotmill.train.masked.config import MaskConfig, short_form

Schedule = Literal["cosine", "linear", "constant", "warmup-stable-decay"]
Positive = Annotated[int, Field(gt=0)]


class LoraConfig(BaseModel):
    """Low-rank adapters in place of full fine-tuning; they are merged into the saved weights."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    rank: Positive = 16
    alpha: Positive = 32
    dropout: Annotated[float, Field(ge=0, lt=1)] = 0.0
    targets: Literal["all-linear"] | tuple[str, ...] = "all-linear"


class TrainConfig(BaseModel):
    """How to train: a budget in steps or in epochs, and the optimiser.

    Exactly one of `steps` and `epochs` is given. At equal steps, selections of different size see the
    same compute; at equal epochs, every row is seen equally often. Both are fair in their own sense.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    steps: Positive | None = None
    epochs: Annotated[float, Field(gt=0)] | None = None
    batch_size: Positive = 32
    accumulate: Positive = 1
    """Micro-batches per step; the batch of one step is `batch_size` rows in any case."""
    learning_rate: Annotated[float, Field(gt=0)] = 1e-3
    schedule: Schedule = "cosine"
    warmup: Annotated[float, Field(ge=0, lt=1)] = 0.05
    """Share of the steps over which the rate climbs linearly from zero."""
    weight_decay: Annotated[float, Field(ge=0)] = 0.1
    betas: tuple[float, float] = (0.9, 0.95)
    max_grad_norm: Annotated[float, Field(gt=0)] = 1.0
    max_length: Positive | None = None
    """Tokens per row; longer rows are cut at the end and counted. None: what the model's positions allow."""
    form: Literal["auto", "plain", "chat"] = "auto"
    empty_rows: Literal["refuse", "leave out"] = "refuse"
    """What to do with rows that have no answer token, or none within max_length: they teach nothing."""
    packing: bool = False
    group_by_length: bool = True
    lora: LoraConfig | None = None
    mask: MaskConfig | None = None
    """Masked-thought fine-tuning; short forms: a ratio (0.4), `paper`, `repo`."""
    dtype: Literal["auto", "float32", "bfloat16"] = "auto"
    """Arithmetic of the forward pass on a GPU; on a CPU it is always float32."""
    eval_every: Positive | None = None
    eval_answers: Annotated[int, Field(ge=0)] = 0
    """Held-out questions that are answered, greedily and without noise, at each measurement of their loss."""
    checkpoint_every: Positive | None = None
    """Steps between resumable checkpoints; None: none is written."""

    @field_validator("mask", mode="before")
    @classmethod
    def _short_mask(cls, told: Any) -> Any:
        return short_form(told)

    @model_validator(mode="after")
    def _one_budget(self) -> TrainConfig:
        if (self.steps is None) == (self.epochs is None):
            told = "both" if self.steps is not None else "neither"
            raise ValueError(
                f"exactly one of steps and epochs must be given, got {told}; write for example steps: 300"
            )
        if self.batch_size % self.accumulate:
            raise ValueError(
                f"batch_size ({self.batch_size}) must be a multiple of accumulate ({self.accumulate})"
            )
        return self

    def total_steps(self, rows: int) -> int:
        """Count the optimiser steps for a pool of so many rows.

        >>> TrainConfig(epochs=2, batch_size=32).total_steps(100)
        7
        """
        if self.steps is not None:
            return self.steps
        assert self.epochs is not None
        return max(1, math.ceil(round(self.epochs * rows) / self.batch_size))
