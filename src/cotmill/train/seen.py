"""The loss of every row when it was trained on: loss trajectories that cost nothing.

The forward pass of a training computes these losses anyway. They are noisier than those of a sweep: each
is from before its own step, rows of one epoch are read at different steps, and dropout or noise in the
input are in force. A trajectory has as many points as there are whole epochs. Source of the idea: LEAD
(arXiv 2505.07437) scores rows by them; S2L (arXiv 2403.07384) sweeps instead.

What is seen is appended to one file, 16 bytes a row and step; after a kill the steps that are done again
are written again, and the later record counts.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch

from cotmill.core import mirror
from cotmill.core.errors import EvidenceError, ModelError
from cotmill.data.pool import Pool
from cotmill.evidence import Trajectories
from cotmill.model.tokenise import TokenisedRows
from cotmill.train.collate import Collator, Entries

RECORD = np.dtype([("position", "<i4"), ("visit", "<i4"), ("tokens", "<i4"), ("loss_sum", "<f4")])
COLUMN = "seen_rows"
"""The tensor that tells the trainer which rows a batch is of."""


class SeenLosses:
    """Collects the losses of one training; give it to `train` as `Extras.seen`."""

    def __init__(self, file: Path) -> None:
        """Remember where to write."""
        self.file = file
        self.row_ids: Sequence[str] = ()
        self.truncated = np.zeros(0, dtype=bool)

    def watch(self, rows: TokenisedRows, collator: Collator) -> Collator:
        """Let the batches of a collator say which rows they are of."""
        self.row_ids, self.truncated = rows.row_ids, rows.truncated
        self.file.parent.mkdir(parents=True, exist_ok=True)
        whole = self.file.stat().st_size // RECORD.itemsize if self.file.is_file() else 0
        with self.file.open("ab") as handle:
            handle.truncate(whole * RECORD.itemsize)

        def named(entries: Entries) -> dict[str, torch.Tensor]:
            batch = collator(entries)
            if len(batch["input_ids"]) != len(entries):
                raise ModelError(
                    "losses cannot be recorded row by row where rows are packed; set packing to false"
                )
            told = [(entry["position"], entry["visit"]) for entry in entries]
            return {**batch, COLUMN: torch.tensor(told, dtype=torch.long)}

        return named

    def __call__(self, rows: torch.Tensor, tokens: torch.Tensor, loss_sums: torch.Tensor) -> None:
        """Write down the losses of one batch."""
        records = np.empty(len(rows), dtype=RECORD)
        records["position"], records["visit"] = rows.cpu().numpy().T
        records["tokens"] = tokens.cpu().numpy()
        records["loss_sum"] = loss_sums.detach().float().cpu().numpy()
        with self.file.open("ab") as handle:
            handle.write(records.tobytes())
        mirror.grown(self.file)

    def trajectories(self, pool: Pool, *, model_fingerprint: str = "") -> Trajectories:
        """Give the losses of every whole epoch; rows that were left out have no label tokens.

        Raises:
            EvidenceError: not one epoch was finished.
        """
        records = np.fromfile(self.file, dtype=RECORD)
        epochs = int(records["visit"].max(initial=-1)) + 1
        losses = np.full((len(self.row_ids), epochs), np.nan)
        losses[records["position"], records["visit"]] = records["loss_sum"]
        whole = np.isfinite(losses).all(axis=0)
        if not whole.any():
            raise EvidenceError(
                f"{self.file} does not hold one whole epoch of {len(self.row_ids)} rows; train for longer"
            )
        tokens = np.zeros(len(self.row_ids), dtype=np.int64)
        tokens[records["position"]] = records["tokens"]
        missing = np.setdiff1d(pool.ids, np.asarray(self.row_ids))
        blank = len(missing)
        seen = Trajectories(
            row_ids=[*self.row_ids, *missing.tolist()],
            model_fingerprint=model_fingerprint,
            about={"recorded": "when trained on"},
            loss_sum=np.concatenate([losses[:, whole], np.full((blank, int(whole.sum())), np.nan)]),
            tokens=np.concatenate([tokens, np.zeros(blank, dtype=np.int64)]),
            steps=np.flatnonzero(whole) + 1,
            truncated=np.concatenate([self.truncated, np.zeros(blank, dtype=bool)]),
        )
        return seen.of(pool)
