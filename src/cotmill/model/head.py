"""The output layer, applied only where a label is, and in pieces when the vocabulary is large."""

from __future__ import annotations

from typing import Any

import torch
from jaxtyping import Bool, Float, Int
from torch.nn import functional

SCALED_HEADS = (
    "final_logit_softcapping",
    "logit_scale",
    "output_multiplier",
    "lm_head_multiplier",
    "logits_scaling",
)
"""Configuration keys of models whose logits are more than a matrix product (list of TRL 1.16)."""
LOGITS_AT_ONCE = 2**24
"""Logits held at a time while scoring: 64 MB in float32."""


def has_plain_head(model: Any) -> bool:
    """Say whether the model's logits are just its output embedding times the last hidden state."""
    text = model.config.get_text_config()
    scaled = any(getattr(text, key, None) not in (None, 1.0) for key in SCALED_HEADS)
    return not scaled and not getattr(text, "output_router_logits", False)


def without_adapters(model: Any) -> Any:
    """Return the causal language model inside a model with adapters (they stay in force), or the model."""
    return model.get_base_model() if hasattr(model, "get_base_model") else model


def last_hidden(model: Any, input_ids: Int[torch.Tensor, "row token"], **inputs: Any) -> Any:
    """Run the model up to, not including, its output layer."""
    return model.base_model(input_ids=input_ids, use_cache=False, **inputs).last_hidden_state


def label_losses(
    model: Any, input_ids: Int[torch.Tensor, "row token"], keep: Bool[torch.Tensor, "row position"]
) -> Float[torch.Tensor, " label"]:
    """Score the tokens that are kept, in nats, row after row; `keep` says which of tokens 1, 2, … are."""
    model, targets = without_adapters(model), input_ids[:, 1:][keep]
    if not has_plain_head(model):
        logits = model(input_ids=input_ids, use_cache=False).logits[:, :-1][keep]
        return functional.cross_entropy(logits.float(), targets, reduction="none")
    hidden = last_hidden(model, input_ids)[:, :-1][keep]
    head = model.get_output_embeddings()
    size = max(1, LOGITS_AT_ONCE // head.weight.shape[0])
    losses = [
        functional.cross_entropy(head(part).float(), aims, reduction="none")
        for part, aims in zip(hidden.split(size), targets.split(size), strict=True)
    ]
    return torch.cat(losses) if losses else hidden.new_zeros(0, dtype=torch.float32)
