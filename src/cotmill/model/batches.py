"""Batches of rows of similar length, and what to do when one does not fit into memory."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

import numpy as np
import torch
from jaxtyping import Int

from cotmill.core.errors import ModelError
from cotmill.core.machine import CPU_FULL
from cotmill.model.tokenise import TokenisedRows

IGNORED = -100
"""The label that carries no loss, by the convention of torch and transformers."""

Result = TypeVar("Result")


def length_batches(
    lengths: Int[np.ndarray, " row"], *, tokens: int, rows: int = 4_096
) -> list[Int[np.ndarray, " _"]]:
    """Cut rows, longest first, into batches of at most `tokens` padded tokens and `rows` rows.

    Longest first, so that a batch that does not fit shows at once. A row longer than `tokens` is a batch
    of its own.

    >>> [batch.tolist() for batch in length_batches(np.array([3, 9, 4, 4]), tokens=9)]
    [[1], [2, 3], [0]]
    """
    order = np.argsort(-lengths, kind="stable")
    batches, begin = [], 0
    while begin < len(order):
        size = min(rows, max(1, tokens // max(int(lengths[order[begin]]), 1)))
        batches.append(order[begin : begin + size])
        begin += size
    return batches


def pad_right(
    tokenised: TokenisedRows, positions: Int[np.ndarray, " place"], pad: int
) -> tuple[torch.Tensor, torch.Tensor]:
    """Stack rows into input ids and labels, padded on the right.

    Under causal attention a token sees nothing behind it, so rows padded on the right need no mask.
    """
    width = int(tokenised.lengths[positions].max())
    inputs = np.full((len(positions), width), pad, dtype=np.int64)
    labels = np.full((len(positions), width), IGNORED, dtype=np.int64)
    for place, position in enumerate(positions.tolist()):
        row = tokenised.row(position)
        inputs[place, : len(row.ids)] = row.ids
        first = max(row.start, 1)
        labels[place, first : len(row.ids)] = row.ids[first:]
    return torch.from_numpy(inputs), torch.from_numpy(labels)


def in_halves(
    work: Callable[[Int[np.ndarray, " place"]], Result], positions: Int[np.ndarray, " place"]
) -> list[tuple[Int[np.ndarray, " _"], Result]]:
    """Do work on rows; when memory runs out, on each half of them, and so on.

    Raises:
        ModelError: not even one row fits.
    """
    try:
        return [(positions, work(positions))]
    except RuntimeError as error:
        if not is_memory(error):
            raise
        if len(positions) == 1:
            raise ModelError(
                "one row alone does not fit into memory; lower max_length, or use a smaller model"
            ) from error
    # Outside the handler, so that the traceback no longer holds the tensors of the failed batch.
    if torch.cuda.is_available():
        torch.cuda.empty_cache()
    half = len(positions) // 2
    return in_halves(work, positions[:half]) + in_halves(work, positions[half:])


def is_memory(error: RuntimeError) -> bool:
    """Say whether an error means that memory ran out."""
    return isinstance(error, torch.OutOfMemoryError) or CPU_FULL in str(error)
