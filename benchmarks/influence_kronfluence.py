"""Kronfluence's part of benchmarks/influence.py, which starts it with Kronfluence on the path.

It is given the same rows, sorted by length and padded to the longest of a batch; the same MLP layers; the
same damping (a tenth of the mean eigenvalue); and the very labels that ours draws for the Fisher, so that
its scores can be held against ours number by number.
"""

from __future__ import annotations

import json
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import torch
from kronfluence.analyzer import Analyzer, prepare_model
from kronfluence.arguments import FactorArguments, ScoreArguments
from kronfluence.task import Task
from kronfluence.utils.dataset import DataLoaderKwargs
from torch.nn import functional
from torch.utils.data import Dataset

sys.path.insert(0, str(Path(__file__).parent))
import influence as bench

from cotmill.measure.influence.config import FactorConfig
from cotmill.measure.influence.factors import factor_rows
from cotmill.measure.influence.loss import drawn, uniforms_of
from cotmill.measure.influence.modules import tracked_modules
from cotmill.model.tokenise import TokenisedRows

IGNORED = -100


class Rows(Dataset):
    """Tokenised rows by length, with the numbers that settle their drawn labels."""

    def __init__(self, rows: TokenisedRows, order: np.ndarray) -> None:
        self.rows, self.order = rows, order

    def __len__(self) -> int:
        return len(self.order)

    def __getitem__(self, place: int) -> dict[str, torch.Tensor]:
        row = self.rows.row(int(self.order[place]))
        ids = torch.from_numpy(row.ids.astype(np.int64))
        labels = ids.clone()
        labels[: max(row.start, 1)] = IGNORED
        uniforms = torch.zeros(len(ids), dtype=torch.float64)
        uniforms[max(row.start, 1) :] = torch.from_numpy(
            uniforms_of(0, [row.row_id], np.array([len(ids) - max(row.start, 1)]))
        )
        return {"ids": ids, "labels": labels, "uniforms": uniforms, "mask": torch.ones_like(ids)}


def padded(items: list[dict[str, torch.Tensor]]) -> dict[str, torch.Tensor]:
    """Pad a batch on the right."""
    fill = {"ids": 0, "labels": IGNORED, "uniforms": 0.0, "mask": 0}
    return {
        name: torch.nn.utils.rnn.pad_sequence(
            [one[name] for one in items], batch_first=True, padding_value=value
        )
        for name, value in fill.items()
    }


class Answers(Task):
    """The summed loss of the answer tokens."""

    def __init__(self, names: list[str]) -> None:
        self.names = names

    def compute_train_loss(
        self,
        batch: dict,
        model: torch.nn.Module,
        sample: bool = False,  # noqa: FBT001, FBT002 - the signature is Kronfluence's
    ) -> torch.Tensor:
        """Sum the loss, of the labels or of drawn ones."""
        logits = model(input_ids=batch["ids"], attention_mask=batch["mask"], use_cache=False).logits
        logits, labels = logits[:, :-1].float().flatten(0, 1), batch["labels"][:, 1:].flatten()
        if sample:
            with torch.no_grad():
                numbers = batch["uniforms"][:, 1:].flatten()
                own = drawn(torch.softmax(logits.detach(), -1), numbers).squeeze(1)
                labels = torch.where(labels == IGNORED, IGNORED, own)
        return functional.cross_entropy(logits, labels, reduction="sum", ignore_index=IGNORED)

    def compute_measurement(self, batch: dict, model: torch.nn.Module) -> torch.Tensor:
        """The same for queries."""
        return self.compute_train_loss(batch, model)

    def get_influence_tracked_modules(self) -> list[str]:
        """Name the layers."""
        return self.names

    def get_attention_mask(self, batch: dict) -> torch.Tensor:
        """Say what is no padding."""
        return batch["mask"]


def main() -> None:
    told = bench.parsed()
    torch.set_num_threads(told.threads)
    lm = bench.model_of(told)
    rows = bench.rows_of(lm, told, 0, told.rows)
    queries = bench.rows_of(lm, told, 5, 2 * told.queries)
    task = Answers([layer.name for layer in tracked_modules(lm)])
    model = prepare_model(lm.model, task)
    with tempfile.TemporaryDirectory() as folder:
        analyzer = Analyzer("job", model, task, cpu=not told.cuda, output_dir=folder, disable_tqdm=True)
        analyzer.set_dataloader_kwargs(DataLoaderKwargs(collate_fn=padded))
        processor = time.process_time()
        spent, scores = run(analyzer, told, rows, queries)
        processor = time.process_time() - processor
    found = {"spent": spent, "processor": processor, "scores": scores.tolist(), **bench.memory()}
    told.result.write_text(json.dumps(found))


def run(
    analyzer: Analyzer, told: object, rows: TokenisedRows, queries: TokenisedRows
) -> tuple[dict, np.ndarray]:
    """Fit the factors and score; one call for each group, since a call makes one direction."""
    order = np.argsort(-rows.lengths, kind="stable")
    tokens = int(told.share * rows.lengths.sum()) if told.share < 1 else None
    fitted = factor_rows(rows, FactorConfig(tokens=tokens))
    started = time.monotonic()
    analyzer.fit_all_factors(
        factors_name="factors",
        dataset=Rows(fitted, np.argsort(-fitted.lengths, kind="stable")),
        per_device_batch_size=32,
        factor_args=FactorArguments(strategy="ekfac"),
        overwrite_output_dir=True,
    )
    spent = {"factors": time.monotonic() - started}
    size = told.queries
    groups = [range(size)] if told.separate else [range(size), range(size, 2 * size)]
    found = []
    for number, group in enumerate(groups):
        analyzer.compute_pairwise_scores(
            scores_name=f"scores{number}",
            factors_name="factors",
            query_dataset=Rows(queries, np.array(group)),
            train_dataset=Rows(rows, order),
            per_device_query_batch_size=size if told.separate else 32,
            per_device_train_batch_size=32,
            score_args=ScoreArguments(damping_factor=None, aggregate_query_gradients=not told.separate),
            overwrite_output_dir=True,
        )
        found.append(analyzer.load_pairwise_scores(f"scores{number}")["all_modules"].float().numpy())
    spent["scores"] = time.monotonic() - started - spent["factors"]
    scores = np.empty((len(rows), sum(len(part) for part in found)))
    scores[order] = np.concatenate(found).T
    return spent, scores


if __name__ == "__main__":
    main()
