"""Rows that stand for others: facility location and farthest-first, in blocks of bounded memory.

Both rules are greedy and look at all pairs, which no pool of a million rows allows. Rows are therefore
dealt by hash into blocks of equal size, the greedy rule orders each block, and the blocks take turns. A
pool of one block is treated exactly. Being greedy, an order of n rows begins with that of fewer rows.
"""

from __future__ import annotations

import heapq
from collections.abc import Callable

import numpy as np
from jaxtyping import Float

from cotmill.select.pick import Keys, Positions, lowest_hash

BLOCK = 2_048
"""Rows compared with one another: 17 MB of similarities in 32 bits."""

Vectors = Float[np.ndarray, "row feature"]
Rule = Callable[[Vectors, int], list[int]]


def cosine(vectors: Vectors) -> Float[np.ndarray, "row row"]:
    """Cosine similarity of vectors of length one; opposite ones count as unlike, not as less than that."""
    return np.maximum(vectors @ vectors.T, 0.0)


def nearness(vectors: Vectors) -> Float[np.ndarray, "row row"]:
    """The largest distance of two rows less the distance of these two, for vectors without a direction."""
    squared = (vectors**2).sum(axis=1)
    distances = np.sqrt(np.maximum(squared[:, None] + squared[None] - 2 * vectors @ vectors.T, 0.0))
    return distances.max() - distances


def facility_location(
    vectors: Vectors,
    keys: Keys,
    *,
    most: int | None = None,
    likeness: Callable[[Vectors], Float[np.ndarray, "row row"]] = cosine,
    block: int = BLOCK,
) -> Positions:
    """Order rows so that each adds most to the sum, over all rows, of the likeness to the nearest taken one.

    Lazy greedy (Minoux 1978): gains only fall, so a row is weighed again only when it leads.
    """
    return _in_blocks(vectors, keys, most, block, lambda rows, first: _lazy_greedy(likeness(rows), first))


def farthest_first(vectors: Vectors, keys: Keys, *, most: int | None = None, block: int = BLOCK) -> Positions:
    """Order rows so that each is farthest from those before it (greedy k-centre, Gonzalez 1985)."""
    return _in_blocks(vectors, keys, most, block, _spread)


def _in_blocks(vectors: Vectors, keys: Keys, most: int | None, block: int, rule: Rule) -> Positions:
    """Deal rows into blocks by hash, order each, and let the blocks take turns."""
    dealt = lowest_hash(keys)
    count = max(1, -(-len(keys) // block))
    first = -(-(len(keys) if most is None else min(most, len(keys))) // count)
    order = np.empty_like(dealt)
    for number in range(count):
        members = dealt[number::count]
        chosen = np.array(rule(vectors[members].astype(np.float32), min(first, len(members))), dtype=np.int64)
        left = np.ones(len(members), dtype=bool)
        left[chosen] = False
        order[number::count] = members[np.concatenate([chosen, np.flatnonzero(left)])]
    return order


def _lazy_greedy(likeness: Float[np.ndarray, "row row"], first: int) -> list[int]:
    """Choose the rows with the largest gains, one after the other; of equal ones the earlier."""
    nearest = np.zeros(len(likeness), dtype=np.float32)
    heap = [(-float(gain), row) for row, gain in enumerate(likeness.sum(axis=0, dtype=np.float64))]
    heapq.heapify(heap)
    chosen: list[int] = []
    while len(chosen) < first:
        row = heapq.heappop(heap)[1]
        gain = float(np.maximum(likeness[row] - nearest, 0.0).sum(dtype=np.float64))
        if heap and (-gain, row) > heap[0]:
            heapq.heappush(heap, (-gain, row))
            continue
        chosen.append(row)
        np.maximum(nearest, likeness[row], out=nearest)
    return chosen


def _spread(vectors: Vectors, first: int) -> list[int]:
    """Choose the row with the lowest hash, then the row farthest from all that were chosen."""
    squared = (vectors.astype(np.float64) ** 2).sum(axis=1)
    distances = np.full(len(vectors), np.inf)
    chosen: list[int] = []
    while len(chosen) < first:
        row = int(distances.argmax()) if chosen else 0
        chosen.append(row)
        to_row = squared + squared[row] - 2 * (vectors @ vectors[row])
        np.minimum(distances, np.maximum(to_row, 0.0), out=distances)
        distances[row] = -1.0
    return chosen
