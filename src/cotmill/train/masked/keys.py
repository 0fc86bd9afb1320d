"""Which row a token is of, and its random numbers: functions of (seed, epoch, row, place).

Where a row's id and the current step come from, and why so: the workers of a data loader run ahead of the
step, packing joins rows, and TRL lets no other column or collator through. So nothing is decided while the
batch is made. At the step, on the device, the rows of the batch are found again (by position ids, attention
mask and labels), each gets a key from its own content (the sum of its tokens' hashes), and each token the
number `hash(seed, epoch, key, place)`, which is compared with the ratio in force at that step. There is no
state to lose: not in workers, processes, checkpoints or packing. cotmill's own trainer knows the true row id
and visit and sends the key along (`ROWS`); then that is used.

A stretch of unlabelled tokens and the labelled ones behind it (a question and its solution, one turn of a
chat) is the unit that has a key, since under packing `wrapped` labels are all that tells rows apart. Two
rows with the same tokens have the same key.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import torch
from jaxtyping import Bool, Int

from cotmill.core.ids import seed_of
from cotmill.model.batches import IGNORED

ROWS = "noise_rows"
"""Batch entry with the key of each token's row, where the collator knows it."""
WHOLE = 1 << 32
"""Random numbers are whole numbers below this."""
_GOLDEN = 0x9E3779B97F4A7C15
_FIRST, _SECOND = 0xBF58476D1CE4E5B9, 0x94D049BB133111EB


def signed(word: int) -> int:
    """Read a 64-bit word as torch's int64.

    >>> signed(2**64 - 1)
    -1
    """
    word &= 2**64 - 1
    return word - 2**64 if word >= 2**63 else word


def mix(x: Int[torch.Tensor, " *any"]) -> Int[torch.Tensor, " *any"]:
    """Apply one splitmix64 round (Steele, Lea and Flood 2014) in int64, which wraps as 64-bit words do."""
    x = x + signed(_GOLDEN)
    x = (x ^ _right(x, 30)) * signed(_FIRST)
    x = (x ^ _right(x, 27)) * signed(_SECOND)
    return x ^ _right(x, 31)


def _right(x: Int[torch.Tensor, " *any"], bits: int) -> Int[torch.Tensor, " *any"]:
    """Shift right and fill with zeros; torch's own shift of int64 fills with the sign."""
    return (x >> bits) & ((1 << (64 - bits)) - 1)


@dataclass(frozen=True, eq=False)
class Layout:
    """For every token the key of its row, and how far it is from the row's start."""

    key: Int[torch.Tensor, "row token"]
    place: Int[torch.Tensor, "row token"]
    length: Int[torch.Tensor, "row token"]
    """Tokens of the row."""
    since: Int[torch.Tensor, "row token"]
    """Tokens of the row that stand before it in the batch; fewer than `place` where packing cut the row."""

    def numbers(self, seed: int, purpose: str, *, behind: int = 0) -> Int[torch.Tensor, "row token"]:
        """Draw a number below 2^32 for every token, or give that of the token so many places before it."""
        word = signed(seed_of(seed, "noise", purpose))
        return _right(mix(mix(self.key ^ word) + (self.place - behind) * signed(_GOLDEN)), 32)

    def row_numbers(self, seed: int, purpose: str) -> Int[torch.Tensor, "row token"]:
        """Draw a number below 2^32 for every row, repeated over its tokens."""
        return _right(mix(mix(self.key ^ signed(seed_of(seed, "row noise", purpose)))), 32)


def layout_of(inputs: Mapping[str, Any]) -> Layout:
    """Find the rows of a batch, padded, packed or padding-free."""
    ids, labels, real = inputs["input_ids"], inputs["labels"], real_tokens(inputs)
    if ROWS in inputs:
        key = inputs[ROWS]
        first = torch.ones_like(key, dtype=torch.bool)
        # Two rows side by side in a line differ in position even where their keys are the same.
        first[:, 1:] = key[:, 1:] != key[:, :-1]
        if inputs.get("position_ids") is not None:
            first |= inputs["position_ids"] == 0
    else:
        first, key = _firsts(labels, real, inputs.get("position_ids")), None
    index = torch.arange(ids.numel(), device=ids.device).view(ids.shape)
    begin = torch.where(first, index, 0).view(-1).cummax(0).values.view(ids.shape)
    place = index - begin
    unit = (first.view(-1).cumsum(0) - 1).view(-1)
    length = _summed(real.long().view(-1), unit).view(ids.shape)
    if key is None:
        key = content_keys(ids, place, real, unit)
    return Layout(key, place, length, place)


def content_keys(
    ids: Int[torch.Tensor, "row token"],
    place: Int[torch.Tensor, "row token"],
    real: Bool[torch.Tensor, "row token"],
    unit: Int[torch.Tensor, " flat"],
) -> Int[torch.Tensor, "row token"]:
    """Make a key for each unit from its tokens and their places, and give it to each of its tokens."""
    hashes = torch.where(real, mix(ids.long() * signed(_SECOND) + place * signed(_GOLDEN)), 0)
    return mix(_summed(hashes.view(-1), unit)).view(ids.shape)


def real_tokens(inputs: Mapping[str, Any]) -> Bool[torch.Tensor, "row token"]:
    """Tell tokens from padding where an attention mask does."""
    mask = inputs.get("attention_mask")
    ids = inputs["input_ids"]
    return torch.ones_like(ids, dtype=torch.bool) if mask is None else mask.bool()


def _firsts(
    labels: Int[torch.Tensor, "row token"], real: Bool[torch.Tensor, "row token"], position: Any
) -> Bool[torch.Tensor, "row token"]:
    """Mark where a row begins: a new line or position 0, the end of padding, the end of a solution."""
    first = torch.zeros_like(real)
    first[:, 0] = True
    first[:, 1:] |= (labels[:, 1:] == IGNORED) & (labels[:, :-1] != IGNORED)
    first[:, 1:] |= real[:, 1:] & ~real[:, :-1]
    return first if position is None else first | (position == 0)


def _summed(
    values: Int[torch.Tensor, " flat"], unit: Int[torch.Tensor, " flat"]
) -> Int[torch.Tensor, " flat"]:
    """Sum over the tokens of each row, and give each token its row's sum; of whole numbers, so exact."""
    sums = torch.zeros_like(values).index_add_(0, unit, values)
    return sums[unit]
