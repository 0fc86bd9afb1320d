"""From the entries of a schedule to the tensors of a batch.

A collator is the seam for methods that change what is read: it gets the row's position, how often the row
was read before, and the optimiser step, which are all that randomness per (seed, row, epoch) and schedules
over steps need. None of it depends on batch shape, worker count or on where a run was resumed.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import numpy as np
import torch
from jaxtyping import Int

from cotmill.core.ids import order_keys
from cotmill.model.batches import IGNORED, pad_right
from cotmill.model.tokenise import TokenisedRows
from cotmill.train.masked.keys import ROWS

Entries = Sequence[Mapping[str, int]]
"""Entries with `position`, `visit` and `step`."""
Collator = Callable[[Entries], dict[str, torch.Tensor]]
MakeCollator = Callable[[TokenisedRows, int], Collator]
"""From the rows and the padding token to a collator."""


class RowCollator:
    """Stack the rows of a batch, padded on the right."""

    def __init__(self, rows: TokenisedRows, pad: int, *, keyed: bool = False) -> None:
        """Keep the rows; `keyed` sends along which row each token is of, for masks."""
        self.rows, self.pad = rows, pad
        self.keys = row_keys(rows) if keyed else None

    def __call__(self, entries: Entries) -> dict[str, torch.Tensor]:
        """Build input ids, labels and the mask of what is not padding."""
        positions = np.array([entry["position"] for entry in entries])
        inputs, labels = pad_right(self.rows, positions, self.pad)
        widths = torch.as_tensor(self.rows.lengths[positions])
        mask = (torch.arange(inputs.shape[1])[None] < widths[:, None]).long()
        batch = {"input_ids": inputs, "labels": labels, "attention_mask": mask}
        if self.keys is not None:
            keys = torch.tensor([key_of(self.keys, entry) for entry in entries], dtype=torch.int64)
            batch[ROWS] = mask * keys[:, None]
        return batch


class PackingCollator:
    """Lay the rows of a batch end to end in lines, first-fit from the longest.

    Positions start anew at each row and there is no mask, by which transformers keeps rows from seeing
    each other. A step still reads the same rows, so packing changes speed and not what is learned.
    """

    def __init__(self, rows: TokenisedRows, pad: int, *, width: int, keyed: bool = False) -> None:
        """Keep the rows; `width` is the length of a line, at least the longest row."""
        self.rows, self.pad = rows, pad
        self.keys = row_keys(rows) if keyed else None
        self.width = max(width, int(rows.lengths.max(initial=1)))

    def __call__(self, entries: Entries) -> dict[str, torch.Tensor]:
        """Build input ids, labels and positions."""
        rows = [self.rows.row(entry["position"]) for entry in entries]
        lines = first_fit([len(row.ids) for row in rows], self.width)
        width = max(sum(len(rows[place].ids) for place in line) for line in lines)
        inputs = np.full((len(lines), width), self.pad, dtype=np.int64)
        labels = np.full((len(lines), width), IGNORED, dtype=np.int64)
        positions = np.zeros((len(lines), width), dtype=np.int64)
        keys = np.zeros((len(lines), width), dtype=np.int64)
        for number, line in enumerate(lines):
            begin = 0
            for place in line:
                row = rows[place]
                end, first = begin + len(row.ids), max(row.start, 1)
                inputs[number, begin:end] = row.ids
                labels[number, begin + first : end] = row.ids[first:]
                positions[number, begin:end] = np.arange(len(row.ids))
                if self.keys is not None:
                    keys[number, begin:end] = key_of(self.keys, entries[place])
                begin = end
            positions[number, begin:] = np.arange(width - begin)
        arrays = {"input_ids": inputs, "labels": labels, "position_ids": positions}
        if self.keys is not None:
            arrays[ROWS] = keys
        return {name: torch.from_numpy(array) for name, array in arrays.items()}


def row_keys(rows: TokenisedRows) -> Int[np.ndarray, " row"]:
    """Give every row a number made of its id."""
    return order_keys(0, list(rows.row_ids)).view(np.int64)


def key_of(keys: Int[np.ndarray, " row"], entry: Mapping[str, int]) -> int:
    """Give the number of a row at one of its visits."""
    step = 0x9E3779B97F4A7C15 * (entry["visit"] + 1)
    word = (int(keys[entry["position"]]) ^ step) & (2**64 - 1)
    return word - 2**64 if word >= 2**63 else word


def first_fit(lengths: Sequence[int], width: int) -> list[list[int]]:
    """Put items, longest first, each into the first line with room for it.

    >>> first_fit([3, 5, 2, 4], 7)
    [[1, 2], [3, 0]]
    """
    lines: list[list[int]] = []
    room: list[int] = []
    for place in sorted(range(len(lengths)), key=lambda place: -lengths[place]):
        fits = next((line for line, left in enumerate(room) if left >= lengths[place]), None)
        if fits is None:
            lines.append([])
            room.append(width)
            fits = len(lines) - 1
        lines[fits].append(place)
        room[fits] -= lengths[place]
    return lines
