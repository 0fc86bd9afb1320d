"""What watches a run: progress, losses that are no numbers, checkpoints in time, held-out loss, snapshots."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterable
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn
from transformers import TrainerCallback, TrainerControl, TrainerState, TrainingArguments

from cotmill.core.errors import ModelError
from cotmill.core.progress import EVERY
from cotmill.core.stopping import asked

CHECKPOINT_SECONDS = 300.0
"""Time between checkpoints when no number of steps is given; they do not change the result."""


class ProgressWatch(TrainerCallback):
    """Show step, loss and speed: a bar on a terminal, else a line every ten seconds."""

    def __init__(self, label: str, *, tokens: int) -> None:
        """Remember what to call the run, and how many tokens it reads in all."""
        self.label, self.tokens = label, tokens
        self.started = self.said = 0.0
        self.first = 0
        self.bar: Progress | None = None

    def on_train_begin(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **kwargs: Any
    ) -> None:
        """Start the clock."""
        del args, control, kwargs
        self.started = self.said = time.monotonic()
        self.first = state.global_step
        if sys.stderr.isatty() and state.is_world_process_zero:
            parts = TextColumn("{task.description}"), BarColumn(), TimeRemainingColumn()
            self.bar = Progress(*parts, console=Console(stderr=True), transient=True)
            self.bar.add_task(self.label, total=state.max_steps, completed=self.first)
            self.bar.start()

    def on_log(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **kwargs: Any
    ) -> None:
        """Move the bar, or write a line when it is time."""
        del args, control
        logs, now = kwargs.get("logs") or {}, time.monotonic()
        if "loss" not in logs or not state.is_world_process_zero:
            return
        if self.bar is not None:
            self.bar.update(
                self.bar.task_ids[0], completed=state.global_step, description=self._line(state, logs)
            )
        elif now - self.said >= EVERY:
            self.said = now
            sys.stderr.write(self._line(state, logs) + "\n")
            sys.stderr.flush()

    def on_train_end(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **kwargs: Any
    ) -> None:
        """Take the bar away."""
        del args, state, control, kwargs
        if self.bar is not None:
            self.bar.stop()

    def _line(self, state: TrainerState, logs: dict[str, float]) -> str:
        """Say where the run is."""
        pace = (time.monotonic() - self.started) / max(1, state.global_step - self.first)
        speed = self.tokens / max(1, state.max_steps) / max(pace, 1e-9)
        left = pace * (state.max_steps - state.global_step)
        return (
            f"{self.label}: step {state.global_step} of {state.max_steps}, loss {logs['loss']:.4f}, "
            f"{speed:,.0f} tokens/s, about {left:,.0f} s to go"
        )


class StopAtBadLoss(TrainerCallback):
    """End training with a sentence when the loss is no longer a number."""

    def on_log(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **kwargs: Any
    ) -> None:
        """Look at the loss that was just logged."""
        del control
        loss = (kwargs.get("logs") or {}).get("loss")
        if loss is not None and not loss < float("inf"):
            raise ModelError(
                f"the loss is {loss} at step {state.global_step} (learning rate {args.learning_rate:g}); "
                "try a tenth of the rate, or a longer warm-up"
            )


class CheckpointInTime(TrainerCallback):
    """Ask for a checkpoint when the last one is some minutes old."""

    def __init__(self, seconds: float = CHECKPOINT_SECONDS) -> None:
        """Start the clock."""
        self.seconds, self.saved = seconds, time.monotonic()

    def on_step_end(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **kwargs: Any
    ) -> None:
        """Ask when it is time; with several processes only steps count, since clocks differ."""
        del kwargs
        if args.world_size == 1 and time.monotonic() - self.saved >= self.seconds:
            control.should_save = state.global_step < state.max_steps
            self.saved = time.monotonic()


class SaveWhenAsked(TrainerCallback):
    """After a signal, write a checkpoint at the end of the step and end the loop: no step is lost."""

    def on_step_end(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **kwargs: Any
    ) -> None:
        """Look whether a signal came; several processes cannot agree on the step, so they stop at once."""
        del kwargs
        if args.world_size == 1 and asked():
            control.should_save = state.global_step < state.max_steps
            control.should_training_stop = True


class AtSteps(TrainerCallback):
    """Call a function with (step, model) at given steps; what it returns goes to the log of the run."""

    def __init__(self, steps: Iterable[int], call: Callable[[int, Any], dict[str, float] | None]) -> None:
        """Remember when to call what; step 0 is before training."""
        self.steps, self.call = frozenset(steps), call

    def on_train_begin(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **kwargs: Any
    ) -> None:
        """Call at step 0, unless the run is resumed."""
        if state.global_step == 0:
            self.on_step_end(args, state, control, **kwargs)

    def on_step_end(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **kwargs: Any
    ) -> None:
        """Call with the model out of training mode, so that dropout is off."""
        del args, control
        if state.global_step not in self.steps or not state.is_world_process_zero:
            return
        model = kwargs["model"]
        training = model.training
        model.eval()
        said = self.call(state.global_step, model)
        model.train(training)
        if said:
            state.log_history.append({"step": state.global_step, **said})


def even_steps(total: int, count: int) -> tuple[int, ...]:
    """Place so many steps evenly over a run, the last at its end.

    >>> even_steps(300, 3), even_steps(2, 5)
    ((100, 200, 300), (1, 2))
    """
    return tuple(sorted({max(1, round(total * (place + 1) / count)) for place in range(count)}))
