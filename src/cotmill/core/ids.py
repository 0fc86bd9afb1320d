"""Content ids, and randomness that is a function of (seed, id).

Everything random in cotmill is drawn from a hash of a seed and a content id. A result therefore
does not depend on row order, batch shape, worker count or machine count.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable

import numpy as np

ID_BYTES = 16
"""128 bits: at 10^10 rows the chance of any collision is below 10^-18."""


def content_id(*parts: str) -> str:
    """Hash text parts to a 32-digit hex id; the split between parts matters.

    >>> content_id("ab", "c") == content_id("a", "bc")
    False
    """
    digest = hashlib.blake2b(digest_size=ID_BYTES)
    for part in parts:
        data = part.encode("utf-8", "surrogatepass")
        digest.update(len(data).to_bytes(8, "little"))
        digest.update(data)
    return digest.hexdigest()


def seed_of(seed: int, *parts: str | int) -> int:
    """Derive a 63-bit seed from a seed and any parts.

    >>> seed_of(0, "row", 1) == seed_of(0, "row", 2)
    False
    """
    return int(content_id(str(seed), *(str(part) for part in parts))[:16], 16) >> 1


def rng_of(seed: int, *parts: str | int) -> np.random.Generator:
    """Make a numpy generator whose stream is a function of the seed and the parts alone."""
    return np.random.Generator(np.random.Philox(key=seed_of(seed, *parts)))


def order_keys(seed: int, ids: Iterable[str]) -> np.ndarray:
    """Give every id a uniform 64-bit key; the k smallest are a random sample of size k.

    Samples for different k are nested, and a row's key does not depend on the other rows.
    """
    prefix = hashlib.blake2b(str(seed).encode() + b"\0", digest_size=8)

    def key(row_id: str) -> int:
        digest = prefix.copy()
        digest.update(row_id.encode())
        return int.from_bytes(digest.digest(), "little")

    return np.fromiter((key(row_id) for row_id in ids), dtype=np.uint64)
