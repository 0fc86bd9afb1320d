"""Which rows of a pool are probed."""

from __future__ import annotations

import numpy as np

from cotmill.core.ids import order_keys
from cotmill.data.pool import Pool


def drawn_rows(pool: Pool, rows: int, *, seed: int) -> Pool:
    """Keep at most so many rows, drawn by hash, in the pool's order."""
    order = np.argsort(order_keys(seed, pool.ids), kind="stable")[:rows]
    return pool.take(pool.ids[np.sort(order)])
