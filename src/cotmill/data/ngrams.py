"""Hashed n-grams of words, for whole batches of texts at once.

Words are runs of letters and digits in lower case, so that layout and punctuation do not matter. Each
word is a 64-bit hash; an n-gram is a polynomial in its words. A text with fewer than n words is one
n-gram by itself. Hashes do not depend on the process or the machine.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from hashlib import blake2b
from typing import NamedTuple

import numpy as np
from jaxtyping import Int, UInt64

_WORD = re.compile(r"[^\W_]+")
_FACTOR = np.uint64(0x9E3779B97F4A7C15)
_MIX = (np.uint64(0xBF58476D1CE4E5B9), np.uint64(0x94D049BB133111EB))
_VOCABULARY_LIMIT = 500_000
"""Words whose hashes are kept; with more, the kept ones are dropped and collected anew."""


class Grams(NamedTuple):
    """All n-grams of some texts: text i has `hashes[starts[i]:starts[i + 1]]`, in order."""

    hashes: UInt64[np.ndarray, " gram"]
    starts: Int[np.ndarray, " edge"]

    def of(self, text: int) -> UInt64[np.ndarray, " gram"]:
        """Return the n-grams of one text."""
        return self.hashes[self.starts[text] : self.starts[text + 1]]

    def counts(self) -> Int[np.ndarray, " text"]:
        """Return the number of n-grams of every text."""
        return np.diff(self.starts)


def words(text: str) -> list[str]:
    """Cut a text into words.

    >>> words("It's 3.50 dollars!")
    ['it', 's', '3', '50', 'dollars']
    """
    return _WORD.findall(text.lower())


class Vocabulary:
    """Hashes of words, remembered."""

    def __init__(self) -> None:
        """Start empty."""
        self._hashes: dict[str, int] = {}

    def codes(self, tokens: Sequence[str]) -> list[int]:
        """Hash words; 0 stands for no word."""
        known = self._hashes
        if len(known) > _VOCABULARY_LIMIT:
            known.clear()
        return [known.get(word) or self._new(word) for word in tokens]

    def _new(self, word: str) -> int:
        digest = blake2b(word.encode("utf-8", "surrogatepass"), digest_size=8).digest()
        code = self._hashes[word] = int.from_bytes(digest, "little") | 1
        return code


def grams(texts: Sequence[str], n: int, vocabulary: Vocabulary) -> Grams:
    """Hash all n-grams of every text; a text without words has none."""
    codes: list[int] = []
    lengths = np.zeros(len(texts), dtype=np.int64)
    for number, text in enumerate(texts):
        found = vocabulary.codes(words(text))
        if found:
            codes.extend(found)
            codes.extend([0] * (n - len(found)))
            lengths[number] = max(len(found), n)
    ends = np.cumsum(lengths)
    counts = np.maximum(lengths - n + 1, 0)
    starts = np.concatenate([[0], np.cumsum(counts)])
    flat = np.array(codes, dtype=np.uint64)
    total = max(0, len(flat) - n + 1)
    hashes = np.zeros(total, dtype=np.uint64)
    for shift in range(n):
        hashes = hashes * _FACTOR + flat[shift : shift + total]
    last_start = np.repeat(ends - n, lengths)[:total]
    return Grams(mixed(hashes[np.arange(total) <= last_start]), starts)


def mixed(values: UInt64[np.ndarray, " gram"]) -> UInt64[np.ndarray, " gram"]:
    """Spread 64-bit values evenly (the finaliser of splitmix64)."""
    values = (values ^ (values >> np.uint64(30))) * _MIX[0]
    values = (values ^ (values >> np.uint64(27))) * _MIX[1]
    return values ^ (values >> np.uint64(31))
