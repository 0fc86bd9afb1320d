"""Answers to prompts of many lengths: cotmill beside transformers' own generate, in one run.

    python benchmarks/generate.py [--model lab:llama-0.25m] [--tune 100] [--prompts 256] [--tokens 120]

The model is fine-tuned for some steps first, so that answers end where they should and differ in length.
Seconds are of this process's own processor time. Both are greedy. transformers gets batches of prompts
sorted by length and padded on the left, and runs each until its last row ends.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from pathlib import Path

import numpy as np
import torch

from cotmill.data.pool import Pool
from cotmill.lab.defects import make_pool_rows
from cotmill.lab.testsets import in_domain
from cotmill.model.generate import CPU_ROWS, generate
from cotmill.model.load import LanguageModel, load
from cotmill.model.tokenise import tokenise_prompts
from cotmill.train.config import TrainConfig
from cotmill.train.sft import train


def tuned(model: str, steps: int) -> LanguageModel:
    if not steps:
        return load(model)
    made = [{**row, "trace": row.pop("answer")} for row in make_pool_rows(0, 2_000)]
    pool = Pool.from_rows(made).without_labels()
    with tempfile.TemporaryDirectory() as folder:
        train(model, pool, TrainConfig(steps=steps), out=Path(folder) / "out", seed=0, threads=1)
        return load(f"{folder}/out")


def theirs(lm: LanguageModel, prompts: list[list[int]], tokens: int) -> tuple[float, int]:
    order = sorted(range(len(prompts)), key=lambda place: len(prompts[place]))
    started, written = time.process_time(), 0
    for begin in range(0, len(order), CPU_ROWS):
        chosen = [prompts[place] for place in order[begin : begin + CPU_ROWS]]
        width = max(map(len, chosen))
        ids = torch.tensor([[0] * (width - len(prompt)) + prompt for prompt in chosen])
        mask = torch.tensor([[0] * (width - len(prompt)) + [1] * len(prompt) for prompt in chosen])
        with torch.inference_mode():
            out = lm.model.generate(
                input_ids=ids, attention_mask=mask, max_new_tokens=tokens, do_sample=False, pad_token_id=0
            )
        for row in out[:, width:].tolist():
            stop = row.index(lm.stop_ids[0]) + 1 if lm.stop_ids[0] in row else len(row)
            written += stop
    return time.process_time() - started, written


def ours(lm: LanguageModel, prompts: list[list[int]], tokens: int) -> tuple[float, int]:
    started = time.process_time()
    answers = generate(lm, prompts, max_new_tokens=tokens)
    return time.process_time() - started, sum(answer.tokens for answer in answers)


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--model", default="lab:llama-0.25m")
    parser.add_argument("--prompts", type=int, default=256)
    parser.add_argument("--tokens", type=int, default=120)
    parser.add_argument("--tune", type=int, default=100)
    told = parser.parse_args()
    torch.set_num_threads(1)
    lm = tuned(told.model, told.tune)
    rows = [{"question": row["question"], "trace": ""} for row in in_domain(0, told.prompts)]
    prompts = tokenise_prompts(lm.tokenizer, Pool.from_rows(rows))
    ours(lm, prompts[:8], 4)
    speeds = {}
    for name, call in (("transformers", theirs), ("cotmill", ours)):
        seconds, written = call(lm, prompts, told.tokens)
        speeds[name] = written / seconds
        print(f"{name:16s} {speeds[name]:10,.0f} tokens a second of processor time, {written:,} tokens")
    print(f"ratio            {speeds['cotmill'] / speeds['transformers']:10.1f}")
    print(f"mean prompt      {np.mean([len(prompt) for prompt in prompts]):10.1f} tokens")


if __name__ == "__main__":
    main()
