"""Which row is read at which place of a run: a function of the seed and the row ids, nothing else.

Every epoch has an order of its own, drawn by hash. The orders follow one another without a seam and are
cut into batches, so all batches are full but perhaps the last. To save padding, rows of similar length
are put together within a window of a few batches; the batches of a window are then shuffled again.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from jaxtyping import Int

from cotmill.core.ids import order_keys, rng_of, seed_of
from cotmill.train.config import TrainConfig

WINDOW = 16
"""Batches within which rows are sorted by length: enough to make padding rare, few enough to stay mixed."""


def slots_of(rows: int, config: TrainConfig) -> int:
    """Count the rows read in a run, repeats included.

    >>> slots_of(100, TrainConfig(epochs=1.5)), slots_of(100, TrainConfig(steps=10, batch_size=8))
    (150, 80)
    """
    if config.steps is not None:
        return config.steps * config.batch_size
    assert config.epochs is not None
    return max(1, round(config.epochs * rows))


def schedule(
    row_ids: Sequence[str], lengths: Int[np.ndarray, " row"], config: TrainConfig, *, seed: int
) -> dict[str, Int[np.ndarray, " slot"]]:
    """List for every slot the row's position, how often it was read before, and the step it belongs to."""
    slots = slots_of(len(row_ids), config)
    visits = np.arange(slots) // len(row_ids)
    orders = [
        np.argsort(order_keys(seed_of(seed, "epoch", epoch), row_ids), kind="stable")
        for epoch in range(int(visits[-1]) + 1)
    ]
    positions = np.concatenate(orders)[:slots]
    if config.group_by_length:
        order = _grouped(lengths[positions], config.batch_size, seed)
        positions, visits = positions[order], visits[order]
    return {"position": positions, "visit": visits, "step": np.arange(slots) // config.batch_size}


def _grouped(lengths: Int[np.ndarray, " slot"], batch: int, seed: int) -> Int[np.ndarray, " slot"]:
    """Sort by length within windows, then shuffle the full batches of each window."""
    order: list[Int[np.ndarray, " part"]] = []
    for number, begin in enumerate(range(0, len(lengths), WINDOW * batch)):
        window = begin + np.argsort(lengths[begin : begin + WINDOW * batch], kind="stable")
        full = len(window) // batch
        batches = window[: full * batch].reshape(full, batch)
        order += [*batches[rng_of(seed, "window", number).permutation(full)], window[full * batch :]]
    return np.concatenate(order)
