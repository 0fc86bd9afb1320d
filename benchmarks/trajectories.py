"""One sweep of a loss trajectory beside a bare forward pass, and beside a loop over single rows, in one run.

    python benchmarks/trajectories.py [--model lab:llama-0.25m] [--rows 1000] [--threads 2]

- bare: the model over the same tokens in length-bucketed batches that are ready, all logits computed and
  thrown away (on a GPU in bfloat16, as all measuring there).
- cotmill: `measure_losses`, from rows of text to sums, tokens and the end-of-text token's part (the sweeps of
  one training after the first know the tokens already); and
  `measure_forward` with readings, and with everything it has.
- loop: what the public S2L script does, in our own plain words: every row by itself, in float32, tokenised
  twice, all logits, the mean loss kept as a tensor.

Must reach: cotmill at most 1.2 times the bare pass; the loop at least 2.5 times cotmill on two cores, 20
times on a GPU. On a CPU the seconds are of this process's own processor time (of all its threads), so that
other work on the machine does not count; on a GPU they are of the clock.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable

import numpy as np
import torch
from torch.nn import functional

from cotmill.data.pool import Pool
from cotmill.evidence.parts import PARTS
from cotmill.lab.pools import make_pool
from cotmill.measure.forward import measure_forward
from cotmill.measure.losses import Tokens, measure_losses
from cotmill.model.batches import length_batches, pad_right
from cotmill.model.load import LanguageModel, load
from cotmill.model.loss import CPU_TOKENS, GPU_TOKENS
from cotmill.model.tokenise import tokenise


def clock() -> float:
    if torch.cuda.is_available():
        torch.cuda.synchronize()
        return time.perf_counter()
    return time.process_time()


def bare(lm: LanguageModel, pool: Pool) -> Callable[[], object]:
    rows = tokenise(lm.tokenizer, pool, max_length=lm.max_length)
    tokens = CPU_TOKENS if lm.device.type == "cpu" else GPU_TOKENS
    batches = [
        pad_right(rows, places, 0)[0].to(lm.device) for places in length_batches(rows.lengths, tokens=tokens)
    ]

    def run() -> None:
        with torch.inference_mode():
            for inputs in batches:
                lm.model(input_ids=inputs, use_cache=False)

    return run


def loop(lm: LanguageModel, pool: Pool) -> Callable[[], object]:
    model = lm.model.float()

    def run() -> list[torch.Tensor]:
        losses = []
        for row in pool.rows():
            prompt = lm.tokenizer(row["question"] + "\n")["input_ids"]
            full = lm.tokenizer(row["question"] + "\n" + row["trace"])["input_ids"]
            full = [*full, lm.tokenizer.eos_token_id]
            ids = torch.tensor([full], device=lm.device)
            labels = ids.clone()
            labels[0, : len(prompt)] = -100
            with torch.no_grad():
                logits = model(input_ids=ids).logits
            losses.append(functional.cross_entropy(logits[0, :-1], labels[0, 1:]).cpu())
        return losses

    return run


def timed(work: Callable[[], object], repeats: int) -> float:
    """Give the quickest of some runs after one that warms up."""
    seconds = []
    for _ in range(repeats + 1):
        started = clock()
        work()
        seconds.append(clock() - started)
    return float(np.min(seconds[1:]))


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--model", default="lab:llama-0.25m")
    parser.add_argument("--rows", type=int, default=1_000)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--repeats", type=int, default=3)
    told = parser.parse_args()
    torch.set_num_threads(told.threads)
    pool = make_pool(0, told.rows).without_labels()
    lm = load(told.model)
    tokens = int(tokenise(lm.tokenizer, pool, max_length=lm.max_length).lengths.sum())
    known = Tokens()
    works: dict[str, Callable[[], object]] = {
        "bare forward pass": bare(lm, pool),
        "losses": lambda: measure_losses(lm, pool),
        "losses, a later sweep": lambda: measure_losses(lm, pool, known=known),
        "forward: readings": lambda: measure_forward(lm, pool),
        "forward: everything": lambda: measure_forward(lm, pool, parts=PARTS),
        "loop over single rows": loop(lm, pool),
    }
    print(f"{told.model} on {lm.device.type}, {lm.model.dtype}, {told.threads} threads, {tokens:,} tokens")
    seconds = {}
    for name, work in works.items():
        seconds[name] = timed(work, told.repeats)
        ratio = seconds[name] / seconds["bare forward pass"]
        print(f"{name:<24}{seconds[name]:9.3f} s{tokens / seconds[name]:12,.0f} tokens/s{ratio:8.2f} x bare")
    print(f"loop over losses: {seconds['loop over single rows'] / seconds['losses']:.1f} x")


if __name__ == "__main__":
    main()
