"""Loss trajectories: the summed loss of every row at several checkpoints of one training run.

Source: S2L (Yang et al. 2024, arXiv 2403.07384), where a row is the vector of its mean losses over the
checkpoints of a small proxy. Here sums and token counts are kept apart, and rows without label tokens
are flagged instead of being given loss zero. The Parquet file has one column `loss_sum@STEP` per
checkpoint, so any trainer can write it and a reader can take some checkpoints only.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import Bool, Float, Int

from cotmill.core.errors import EvidenceError
from cotmill.evidence.base import Evidence
from cotmill.evidence.files import END_COLUMN, STEP_COLUMN
from cotmill.evidence.lengths import Lengths, check_tokens, lengths_of
from cotmill.evidence.losses import NO_END, Losses, without_end


@dataclass(frozen=True, eq=False, kw_only=True)
class Trajectories(Evidence):
    """Summed cross-entropy in nats of each row at each checkpoint; `steps` are strictly increasing."""

    kind = "trajectories"
    row_fields = ("loss_sum", "tokens", "truncated", "end_loss")

    loss_sum: Float[np.ndarray, "row checkpoint"]
    tokens: Int[np.ndarray, " row"]
    steps: Int[np.ndarray, " step"]
    truncated: Bool[np.ndarray, " row"]
    end_loss: Float[np.ndarray, "row checkpoint"] | None = None
    """Loss of the end-of-text token, a part of `loss_sum`; NaN where the row does not reach its end."""

    def check(self) -> None:
        """Refuse losses that are not finite, and steps that do not match or do not increase."""
        self._set("steps", np.asarray(self.steps))
        if (
            len(self.steps) != self.loss_sum.shape[1]
            or not len(self.steps)
            or not (np.diff(self.steps) > 0).all()
        ):
            raise EvidenceError(
                f"trajectories: {self.loss_sum.shape[1]} losses per row with steps {self.steps.tolist()}; "
                "give one step per loss, strictly increasing"
            )
        check_tokens(self, self.tokens)
        empty = self.tokens == 0
        self.refuse_unless(
            empty | (np.isfinite(self.loss_sum) & (self.loss_sum >= 0)).all(axis=1),
            "have label tokens but not a finite loss of at least 0 at every checkpoint",
            "leave out the checkpoints at which the training had diverged",
        )
        if empty.any():
            self._set("loss_sum", np.where(empty[:, None], np.nan, self.loss_sum).astype(self.loss_sum.dtype))

    @property
    def mean(self) -> Float[np.ndarray, "row checkpoint"]:
        """Nats per label token at each checkpoint; NaN where there are no label tokens."""
        return self.loss_sum / np.maximum(self.tokens, 1).astype(self.loss_sum.dtype)[:, None]

    @property
    def mean_without_end(self) -> Float[np.ndarray, "row checkpoint"]:
        """Nats per label token at each checkpoint, without the end-of-text token.

        Raises:
            EvidenceError: it was not measured apart.
        """
        if self.end_loss is None:
            raise EvidenceError(NO_END.format(self.kind))
        return without_end(self.loss_sum, self.end_loss, self.tokens)

    @property
    def unmeasured(self) -> Bool[np.ndarray, " row"]:
        """Rows with no label tokens: nothing to measure, nothing to train on."""
        return self.tokens == 0

    def losses(self, checkpoint: int) -> Losses:
        """The losses at one checkpoint, by place: 0 is the first, -1 the last."""
        return Losses(
            row_ids=self.row_ids,
            pool_fingerprint=self.pool_fingerprint,
            model_fingerprint=self.model_fingerprint,
            about=self.about,
            loss_sum=self.loss_sum[:, checkpoint],
            tokens=self.tokens,
            truncated=self.truncated,
            end_loss=None if self.end_loss is None else self.end_loss[:, checkpoint],
        )

    @classmethod
    def from_losses(cls, points: Sequence[Losses], steps: Sequence[int] | None = None) -> Trajectories:
        """Join losses of the same rows, measured at several points of training, first to last.

        Raises:
            EvidenceError: the rows or their label tokens differ between the points.
        """
        first = points[0]
        for other in points[1:]:
            if not np.array_equal(first.row_ids.words, other.row_ids.words) or not np.array_equal(
                first.tokens, other.tokens
            ):
                raise EvidenceError(
                    "these losses are of different rows or of differently tokenised rows; measure both "
                    "points on one pool with one tokenizer and length"
                )
        ends = [point.end_loss for point in points if point.end_loss is not None]
        return cls(
            row_ids=first.row_ids,
            pool_fingerprint=first.pool_fingerprint,
            model_fingerprint="+".join(point.model_fingerprint for point in points),
            loss_sum=np.stack([point.loss_sum for point in points], axis=1),
            tokens=first.tokens,
            steps=np.arange(len(points)) if steps is None else np.asarray(steps),
            truncated=first.truncated,
            end_loss=np.stack(ends, axis=1) if len(ends) == len(points) else None,
        )

    def to(self, kind: type[Evidence]) -> Evidence | None:
        """These trajectories, the losses at the last checkpoint, or the token counts as Lengths."""
        if kind is Losses:
            return self.losses(-1)
        return lengths_of(self, self.tokens) if kind is Lengths else super().to(kind)

    def to_columns(self) -> dict[str, np.ndarray]:
        """tokens, truncated, loss_sum@STEP for every checkpoint, and end_loss@STEP where measured."""
        columns: dict[str, np.ndarray] = {"tokens": self.tokens, "truncated": self.truncated}
        for prefix, values in ((STEP_COLUMN, self.loss_sum), (END_COLUMN, self.end_loss)):
            if values is not None:
                columns |= {f"{prefix}{step}": values[:, i] for i, step in enumerate(self.steps.tolist())}
        return columns

    @classmethod
    def from_columns(cls, columns: Mapping[str, np.ndarray]) -> dict[str, Any]:
        """Gather the columns of every step in the order of the steps."""
        steps = sorted(
            int(name.removeprefix(STEP_COLUMN)) for name in columns if name.startswith(STEP_COLUMN)
        )
        truncated = columns.get("truncated", np.zeros(len(columns["tokens"]), dtype=bool))
        return {
            "loss_sum": _gathered(columns, STEP_COLUMN, steps),
            "tokens": columns["tokens"],
            "truncated": truncated,
            "steps": np.array(steps),
            "end_loss": _gathered(columns, END_COLUMN, steps)
            if all(f"{END_COLUMN}{step}" in columns for step in steps)
            else None,
        }


def _gathered(columns: Mapping[str, np.ndarray], prefix: str, steps: Sequence[int]) -> np.ndarray:
    """Put the columns of one number at all steps side by side."""
    first = columns[f"{prefix}{steps[0]}"]
    values = np.empty((len(first), len(steps)), dtype=first.dtype)
    for i, step in enumerate(steps):
        values[:, i] = columns[f"{prefix}{step}"]
    return values
