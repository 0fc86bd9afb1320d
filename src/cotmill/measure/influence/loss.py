"""The loss of the labels and its gradient before the output layer, without all logits at once.

With sampled labels the gradients are those of the true Fisher, whose expectation is the Gauss–Newton
matrix (Martens 2014, arXiv 1412.1193). A label is drawn by inverting the distribution function at a number
that depends on (seed, row id, place in the row) alone, so it does not depend on batches or shards.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from jaxtyping import Bool, Float, Int

from cotmill.core.ids import rng_of
from cotmill.model.head import LOGITS_AT_ONCE, has_plain_head, last_hidden, without_adapters


def before_head(
    model: Any, inputs: Int[torch.Tensor, "row token"], keep: Bool[torch.Tensor, "row position"], **told: Any
) -> torch.Tensor:
    """Run the model up to its output layer, at the positions that predict a label.

    Where the logits are more than a matrix product of the last hidden state, the logits themselves.
    """
    bare = without_adapters(model)
    if has_plain_head(bare):
        return last_hidden(bare, inputs, **told)[:, :-1][keep]
    return bare(input_ids=inputs, use_cache=False, **told).logits[:, :-1][keep]


def logits_of(model: Any, states: torch.Tensor) -> torch.Tensor:
    """Apply what `before_head` left out, in float32."""
    bare = without_adapters(model)
    return (bare.get_output_embeddings()(states) if has_plain_head(bare) else states).float()


def back_through_head(model: Any, gradients: torch.Tensor, dtype: torch.dtype) -> torch.Tensor:
    """Carry gradients of logits back to what `before_head` gives."""
    bare = without_adapters(model)
    if not has_plain_head(bare):
        return gradients.to(dtype)
    return gradients.to(dtype) @ bare.get_output_embeddings().weight


def pieces(model: Any, count: int) -> list[slice]:
    """Cut labels so that only so many logits are there at a time."""
    size = max(1, LOGITS_AT_ONCE // without_adapters(model).get_output_embeddings().weight.shape[0])
    return [slice(begin, begin + size) for begin in range(0, count, size)]


@torch.no_grad()
def label_gradients(
    model: Any,
    states: Float[torch.Tensor, "label width"],
    targets: Int[torch.Tensor, " label"],
    uniforms: Float[torch.Tensor, " label"] | None = None,
) -> tuple[Float[torch.Tensor, " label"], Float[torch.Tensor, "label width"]]:
    """Give the loss of every label in nats, and the gradient of their sum with respect to the states.

    With `uniforms` the gradient is of labels that the model itself draws; the losses stay those of the
    targets.
    """
    losses = states.new_empty(len(states), dtype=torch.float32)
    gradients = torch.empty_like(states)
    for piece in pieces(model, len(states)):
        shares = torch.log_softmax(logits_of(model, states[piece]), dim=-1)
        aims = targets[piece].unsqueeze(1)
        losses[piece] = -shares.gather(1, aims).squeeze(1)
        shares = shares.exp_()
        if uniforms is not None:
            aims = drawn(shares, uniforms[piece])
        shares.scatter_add_(1, aims, shares.new_full(aims.shape, -1.0))
        gradients[piece] = back_through_head(model, shares, states.dtype)
    return losses, gradients


def drawn(
    shares: Float[torch.Tensor, "label token"], uniforms: Float[torch.Tensor, " label"]
) -> Int[torch.Tensor, "label 1"]:
    """Draw a token of every distribution, by inverting its distribution function.

    >>> drawn(torch.tensor([[0.2, 0.3, 0.5]]), torch.tensor([0.4])).tolist()
    [[1]]
    """
    heaps = shares.cumsum(-1, dtype=torch.float64)
    places = torch.searchsorted(heaps, uniforms.double().unsqueeze(1) * heaps[:, -1:], right=True)
    return places.clamp_(max=shares.shape[1] - 1)


def uniforms_of(
    seed: int, row_ids: Sequence[str], labels: Int[np.ndarray, " row"]
) -> Float[np.ndarray, " label"]:
    """Draw one number for every label of rows; a row's numbers are the same wherever it stands."""
    parts = [
        rng_of(seed, "label", row).random(count) for row, count in zip(row_ids, labels.tolist(), strict=True)
    ]
    return np.concatenate(parts) if parts else np.empty(0)
