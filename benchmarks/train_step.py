"""Fine-tuning through cotmill beside a bare torch loop on the same batches, in one run.

    python benchmarks/train_step.py [--model lab:llama-0.25m] [--steps 40]

Seconds are of this process's own processor time, so that other load on the machine does not count.
The bare loop holds its batches ready and computes the loss over all positions; nothing is logged.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
import torch
from transformers import TrainerCallback

from cotmill.data.pool import Pool
from cotmill.lab.defects import make_pool_rows
from cotmill.model.load import load
from cotmill.model.tokenise import TokenisedRows, tokenise
from cotmill.train.collate import RowCollator
from cotmill.train.config import TrainConfig
from cotmill.train.schedule import schedule
from cotmill.train.sft import Extras, train

WARM_STEPS = 5


class Clock(TrainerCallback):
    """Note the processor time after every step."""

    def __init__(self) -> None:
        """Start with no steps."""
        self.times: list[float] = []

    def on_step_end(self, *_: Any, **__: Any) -> None:
        """Note it."""
        self.times.append(time.process_time())


def lab_pool(rows: int) -> Pool:
    """Make problems with clean solutions."""
    made = [{**row, "trace": row.pop("answer")} for row in make_pool_rows(0, rows)]
    return Pool.from_rows(made).without_labels()


def bare(model: str, rows: TokenisedRows, plan: dict[str, np.ndarray], config: TrainConfig) -> list[float]:
    lm = load(model)
    collate = RowCollator(rows, lm.tokenizer.pad_token_id)
    size = config.batch_size
    batches = []
    for begin in range(0, len(plan["position"]), size):
        places = plan["position"][begin : begin + size].tolist()
        batches.append(collate([{"position": place} for place in places]))
    optimiser = torch.optim.AdamW(lm.model.parameters(), lr=1e-3, fused=True)
    lm.model.train()
    times = []
    for batch in batches:
        lm.model(input_ids=batch["input_ids"], labels=batch["labels"], use_cache=False).loss.backward()
        optimiser.step()
        optimiser.zero_grad()
        times.append(time.process_time())
    return times


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--model", default="lab:llama-0.25m")
    parser.add_argument("--steps", type=int, default=40)
    told = parser.parse_args()
    torch.set_num_threads(1)
    pool = lab_pool(2_000)
    config = TrainConfig(steps=told.steps)
    lm = load(told.model)
    rows = tokenise(lm.tokenizer, pool, max_length=lm.max_length)
    plan = schedule(rows.row_ids, rows.lengths, config, seed=0)
    tokens = np.array(
        [rows.lengths[plan["position"][plan["step"] == step]].sum() for step in range(told.steps)]
    )[WARM_STEPS:]
    speeds: dict[str, list[float]] = {"bare torch loop": [], "cotmill": []}
    for _ in range(2):
        times = bare(told.model, rows, plan, config)
        speeds["bare torch loop"].append(tokens.sum() / (times[-1] - times[WARM_STEPS - 1]))
        clock = Clock()
        with tempfile.TemporaryDirectory() as folder:
            train(
                told.model, pool, config, out=Path(folder) / "out", seed=0, threads=1,
                extras=Extras(callbacks=(clock,)),
            )  # fmt: skip
        speeds["cotmill"].append(tokens.sum() / (clock.times[-1] - clock.times[WARM_STEPS - 1]))
    for name, found in speeds.items():
        print(f"{name:16s} {max(found):10,.0f} tokens a second of processor time (padding not counted)")
    print(f"ratio            {max(speeds['cotmill']) / max(speeds['bare torch loop']):10.2f}")


if __name__ == "__main__":
    main()
