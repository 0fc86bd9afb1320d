"""A training step of TRL's SFTTrainer with masked thought beside one without, in one run, batch by batch.

    python benchmarks/masked_step.py [--model lab:llama-0.25m] [--steps 100] [--mask 0.4]

Both trainers hold a copy of the model and read each batch one after the other, in alternating order. A step
is TRL's whole `training_step` (noise, forward, loss, backward) and the optimiser's. Seconds are of this
process's own processor time on a CPU, so that other load does not count, and of the clock on a GPU. The
logging of losses after clean and noised inputs is part of the masked step. Bound: 1.02.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from typing import Any

import numpy as np
import torch
from datasets import Dataset
from trl.trainer.sft_config import SFTConfig
from trl.trainer.sft_trainer import SFTTrainer

from cotmill.lab.defects import make_pool_rows
from cotmill.model.load import load
from cotmill.train import masked_thought

WARM_STEPS = 5
BOUND = 1.02


def trainer_of(model: str, steps: int, folder: str) -> SFTTrainer:
    lm = load(model, dtype=torch.float32)
    lm.model.train()
    rows = [
        {"prompt": row["question"] + "\n", "completion": row["answer"]}
        for row in make_pool_rows(0, 16 * steps)
    ]
    cuda = torch.cuda.is_available()
    config = SFTConfig(
        output_dir=folder, max_steps=steps, per_device_train_batch_size=16, bf16=cuda, use_cpu=not cuda,
        learning_rate=1e-4, report_to="none", disable_tqdm=True, max_length=None,
        activation_checkpointing=False,
    )  # fmt: skip
    trainer = SFTTrainer(
        model=lm.model, args=config, train_dataset=Dataset.from_list(rows), processing_class=lm.tokenizer
    )
    trainer.create_optimizer()
    trainer.state.max_steps = steps
    return trainer


def now() -> float:
    if torch.cuda.is_available():
        torch.cuda.synchronize()
        return time.perf_counter()
    return time.process_time()


def one_step(trainer: Any, batch: dict[str, torch.Tensor]) -> float:
    batch = {name: part.clone() for name, part in batch.items()}
    count = (batch["labels"][:, 1:] != -100).sum()
    begin = now()
    trainer.training_step(trainer.model, batch, num_items_in_batch=count)
    trainer.optimizer.step()
    trainer.optimizer.zero_grad()
    trainer.state.global_step += 1
    return now() - begin


def balanced(first: np.ndarray, second: np.ndarray) -> float:
    """Average the median log-ratios of both orders: whichever comes second finds the batch in the cache."""
    return float(np.exp((np.median(first) + np.median(second)) / 2))


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--model", default="lab:llama-0.25m")
    parser.add_argument("--steps", type=int, default=100)
    parser.add_argument("--mask", default="0.4")
    told = parser.parse_args()
    torch.set_num_threads(1)
    with tempfile.TemporaryDirectory() as folder:
        plain = trainer_of(told.model, told.steps, folder)
        masked = masked_thought(trainer_of(told.model, told.steps, folder), told.mask)
        pairs = []
        for number, batch in enumerate(plain.get_train_dataloader()):
            first, second = (plain, masked) if number % 2 else (masked, plain)
            took = {id(trainer): one_step(trainer, batch) for trainer in (first, second)}
            pairs.append((took[id(plain)], took[id(masked)]))
    times = np.array(pairs[WARM_STEPS:])
    logs = np.log(times[:, 1] / times[:, 0])
    ratio = balanced(logs[0::2], logs[1::2])
    rng = np.random.default_rng(0)
    half = len(logs) // 2
    draws = [balanced(rng.choice(logs[0::2], half), rng.choice(logs[1::2], half)) for _ in range(2_000)]
    low, high = np.quantile(draws, [0.025, 0.975])
    print(f"plain step   {1e3 * np.median(times[:, 0]):8.2f} ms")
    print(f"masked step  {1e3 * np.median(times[:, 1]):8.2f} ms")
    print(f"ratio        {ratio:8.4f}  ({len(logs)} pairs, 95 %: {low:.4f} to {high:.4f})")
    print(f"bound        {BOUND:8.4f}  {'met' if ratio <= BOUND else 'NOT met'}")


if __name__ == "__main__":
    main()
