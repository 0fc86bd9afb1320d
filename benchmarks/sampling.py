"""Sampling: tokens a second beside bare transformers, and what each allocation finds per token.

    python benchmarks/sampling.py [--model lab:llama-0.9m] [--tune 200] [--questions 100] [--k 50]

The model is fine-tuned for some steps first, so that some of its samples are correct. One thread; seconds
are of this process's own processor time.

Speed: the same prompts, k times each, at temperature 0.7, at most 200 tokens: `model.generate` of
transformers, in batches of prompts sorted by length, each run until its last row ends; cotmill's generate;
and all that `cotmill sample` does (keys and seeds, drawing, log-probabilities, the store on disk), without
and with verification. Every row counts the tokens up to its own end; the rows differ by what was drawn.

Allocations: every scheme gets a store of its own and the same questions. The samples have the same seeds
everywhere, so that two schemes differ only in how many they draw of a question. `fixed there` is what fixed
k finds at that many tokens (interpolated between the values of k).
"""

from __future__ import annotations

import argparse
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
from generate import tuned

from cotmill.augment.allocate import Allocation
from cotmill.augment.engines.base import Question, SamplingSettings
from cotmill.augment.engines.hf import HfEngine
from cotmill.augment.outcomes import Found
from cotmill.augment.sampling import Job, Sampled, Sampler, questions_of
from cotmill.augment.store import SampleStore
from cotmill.lab.pools import make_pool
from cotmill.model.generate import CPU_ROWS, generate
from cotmill.model.load import LanguageModel
from cotmill.model.render import rows_of
from cotmill.model.tokenise import tokenise_prompts

TOKENS = 200


def bare(lm: LanguageModel, prompts: list[list[int]]) -> int:
    order = sorted(range(len(prompts)), key=lambda place: len(prompts[place]))
    written = 0
    for begin in range(0, len(order), CPU_ROWS):
        chosen = [prompts[place] for place in order[begin : begin + CPU_ROWS]]
        width = max(map(len, chosen))
        ids = torch.tensor([[0] * (width - len(prompt)) + prompt for prompt in chosen])
        mask = torch.tensor([[0] * (width - len(prompt)) + [1] * len(prompt) for prompt in chosen])
        with torch.inference_mode():
            out = lm.model.generate(
                input_ids=ids, attention_mask=mask, max_new_tokens=TOKENS, pad_token_id=0,
                do_sample=True, temperature=0.7, top_k=0, top_p=1.0,
            )  # fmt: skip
        for row in out[:, width:].tolist():
            written += row.index(lm.stop_ids[0]) + 1 if lm.stop_ids[0] in row else len(row)
    return written


def ours(lm: LanguageModel, prompts: list[list[int]]) -> int:
    answers = generate(lm, prompts, max_new_tokens=TOKENS, temperature=0.7, seeds=0)
    return sum(answer.tokens for answer in answers)


def sampled(
    lm: LanguageModel, questions: list[Question], rule: Allocation, *, count: bool = True
) -> tuple[Sampled, Sampler]:
    with tempfile.TemporaryDirectory() as folder:
        store = SampleStore.open(Path(folder) / "samples")
        sampler = Sampler(HfEngine(lm), questions, store, Job(SamplingSettings(), TOKENS, rule, count=count))
        result = sampler.run()
        store.finish()
    return result, sampler


def speed(lm: LanguageModel, questions: list[Question], prompts: list[list[int]], k: int) -> None:
    many = [prompt for prompt in prompts for _ in range(k)]
    rule = Allocation(k=k)
    calls: dict[str, Callable[[], int]] = {
        "transformers generate": lambda: bare(lm, many),
        "cotmill generate": lambda: ours(lm, many),
        "cotmill sample, not verified": lambda: sampled(lm, questions, rule, count=False)[0].tokens,
        "cotmill sample, verified": lambda: sampled(lm, questions, rule)[0].tokens,
    }
    ours(lm, many[:4])
    base = 0.0
    for name, call in calls.items():
        started = time.process_time()
        tokens = call()
        rate = tokens / (time.process_time() - started)
        base = base or rate
        print(f"{name:30s} {rate:9,.0f} tokens a second, {tokens:9,} tokens, {rate / base:5.2f} x")


def at_equal_tokens(sampler: Sampler, k: int) -> Callable[[float], float]:
    """Distinct paths that fixed k finds at so many tokens, from the one run with the largest k."""
    assert sampler.outcomes is not None
    points = [(0, 0)]
    for size in range(1, k + 1):
        found = [sampler.outcomes.found(question.example_id, size) for question in sampler.questions]
        points.append((sum(one.tokens for one in found), sum(one.distinct for one in found)))
    tokens, distinct = zip(*points, strict=True)
    return lambda at: float(np.interp(at, tokens, distinct))


def allocations(lm: LanguageModel, questions: list[Question], k: int) -> None:
    rules = {
        f"fixed k={k}": Allocation(k=k),
        "until 2 correct": Allocation(scheme="correct", correct=2, k=k, first=4, step=4),
        "until 8 correct": Allocation(scheme="correct", correct=8, k=k, first=4, step=4),
        "uniform, 20 correct": Allocation(scheme="uniform", correct=20, k=k),
        "prop2diff, 20 correct": Allocation(scheme="prop2diff", correct=20, k=k),
        **{
            f"yield, price {price}": Allocation(scheme="yield", price=price, k=k) for price in (0.3, 1.0, 3.0)
        },
    }
    fixed: Callable[[float], float] | None = None
    head = ("samples", "tokens", "correct", "paths", "per 1,000 tokens", "fixed there", "none correct")
    print(f"{'allocation':24s} " + " ".join(f"{name:>16s}" for name in head))
    for name, rule in rules.items():
        result, sampler = sampled(lm, questions, rule)
        fixed = fixed or at_equal_tokens(sampler, k)
        print(f"{name:24s} " + line_of(result.found, fixed))


def line_of(found: tuple[Found, ...], fixed: Callable[[float], float]) -> str:
    tokens = sum(one.tokens for one in found)
    distinct = sum(one.distinct for one in found)
    numbers = [
        f"{sum(one.samples for one in found):,}",
        f"{tokens:,}",
        f"{sum(one.correct for one in found):,}",
        f"{distinct:,}",
        f"{1000 * distinct / tokens:.3f}",
        f"{fixed(tokens):,.0f}",
        f"{sum(not one.correct for one in found):,}",
    ]
    return " ".join(f"{number:>16s}" for number in numbers)


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--model", default="lab:llama-0.9m")
    parser.add_argument("--tune", type=int, default=200)
    parser.add_argument("--questions", type=int, default=100)
    parser.add_argument("--k", type=int, default=50)
    parser.add_argument("--only", choices=("speed", "allocations"))
    told = parser.parse_args()
    torch.set_num_threads(1)
    lm = tuned(told.model, told.tune)
    pool = make_pool(1, told.questions).without_labels()
    questions = questions_of(pool)
    if told.only != "allocations":
        speed(lm, questions, tokenise_prompts(lm.tokenizer, list(rows_of(pool))), min(told.k, 10))
    if told.only != "speed":
        allocations(lm, questions, told.k)


if __name__ == "__main__":
    main()
