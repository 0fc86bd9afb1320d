"""Pass rates: how often a model solved a question, from samples drawn anywhere.

One line per question (`example_id`), because all solutions of a question share its difficulty. A table
of samples with one line per answer (`example_id`, `correct` as a boolean) is counted up when it is read.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import Float, Int

from cotmill.core.errors import EvidenceError
from cotmill.core.ids import as_strings, id_words
from cotmill.evidence.base import Evidence


@dataclass(frozen=True, eq=False, kw_only=True)
class PassRates(Evidence):
    """Right answers and all answers to the question of a row."""

    kind = "pass_rates"
    row_fields = ("correct", "samples")
    id_column = "example_id"

    correct: Int[np.ndarray, " row"]
    samples: Int[np.ndarray, " row"]

    def check(self) -> None:
        """Refuse counts that cannot be."""
        self.refuse_unless(
            (self.correct >= 0) & (self.correct <= self.samples),
            "have more right answers than answers",
            "count again; `correct` and `samples` are numbers of answers",
        )

    @property
    def rate(self) -> Float[np.ndarray, " row"]:
        """Share of right answers; NaN where the question was not asked."""
        return np.where(self.samples > 0, self.correct / np.maximum(self.samples, 1), np.nan)

    def to_columns(self) -> dict[str, np.ndarray]:
        """Both counts."""
        return {"correct": self.correct, "samples": self.samples}

    @classmethod
    def from_columns(cls, columns: Mapping[str, np.ndarray]) -> dict[str, Any]:
        """Take both counts; where only `correct` is there, each line is one answer."""
        correct = columns["correct"].astype(np.int64)
        return {"correct": correct, "samples": columns.get("samples", np.ones_like(correct))}

    @classmethod
    def made(cls, row_ids: Any, fields: Mapping[str, Any], provenance: Mapping[str, Any]) -> PassRates:
        """Add up the lines of a file that belong to one question."""
        return cls.counted(row_ids, fields["correct"], fields["samples"], **provenance)

    @classmethod
    def counted(cls, example_ids: Any, correct: Any, samples: Any = None, **told: Any) -> PassRates:
        """Add up the lines of each question, in the order of their first lines.

        >>> PassRates.counted(["a", "b", "a"], [True, False, False]).rate.tolist()
        [0.5, 0.0]
        """
        ids, right = as_strings(example_ids), np.asarray(correct).astype(np.int64)
        asked = np.ones_like(right) if samples is None else np.asarray(samples)
        if len(ids) != len(right) or len(ids) != len(asked):
            raise EvidenceError(f"{len(ids)} questions with {len(right)} verdicts; give one per answer")
        _, first, place = np.unique(id_words(ids), axis=0, return_index=True, return_inverse=True)
        order = np.argsort(first)
        sums = [np.bincount(place.reshape(-1), weights=each).astype(np.int64) for each in (right, asked)]
        return cls(row_ids=ids[first[order]], correct=sums[0][order], samples=sums[1][order], **told)
