"""Say how training goes: step, loss, tokens per second, time left."""

from __future__ import annotations

import sys
import time
from typing import Any

from transformers import TrainerCallback, TrainerControl, TrainerState, TrainingArguments

EVERY_SECONDS = 10.0


class ProgressLines(TrainerCallback):
    """Write a line to standard error at the first step, then every ten seconds."""

    def __init__(self, label: str, *, tokens_per_step: float) -> None:
        """Remember what to call the run."""
        self.label, self.tokens_per_step = label, tokens_per_step
        self.started = self.last = 0.0
        self.first_step = 0

    def on_train_begin(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **kwargs: Any
    ) -> None:
        """Start the clock."""
        del args, control, kwargs
        self.started, self.first_step = time.monotonic(), state.global_step

    def on_log(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **kwargs: Any
    ) -> None:
        """Write a line when it is time."""
        del args, control
        now, logs = time.monotonic(), kwargs.get("logs") or {}
        done = state.global_step - self.first_step
        if (
            "loss" not in logs
            or not done
            or (now - self.last < EVERY_SECONDS and state.global_step < state.max_steps)
        ):
            return
        self.last = now
        pace = (now - self.started) / done
        left = pace * (state.max_steps - state.global_step)
        sys.stderr.write(
            f"{self.label}: step {state.global_step}/{state.max_steps}, loss {logs['loss']:.4f}, "
            f"{self.tokens_per_step / pace:,.0f} tokens/s, {left:,.0f} s left\n"
        )
        sys.stderr.flush()
