"""One pass over rows: forward, backward, and every tracked layer's inputs and output gradients, once.

No weight gets a gradient, so the backward pass costs what a forward pass costs; it stops at the lowest
tracked layer, since nothing below it is asked for. What is done with a layer's tensors is done while the
pass goes on, so that no two layers' products need be in memory together.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any, Protocol, runtime_checkable

import numpy as np
import torch
from jaxtyping import Bool, Float, Int

from cotmill.core.errors import ModelError
from cotmill.measure.influence.loss import before_head, label_gradients, uniforms_of
from cotmill.measure.influence.modules import Tracked, frozen
from cotmill.model.batches import IGNORED, is_memory, length_batches, pad_right
from cotmill.model.load import LanguageModel
from cotmill.model.tokenise import TokenisedRows

CPU_TOKENS = 4_096
"""Padded tokens per batch on a CPU (measured on the lab's models: 2,048 and 8,192 are a tenth slower)."""
GPU_TOKENS = 16_384


@dataclass(frozen=True, eq=False)
class Batch:
    """Some rows, padded on the right, on the model's device."""

    rows: TokenisedRows
    positions: Int[np.ndarray, " place"]
    """Which rows these are."""
    inputs: Int[torch.Tensor, "place token"]
    keep: Bool[torch.Tensor, "place position"]
    """Whether the token after each position carries loss."""
    real: Bool[torch.Tensor, "place token"] | None
    """Which tokens are no padding; None when none is."""
    shared: dict[str, torch.Tensor] = field(default_factory=dict)
    """What was made of an input that several layers read, until the batch is done."""

    def flat(self, values: Float[torch.Tensor, "place token feature"]) -> torch.Tensor:
        """List the tokens that are no padding."""
        return values.flatten(0, 1) if self.real is None else values[self.real]

    def of_labels(self, values: Float[torch.Tensor, " label"]) -> Float[torch.Tensor, " place"]:
        """Sum what every label has over the rows, in double precision."""
        owners = self.keep.nonzero()[:, 0]
        sums = torch.zeros(len(self.positions), dtype=torch.float64, device=values.device)
        return sums.index_add_(0, owners, values.double())


@runtime_checkable
class Sink(Protocol):
    """What is done with the tensors of a pass."""

    def layer(self, batch: Batch, layer: Tracked, inputs: torch.Tensor, gradients: torch.Tensor) -> None:
        """Take one layer's inputs (with a column of ones for its bias) and the gradients of its outputs."""
        ...

    def finish(self, batch: Batch, losses: torch.Tensor) -> None:
        """Take the losses of the batch's labels, when all layers are done."""
        ...


GradientOfStates = Callable[[Batch, torch.Tensor, torch.Tensor], tuple[torch.Tensor, torch.Tensor]]
"""From a batch, the states before the output layer and the labels' targets: losses, gradient of states."""


def batches_of(
    lm: LanguageModel, rows: TokenisedRows, tokens: int | None = None, among: np.ndarray | None = None
) -> Iterable[Batch]:
    """Cut the rows that have labels into batches of similar length."""
    scored = np.flatnonzero(rows.labels) if among is None else among
    budget = tokens or (CPU_TOKENS if lm.device.type == "cpu" else GPU_TOKENS)
    for places in length_batches(rows.lengths[scored], tokens=budget):
        positions = scored[places]
        inputs, labels = pad_right(rows, positions, lm.tokenizer.pad_token_id or 0)
        lengths = torch.from_numpy(rows.lengths[positions])
        real = torch.arange(inputs.shape[1]) < lengths.unsqueeze(1)
        yield Batch(
            rows,
            positions,
            inputs.to(lm.device),
            (labels[:, 1:] != IGNORED).to(lm.device),
            None if real.all() else real.to(lm.device),
        )


def sweep(
    lm: LanguageModel,
    rows: TokenisedRows,
    tracked: tuple[Tracked, ...],
    sink: Sink,
    *,
    gradient: GradientOfStates | None = None,
    batch_tokens: int | None = None,
) -> None:
    """Take all rows that have labels forward and backward, and hand everything to the sink.

    The gradient is that of the summed loss of the labels, unless another is given.

    Raises:
        ModelError: a batch does not fit into memory.
    """
    with frozen(lm.model):
        for batch in batches_of(lm, rows, batch_tokens):
            try:
                _one(lm, batch, tracked, sink, gradient or on_labels(lm))
            except RuntimeError as error:
                if not is_memory(error):
                    raise
                raise ModelError(
                    f"{len(batch.positions)} rows of {batch.inputs.shape[1]} tokens do not fit into memory "
                    "with what a backward pass keeps; lower batch_tokens, or the route that only goes "
                    "forward (differences)"
                ) from error


def _one(
    lm: LanguageModel, batch: Batch, tracked: tuple[Tracked, ...], sink: Sink, gradient: GradientOfStates
) -> None:
    """Take one batch forward and backward."""
    hooks = [layer.module.register_forward_hook(_watch(batch, layer, sink)) for layer in tracked]
    try:
        with torch.enable_grad():
            states = before_head(lm.model, batch.inputs, batch.keep)
    finally:
        for hook in hooks:
            hook.remove()
    targets = batch.inputs[:, 1:][batch.keep]
    losses, gradients = gradient(batch, states.detach(), targets)
    states.backward(gradients)
    sink.finish(batch, losses)
    batch.shared.clear()


def _watch(batch: Batch, layer: Tracked, sink: Sink) -> Callable[[Any, Any, torch.Tensor], None]:
    """Make the hook that keeps a layer's input until the gradient of its output comes back."""

    def hook(module: Any, given: Any, output: torch.Tensor) -> None:
        del module
        inputs = given[0].detach()
        if not output.requires_grad:
            output.requires_grad_()  # the lowest tracked layer: here the backward pass ends

        def back(gradients: torch.Tensor) -> None:
            sink.layer(batch, layer, _with_ones(batch, layer, inputs), gradients)

        output.register_hook(back)

    return hook


def _with_ones(batch: Batch, layer: Tracked, inputs: torch.Tensor) -> torch.Tensor:
    """Put a column of ones behind the inputs of a layer with a bias, once for all that read them."""
    if not layer.bias:
        return inputs
    name = f"ones {layer.shares}"
    if name not in batch.shared:
        batch.shared[name] = torch.cat([inputs, inputs.new_ones(*inputs.shape[:2], 1)], dim=-1)
    return batch.shared[name]


def on_labels(lm: LanguageModel) -> GradientOfStates:
    """The gradient of the summed loss of the labels."""

    def gradient(
        batch: Batch, states: torch.Tensor, targets: torch.Tensor
    ) -> tuple[torch.Tensor, torch.Tensor]:
        del batch
        return label_gradients(lm.model, states, targets)

    return gradient


def on_sampled(lm: LanguageModel, seed: int) -> GradientOfStates:
    """The gradient of the loss of labels that the model draws."""

    def gradient(
        batch: Batch, states: torch.Tensor, targets: torch.Tensor
    ) -> tuple[torch.Tensor, torch.Tensor]:
        names = [batch.rows.row_ids[place] for place in batch.positions.tolist()]
        numbers = uniforms_of(seed, names, batch.rows.labels[batch.positions])
        return label_gradients(lm.model, states, targets, torch.from_numpy(numbers).to(states.device))

    return gradient
