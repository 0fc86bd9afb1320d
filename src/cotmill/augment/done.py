"""Which samples a store holds and how far each got, in 24 bytes a sample."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
from jaxtyping import Bool, Int, UInt64
from pyarrow import compute

from cotmill.augment.samples import LENGTH, STOP
from cotmill.core.ids import id_words

pc: Any = compute
"""Its functions are made at run time, which type checkers cannot see."""

ENDED = np.iinfo(np.int32).max
"""The reach of a sample that ended by itself: it serves under any limit."""
FAILED = -1
"""The reach of a sample that failed: it serves under none."""


@dataclass(frozen=True, eq=False)
class Done:
    """Ids of samples as sorted 128-bit numbers, and the largest limit each of them serves under."""

    words: UInt64[np.ndarray, "sample 2"]
    reach: Int[np.ndarray, " sample"]

    @classmethod
    def of(cls, batches: Iterable[pa.RecordBatch]) -> Done:
        """Read batches of (sample_id, finish_reason, max_new_tokens); of several attempts the best counts."""
        words: list[np.ndarray] = [np.empty((0, 2), dtype=np.uint64)]
        reach: list[np.ndarray] = [np.empty(0, dtype=np.int32)]
        for batch in batches:
            words.append(id_words(batch.column("sample_id")))
            reach.append(_reach(batch))
        all_words, all_reach = np.concatenate(words), np.concatenate(reach)
        order = np.lexsort((-all_reach.astype(np.int64), all_words[:, 1], all_words[:, 0]))
        all_words, all_reach = all_words[order], all_reach[order]
        first = np.ones(len(order), dtype=bool)
        first[1:] = (all_words[1:] != all_words[:-1]).any(axis=1)
        return cls(all_words[first], all_reach[first])

    def __len__(self) -> int:
        """Count the samples."""
        return len(self.reach)

    @property
    def cut_off(self) -> int:
        """Samples that were cut off at their limit."""
        return int(((self.reach != ENDED) & (self.reach != FAILED)).sum())

    @property
    def failed(self) -> int:
        """Samples that failed."""
        return int((self.reach == FAILED).sum())

    def reaches(self, sample_ids: Any) -> Int[np.ndarray, " wanted"]:
        """Say for each id how far its sample reaches: 0 where there is none, else see `ENDED`, `FAILED`."""
        wanted = id_words(sample_ids)
        places = _places(self.words, wanted)
        return np.where(places >= 0, self.reach[places] if len(self) else 0, 0).astype(np.int32)

    def missing(self, sample_ids: Any, max_new_tokens: int) -> Bool[np.ndarray, " wanted"]:
        """Mark the ids that must (still, or again) be drawn under this limit."""
        return self.reaches(sample_ids) < max_new_tokens


def _reach(batch: pa.RecordBatch) -> Int[np.ndarray, " row"]:
    """Settle under which limits a sample serves."""
    reasons = batch.column("finish_reason")
    limits = batch.column("max_new_tokens").to_numpy()
    ended = pc.equal(reasons, STOP).to_numpy(zero_copy_only=False)
    cut_off = pc.equal(reasons, LENGTH).to_numpy(zero_copy_only=False)
    return np.where(ended, ENDED, np.where(cut_off, limits, FAILED)).astype(np.int32)


def _places(
    have: UInt64[np.ndarray, "sample 2"], wanted: UInt64[np.ndarray, "wanted 2"]
) -> Int[np.ndarray, " wanted"]:
    """Find sorted ids; -1 where absent."""
    if not len(have):
        return np.full(len(wanted), -1, dtype=np.int64)
    pairs = have.astype(">u8").view("S16").reshape(-1)
    aims = np.ascontiguousarray(wanted).astype(">u8").view("S16").reshape(-1)
    places = np.minimum(np.searchsorted(pairs, aims), len(have) - 1)
    return np.where(pairs[places] == aims, places, -1)
