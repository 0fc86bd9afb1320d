"""What stands in the place of a noised token: another id, or a changed embedding.

Source: arXiv 2403.02178, section 3 and its table of noises. None of it rescales what is left, unlike
inverted dropout. NEFTune (arXiv 2310.05914) adds uniform noise of size alpha / sqrt(tokens x width) to the
embeddings; here to the noised ones, with the tokens of the row itself, so that padding changes nothing.
Scheduled sampling puts the model's own guess of the token; the public code takes the guess for the token
behind it (`variant: repo`).
"""

from __future__ import annotations

import contextlib
import math
from collections.abc import Iterator, Mapping
from typing import Any

import torch
from jaxtyping import Bool, Float, Int

from cotmill.model.head import LOGITS_AT_ONCE
from cotmill.train.masked.config import MaskConfig
from cotmill.train.masked.keys import WHOLE, Layout, mix, signed
from cotmill.train.masked.vocabulary import Vocabulary

ON_EMBEDDINGS = frozenset({"zero", "dropout", "neftune"})
READ = ("input_ids", "attention_mask", "position_ids")
"""What of a batch a model reads; the rest is for losses and records."""
_GOLDEN = signed(0x9E3779B97F4A7C15)


def replaced_ids(
    ids: Int[torch.Tensor, "row token"],
    noised: Bool[torch.Tensor, "row token"],
    layout: Layout,
    vocabulary: Vocabulary,
    *,
    seed: int,
) -> Int[torch.Tensor, "row token"]:
    """Put the mask or padding id, or one drawn for each token, where a token is noised."""
    if vocabulary.stand_in is not None:
        return torch.where(noised, vocabulary.stand_in, ids)
    numbers = layout.numbers(seed, "which")
    place = (numbers * len(vocabulary.candidates)) >> 32
    return torch.where(noised, vocabulary.candidates[place].to(ids.dtype), ids)


@torch.no_grad()
def guessed_ids(
    model: Any,
    inputs: Mapping[str, Any],
    noised: Bool[torch.Tensor, "row token"],
    layout: Layout,
    vocabulary: Vocabulary,
    config: MaskConfig,
    *,
    seed: int,
) -> Int[torch.Tensor, "row token"]:
    """Put a token that the model itself draws, at the temperature, from what it sees before it."""
    told = {name: inputs[name] for name in READ if inputs.get(name) is not None}
    logits = model(use_cache=False, **told).logits
    line, place = noised.nonzero(as_tuple=True)
    # The logits at a place are of the token behind it: the guess for a token stands one place before it.
    seen = place if config.variant == "repo" else place - 1
    numbers = layout.numbers(seed, "which")[line, place]
    ids = inputs["input_ids"].clone()
    size = max(1, LOGITS_AT_ONCE // logits.shape[-1])
    for begin in range(0, len(line), size):
        part = slice(begin, begin + size)
        ids[line[part], place[part]] = _drawn(
            logits[line[part], seen[part]], numbers[part], vocabulary, config
        )
    return ids


def _drawn(
    logits: Float[torch.Tensor, "place id"],
    numbers: Int[torch.Tensor, " place"],
    vocabulary: Vocabulary,
    config: MaskConfig,
) -> Int[torch.Tensor, " place"]:
    """Draw one id per place, by the token's own number; special ids are not drawn."""
    heights = logits.double() / config.force
    if config.variant != "repo":
        never = torch.ones(heights.shape[-1], dtype=torch.bool, device=heights.device)
        never[vocabulary.candidates] = False
        heights = heights.masked_fill(never, -math.inf)
    heights = torch.softmax(heights, -1).cumsum(-1)
    aims = numbers.double() / WHOLE * heights[:, -1]
    return torch.searchsorted(heights, aims[:, None], right=True)[:, 0].clamp(max=heights.shape[-1] - 1)


@contextlib.contextmanager
def embeddings_changed(
    model: Any, noised: Bool[torch.Tensor, "row token"], layout: Layout, config: MaskConfig, *, seed: int
) -> Iterator[None]:
    """Change the embeddings of the noised tokens while a batch is read."""

    def change(_: Any, __: Any, output: torch.Tensor) -> torch.Tensor:
        # A consistency pass reads the clean rows first, then the noised ones.
        clean = output[: len(output) - len(noised)]
        return torch.cat([clean, _changed(output[len(clean) :], noised, layout, config, seed)])

    handle = model.get_input_embeddings().register_forward_hook(change)
    try:
        yield
    finally:
        handle.remove()


def _changed(
    vectors: Float[torch.Tensor, "row token width"],
    noised: Bool[torch.Tensor, "row token"],
    layout: Layout,
    config: MaskConfig,
    seed: int,
) -> Float[torch.Tensor, "row token width"]:
    """Change the vectors of noised tokens."""
    if config.replacement == "zero":
        return vectors.masked_fill(noised[..., None], 0.0)
    width = vectors.shape[-1]
    keys = layout.numbers(seed, "embedding")[..., None] + torch.arange(width, device=vectors.device) * _GOLDEN
    share = ((mix(keys) >> 11) & ((1 << 53) - 1)).double() / 2**53
    if config.replacement == "dropout":
        return vectors.masked_fill(noised[..., None] & (share < config.force), 0.0)
    size = config.force / (layout.length.double() * width).clamp(min=1).sqrt()
    noise = (2 * share - 1) * (size * noised)[..., None]
    return vectors + noise.to(vectors.dtype)
