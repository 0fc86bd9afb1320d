"""The loss of every answer token of rows, at the cost of a forward pass."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float, Int

from cotmill.model.batches import IGNORED, in_halves, length_batches, pad_right
from cotmill.model.head import label_losses
from cotmill.model.load import LanguageModel
from cotmill.model.tokenise import TokenisedRows

CPU_TOKENS = 4_096
"""Padded tokens per batch on a CPU: what still fits into the cache of a core for small models."""
GPU_TOKENS = 32_768


@dataclass(frozen=True, eq=False)
class TokenLosses:
    """Cross-entropy in nats of every token that carries loss, row after row."""

    values: Float[np.ndarray, " label"]
    offsets: Int[np.ndarray, " edge"]

    def row(self, position: int) -> Float[np.ndarray, " label"]:
        """Return the losses of one row, from its first answer token on."""
        return self.values[self.offsets[position] : self.offsets[position + 1]]

    @property
    def sums(self) -> Float[np.ndarray, " row"]:
        """Sum over each row; 0 where there is no label, which `tokens` tells apart."""
        return np.array([self.row(place).sum(dtype=np.float64) for place in range(len(self.tokens))])

    @property
    def tokens(self) -> Int[np.ndarray, " row"]:
        """Labels of each row."""
        return np.diff(self.offsets)


def token_losses(
    lm: LanguageModel,
    tokenised: TokenisedRows,
    *,
    batch_tokens: int | None = None,
    on_batch: Callable[[int], object] | None = None,
) -> TokenLosses:
    """Score rows; the batch size changes speed and memory, not the result.

    `on_batch` is called with the number of rows after each batch. A batch that does not fit into memory
    is halved. Rows without a label are passed over.
    """
    offsets = np.concatenate([[0], np.cumsum(tokenised.labels)])
    values = np.empty(offsets[-1], dtype=np.float32)
    budget = batch_tokens or (CPU_TOKENS if lm.device.type == "cpu" else GPU_TOKENS)
    scored = np.flatnonzero(tokenised.labels)
    for batch in length_batches(tokenised.lengths[scored], tokens=budget):
        for positions, losses in in_halves(lambda rows: _scored(lm, tokenised, rows), scored[batch]):
            _spread(values, offsets, positions, losses)
        if on_batch is not None:
            on_batch(len(batch))
    return TokenLosses(values, offsets)


@torch.inference_mode()
def _scored(
    lm: LanguageModel, tokenised: TokenisedRows, positions: Int[np.ndarray, " place"]
) -> Float[np.ndarray, " label"]:
    """Score one batch."""
    inputs, labels = pad_right(tokenised, positions, lm.tokenizer.pad_token_id or 0)
    keep = (labels[:, 1:] != IGNORED).to(lm.device)
    return label_losses(lm.model, inputs.to(lm.device), keep).cpu().numpy()


def _spread(
    values: Float[np.ndarray, " label"],
    offsets: Int[np.ndarray, " edge"],
    positions: Int[np.ndarray, " place"],
    losses: Float[np.ndarray, " part"],
) -> None:
    """Put the losses of a batch where they belong."""
    begin = 0
    for position in positions.tolist():
        count = int(offsets[position + 1] - offsets[position])
        values[offsets[position] : offsets[position + 1]] = losses[begin : begin + count]
        begin += count
