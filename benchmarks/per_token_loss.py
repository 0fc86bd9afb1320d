"""The loss of every answer token beside a bare forward pass over the same batches, in one run.

    python benchmarks/per_token_loss.py [--model lab:llama-0.25m] [--rows 1000]

Seconds are of this process's own processor time. The bare pass computes all logits and throws them away.
"""

from __future__ import annotations

import argparse
import time

import numpy as np
import torch

from cotmill.data.pool import Pool
from cotmill.lab.defects import make_pool_rows
from cotmill.model.batches import length_batches, pad_right
from cotmill.model.load import LanguageModel, load
from cotmill.model.loss import CPU_TOKENS, token_losses
from cotmill.model.tokenise import TokenisedRows, tokenise


def bare(lm: LanguageModel, rows: TokenisedRows) -> float:
    batches = [pad_right(rows, places, 0)[0] for places in length_batches(rows.lengths, tokens=CPU_TOKENS)]
    started = time.process_time()
    with torch.inference_mode():
        for inputs in batches:
            lm.model(input_ids=inputs, use_cache=False)
    return time.process_time() - started


def ours(lm: LanguageModel, rows: TokenisedRows) -> float:
    started = time.process_time()
    token_losses(lm, rows)
    return time.process_time() - started


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--model", default="lab:llama-0.25m")
    parser.add_argument("--rows", type=int, default=1_000)
    told = parser.parse_args()
    torch.set_num_threads(1)
    made = [{**row, "trace": row.pop("answer")} for row in make_pool_rows(0, told.rows)]
    lm = load(told.model)
    rows = tokenise(lm.tokenizer, Pool.from_rows(made).without_labels(), max_length=lm.max_length)
    runs = [(bare(lm, rows), ours(lm, rows)) for _ in range(4)][1:]
    bare_time, our_time = np.min(runs, axis=0)
    tokens = rows.lengths.sum()
    print(f"bare forward     {tokens / bare_time:10,.0f} tokens a second of processor time")
    print(f"losses           {tokens / our_time:10,.0f}, batching and padding included")
    print(f"ratio in time    {our_time / bare_time:10.2f}")


if __name__ == "__main__":
    main()
