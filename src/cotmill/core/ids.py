"""Content ids, and randomness that is a function of (seed, id).

Everything random in cotmill is drawn from a hash of a seed and a content id. A result therefore
does not depend on row order, batch shape, worker count or machine count.
"""

from __future__ import annotations

import hashlib
import re
from typing import Any

import numpy as np
from jaxtyping import Int, Shaped, UInt8, UInt64

ID_BYTES = 16
"""128 bits: at 10^10 rows the chance of any collision is below 10^-18."""

HEX_DIGITS = 2 * ID_BYTES
_HEX_ID = re.compile(f"[0-9a-f]{{{HEX_DIGITS}}}")
_BLOCK = 1 << 14
"""Rows parsed at a time: 512 kB of text, so that it stays in the cache and memory stays flat."""


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


def order_keys(seed: int, ids: Any) -> UInt64[np.ndarray, " row"]:
    """Give every id a uniform 64-bit key; the k smallest are a random sample of size k.

    Samples for different k are nested, and a row's key does not depend on the other rows. Content ids
    are uniform hash output already, so they are read as two 64-bit words and mixed with the seed by
    splitmix64 rounds (Steele, Lea and Flood 2014), vectorised; any other id is hashed first.
    `ids` is a numpy array, an Arrow string array, or any iterable of str.

    >>> [int(key) % 1000 for key in order_keys(0, [content_id("a"), "any other id"])]
    [243, 715]
    """
    words = id_words(ids)
    keys = _mix(words[:, 0] ^ np.uint64(seed_of(seed, "order", 0)))
    return _mix((keys ^ words[:, 1]) + np.uint64(seed_of(seed, "order", 1)))


def _mix(x: UInt64[np.ndarray, " row"]) -> UInt64[np.ndarray, " row"]:
    """Apply one splitmix64 round: a bijection of 64-bit words in which every bit reaches every bit."""
    x = x + np.uint64(0x9E3779B97F4A7C15)
    x = (x ^ (x >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    x = (x ^ (x >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return x ^ (x >> np.uint64(31))


def id_words(ids: Any) -> UInt64[np.ndarray, "row 2"]:
    """Read ids as 128-bit numbers: content ids by their digits, other ids by their hash."""
    known = getattr(ids, "words", None)
    words = hex_words(ids) if known is None else known
    if words is not None:
        return words
    return np.array([_words_of(row_id) for row_id in as_strings(ids)], dtype=np.uint64).reshape(-1, 2)


def hex_words(ids: Any) -> UInt64[np.ndarray, "row 2"] | None:
    """Read content ids as 128-bit numbers, from which they can be written again; None if any is another."""
    text = _fixed_width(ids)
    return None if text is None else _parse_hex(text)


def places_of(wanted: Any, among: Any) -> Int[np.ndarray, " wanted"]:
    """Find the place of every wanted id among others; -1 where it is absent, any place where it is repeated.

    >>> places_of(["c", "a", "x"], ["a", "b", "c"]).tolist()
    [2, 0, -1]
    """
    want, have = id_words(wanted), id_words(among)
    if not len(have):
        return np.full(len(want), -1, dtype=np.int64)
    order = np.lexsort((have[:, 1], have[:, 0]))
    have = have[order]
    places = np.searchsorted(have[:, 0], want[:, 0])
    while True:
        found = have[np.minimum(places, len(have) - 1)]
        # Distinct ids may share their first word: then look further.
        further = (found[:, 0] == want[:, 0]) & (found[:, 1] < want[:, 1]) & (places < len(have))
        if not further.any():
            break
        places += further
    present = (found == want).all(axis=1) & (places < len(have))
    return np.where(present, order[np.minimum(places, len(have) - 1)], -1)


def as_strings(ids: Any) -> Shaped[np.ndarray, " row"]:
    """Turn ids of any form (list, numpy, Arrow) into one numpy array of str.

    >>> as_strings(["a", "bc"]).tolist()
    ['a', 'bc']
    """
    if isinstance(ids, np.ndarray) and ids.dtype.kind == "U":
        return ids
    strings = getattr(ids, "strings", None)  # core.row_ids
    if strings is not None:
        return strings()
    text = _fixed_width(ids)
    if text is not None:
        return np.ascontiguousarray(text).view(f"S{HEX_DIGITS}").reshape(-1).astype(f"U{HEX_DIGITS}")
    listed = ids.to_pylist() if not isinstance(ids, np.ndarray) and hasattr(ids, "to_pylist") else ids
    return np.array(list(listed), dtype=str).reshape(-1)


def _words_of(row_id: str) -> tuple[int, int]:
    if not _HEX_ID.fullmatch(row_id):
        row_id = content_id("id", row_id)
    return int(row_id[:16], 16), int(row_id[16:], 16)


def _fixed_width(ids: Any) -> UInt8[np.ndarray, "row digit"] | None:
    """View ids as a table of characters if all are ASCII and 32 long, without a Python object per row."""
    if hasattr(ids, "chunks"):
        tables = [_fixed_width(chunk) for chunk in ids.chunks if len(chunk)]
        whole = [table for table in tables if table is not None]
        return np.concatenate(whole) if whole and len(whole) == len(tables) else None
    if hasattr(ids, "buffers") and str(ids.type) in {"string", "large_string"} and not ids.null_count:
        return _arrow_characters(ids)
    if isinstance(ids, np.ndarray) and ids.ndim == 1 and len(ids):
        if ids.dtype == np.dtype(f"S{HEX_DIGITS}"):
            return np.ascontiguousarray(ids).view(np.uint8).reshape(-1, HEX_DIGITS)
        if ids.dtype == np.dtype(f"U{HEX_DIGITS}"):
            wide = np.ascontiguousarray(ids).view(np.uint32).reshape(-1, HEX_DIGITS)
            return wide.astype(np.uint8) if int(wide.max()) < 128 and int(wide.min()) > 0 else None
    return None


def _arrow_characters(array: Any) -> UInt8[np.ndarray, "row digit"] | None:
    width = np.int32 if str(array.type) == "string" else np.int64
    _, offsets, data = array.buffers()
    if data is None:
        return None
    ends = np.frombuffer(offsets, dtype=width)[array.offset : array.offset + len(array) + 1]
    if not len(array) or not (np.diff(ends) == HEX_DIGITS).all():
        return None
    text = np.frombuffer(data, dtype=np.uint8)[ends[0] : ends[-1]].reshape(-1, HEX_DIGITS)
    return text if int(text.max()) < 128 else None


def _parse_hex(text: UInt8[np.ndarray, "row digit"]) -> UInt64[np.ndarray, "row 2"] | None:
    """Parse rows of 32 lower-case hex digits to two words, most significant first; None if any is not hex."""
    words = np.empty((len(text), 2), dtype=np.uint64)
    for start in range(0, len(text), _BLOCK):
        block = np.ascontiguousarray(text[start : start + _BLOCK])
        eights = block.view(">u8").astype(np.uint64)  # four words of eight digits per row
        quarters = _parse_eight(eights)
        if quarters is None:
            return None
        words[start : start + _BLOCK] = (quarters[:, 0::2] << np.uint64(32)) | quarters[:, 1::2]
    return words


def _parse_eight(x: UInt64[np.ndarray, "row word"]) -> UInt64[np.ndarray, "row word"] | None:
    """Parse eight hex digits in each 64-bit word at once, all bytes in parallel."""
    ones = np.uint64(0x0101010101010101)
    # "0".."9" are 0x30 + digit, "a".."f" are 0x57 + digit; bit 6 tells them apart.
    digits = (x & (ones * np.uint64(0x0F))) + ((x >> np.uint64(6)) & ones) * np.uint64(9)
    letters = ((digits + ones * np.uint64(6)) >> np.uint64(4)) & ones
    if not (digits + ones * np.uint64(0x30) + letters * np.uint64(0x27) == x).all():
        return None
    pairs = (digits | (digits >> np.uint64(4))) & np.uint64(0x00FF00FF00FF00FF)
    fours = (pairs | (pairs >> np.uint64(8))) & np.uint64(0x0000FFFF0000FFFF)
    return (fours | (fours >> np.uint64(16))) & np.uint64(0xFFFFFFFF)
