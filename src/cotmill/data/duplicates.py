"""Near-duplicates: texts that share most of their word 3-grams.

MinHash (Broder 1997) with banding finds candidates; every candidate is then checked by its exact
Jaccard similarity, so that what is reported is true, and only pairs near the threshold can be missed.
The most popular alternative, datasketch, keeps Python objects per row; here all is arrays, about 1 kB
for a row of GSM8K.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import UInt64

from cotmill.core.ids import rng_of
from cotmill.data.ngrams import Grams, Vocabulary, grams

SHINGLE = 3
BANDS, ROWS_PER_BAND = 16, 4
"""A pair with similarity s meets in some band with chance 1 - (1 - s^4)^16: 0.9998 at 0.8, 0.06 at 0.25."""
THRESHOLD = 0.8
_BATCH = 4096
_SEED = 1997


@dataclass(frozen=True)
class Near:
    """Groups of positions; each group is connected by pairs that are similar enough."""

    groups: tuple[tuple[int, ...], ...]
    looked_at: int
    threshold: float

    @property
    def extra(self) -> int:
        """Texts that could go while one of each group stays."""
        return sum(len(group) - 1 for group in self.groups)


def near_duplicates(texts: Sequence[str], *, threshold: float = THRESHOLD) -> Near:
    """Group texts whose similarity is at least `threshold`; groups and members are in the order of the texts.

    >>> near_duplicates(["a b c d e f", "x y z", "a b c d e f!"]).groups
    ((0, 2),)
    """
    vocabulary = Vocabulary()
    batches = [grams(texts[at : at + _BATCH], SHINGLE, vocabulary) for at in range(0, len(texts), _BATCH)]
    keys = [_bands(found) for found in batches]
    parent = list(range(len(texts)))
    for first, second in _candidates(np.concatenate(keys)) if keys else ():
        left, right = _root(parent, first), _root(parent, second)
        if left != right and _jaccard(*(_of(batches, at) for at in (first, second))) >= threshold:
            parent[max(left, right)] = min(left, right)
    return Near(_groups(parent), len(texts), threshold)


def _of(batches: Sequence[Grams], position: int) -> UInt64[np.ndarray, " gram"]:
    """Return the n-grams of one text."""
    return batches[position // _BATCH].of(position % _BATCH)


def _bands(found: Grams) -> UInt64[np.ndarray, "text band"]:
    """Compute the band keys of some texts: an array of text × band; 0 for a text without words."""
    signature = _signature(found)
    keys = np.zeros((len(signature), BANDS), dtype=np.uint64)
    for band in range(BANDS):
        for row in range(ROWS_PER_BAND):
            keys[:, band] = (
                keys[:, band] * np.uint64(0x100000001B3) + signature[:, band * ROWS_PER_BAND + row]
            )
    return keys


def _signature(found: Grams) -> UInt64[np.ndarray, "text permutation"]:
    """Compute the smallest hash of every text under each of the permutations; 0 for a text without words."""
    rng = rng_of(_SEED, "minhash")
    factors = rng.integers(1, 2**63, BANDS * ROWS_PER_BAND, dtype=np.uint64) * np.uint64(2) + np.uint64(1)
    filled = np.flatnonzero(found.counts())
    signature = np.zeros((len(found.starts) - 1, len(factors)), dtype=np.uint64)
    if len(filled):
        for number, factor in enumerate(factors):
            signature[filled, number] = np.minimum.reduceat(
                (found.hashes * factor) >> np.uint64(32), found.starts[filled]
            )
    return signature


def _candidates(keys: UInt64[np.ndarray, "text band"]) -> Iterator[tuple[int, int]]:
    """Pair every text with the first one in each of its buckets: at most BANDS pairs a text."""
    pairs = [np.zeros(0, dtype=np.int64)]
    for band in range(keys.shape[1]):
        order = np.argsort(keys[:, band], kind="stable")
        column = keys[order, band]
        follows = np.concatenate([[False], column[1:] == column[:-1]])[: len(column)]
        starts = np.flatnonzero(~follows)
        same = np.flatnonzero(follows & (column != 0))
        heads = order[starts[np.searchsorted(starts, same, side="right") - 1]]
        pairs.append(heads * len(keys) + order[same])
    for pair in np.unique(np.concatenate(pairs)):
        yield divmod(int(pair), len(keys))


def _jaccard(left: UInt64[np.ndarray, " a"], right: UInt64[np.ndarray, " b"]) -> float:
    """Return the share of common n-grams; 0 when there are none at all."""
    first, second = set(left.tolist()), set(right.tolist())
    union = len(first | second)
    return len(first & second) / union if union else 0.0


def _root(parent: list[int], position: int) -> int:
    """Find the representative of a group, shortening the way to it."""
    while parent[position] != position:
        parent[position] = parent[parent[position]]
        position = parent[position]
    return position


def _groups(parent: list[int]) -> tuple[tuple[int, ...], ...]:
    """List the groups of more than one."""
    members: dict[int, list[int]] = {}
    for position in range(len(parent)):
        root = _root(parent, position)
        if root != position:
            members.setdefault(root, [root]).append(position)
    return tuple(tuple(group) for _, group in sorted(members.items()))
