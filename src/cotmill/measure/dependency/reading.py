"""Scores altered texts at chosen places, in batches of similar length."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Bool, Float, Int

from cotmill.model.batches import in_halves, length_batches
from cotmill.model.head import has_plain_head, last_hidden, without_adapters
from cotmill.model.load import LanguageModel
from cotmill.model.loss import CPU_TOKENS, GPU_TOKENS


@dataclass(frozen=True, eq=False)
class Asked:
    """A text, and the places at which its tokens are to be predicted; `truth` is what to score there."""

    ids: tuple[int, ...]
    places: Int[np.ndarray, " place"]
    truth: Int[np.ndarray, " place"]


@dataclass(frozen=True, eq=False)
class Predicted:
    """At each place asked for: the likeliest token, and the log-probability of the true one in nats."""

    likeliest: Int[np.ndarray, " place"]
    log_probability: Float[np.ndarray, " place"]


def predict(lm: LanguageModel, asked: Sequence[Asked]) -> list[Predicted]:
    """Predict the tokens at all places; a batch that does not fit into memory is halved."""
    lengths = np.array([len(one.ids) for one in asked], dtype=np.int64)
    found: dict[int, Predicted] = {}
    budget = CPU_TOKENS if lm.device.type == "cpu" else GPU_TOKENS
    for batch in length_batches(lengths, tokens=budget):
        for part, results in in_halves(lambda rows: _batch(lm, [asked[row] for row in rows.tolist()]), batch):
            found |= dict(zip(part.tolist(), results, strict=True))
    return [found[place] for place in range(len(asked))]


@torch.inference_mode()
def _batch(lm: LanguageModel, asked: list[Asked]) -> list[Predicted]:
    """Predict one batch; the token at a place is predicted from what stands before it."""
    width = max(len(one.ids) for one in asked)
    ids = torch.zeros((len(asked), width), dtype=torch.int64)
    keep = torch.zeros((len(asked), width), dtype=torch.bool)
    for line, one in enumerate(asked):
        ids[line, : len(one.ids)] = torch.as_tensor(one.ids)
        keep[line, torch.as_tensor(one.places) - 1] = True
    scores = _logits(lm, ids.to(lm.device), keep.to(lm.device)).float().log_softmax(-1)
    truth = torch.as_tensor(np.concatenate([one.truth for one in asked]), device=scores.device)
    likeliest = scores.argmax(-1).cpu().numpy()
    right = scores.gather(1, truth[:, None])[:, 0].cpu().numpy()
    ends = np.cumsum([len(one.places) for one in asked])[:-1]
    pairs = zip(np.split(likeliest, ends), np.split(right, ends), strict=True)
    return [Predicted(best, score) for best, score in pairs]


def _logits(
    lm: LanguageModel, ids: Int[torch.Tensor, "row token"], keep: Bool[torch.Tensor, "row token"]
) -> Float[torch.Tensor, "place id"]:
    """Give the logits at the places that are kept; padding is on the right, so no mask is needed."""
    model = without_adapters(lm.model)
    if not has_plain_head(model):
        return model(input_ids=ids, use_cache=False).logits[keep]
    return model.get_output_embeddings()(last_hidden(model, ids)[keep])
