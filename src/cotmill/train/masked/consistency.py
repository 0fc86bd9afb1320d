"""A clean and a noised pass that are to agree: mean of both losses, plus a weight times their divergence.

After ReMask (euclaise/ReMask-3B, a model card without code), which averages the losses of a masked and a
clean pass and adds a weighted divergence. The card does not say which divergence; ours is the mean of the two
directions of Kullback and Leibler, as in R-Drop (arXiv 2106.14448). Both passes are one forward pass over
twice the rows, so that it works under DDP.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from jaxtyping import Float, Int
from torch.nn import functional

from cotmill.model.batches import IGNORED

READ = ("attention_mask", "position_ids")


def consistent_losses(
    model: Any, inputs: Mapping[str, Any], noised_ids: Int[torch.Tensor, "row token"], weight: float
) -> Float[torch.Tensor, " label"]:
    """Give the loss of every label, line by line."""
    both = {name: torch.cat([inputs[name]] * 2) for name in READ if inputs.get(name) is not None}
    output = model(input_ids=torch.cat([inputs["input_ids"], noised_ids]), use_cache=False, **both)
    targets = inputs["labels"][:, 1:]
    keep = targets != IGNORED
    clean, noised = output.logits[:, :-1].chunk(2)
    clean, noised = clean[keep].float().log_softmax(-1), noised[keep].float().log_softmax(-1)
    losses = [functional.nll_loss(part, targets[keep], reduction="none") for part in (clean, noised)]
    apart = ((clean.exp() - noised.exp()) * (clean - noised)).sum(-1) / 2
    return (losses[0] + losses[1]) / 2 + weight * apart
