"""What an evaluation will do, said before it does it: questions, tokens, time, and the first prompt."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from cotmill.evaluate.ask import Ask, asks_of
from cotmill.evaluate.benchmark import Benchmark
from cotmill.evaluate.config import EvalConfig
from cotmill.evaluate.store import OutputStore

if TYPE_CHECKING:
    from cotmill.model.load import LanguageModel

PROBE_ROWS, PROBE_TOKENS = 64, 8
"""Answers that are begun to learn the speed; on a slow machine this takes a few seconds."""


def plan_of(
    lm: LanguageModel, benchmark: Benchmark, config: EvalConfig, *, out: Path, seed: int
) -> Iterator[str]:
    """Say what will be asked, how much is there already, and how long the rest will take at most."""
    from cotmill.model.tokenise import tokenise_prompts

    aside = f", {benchmark.set_aside:,} rows set aside" if benchmark.set_aside else ""
    base = len(benchmark.pool) - benchmark.questions
    extra = f" and their {base:,} base questions" if base else ""
    yield f"{lm.name} on {benchmark.name}: {benchmark.questions:,} questions{extra}{aside}"
    if config.loss:
        yield "loss of the gold solutions: one forward pass over each"
    if not config.samples:
        return
    asks = asks_of(lm, benchmark, config, seed)
    store = OutputStore(out)
    missing = [ask for ask in asks if store.get(ask.key, config.max_new_tokens) is None]
    how = "greedy" if config.temperature == 0 else f"temperature {config.temperature}"
    there = f"; {len(asks) - len(missing):,} are there" if len(missing) < len(asks) else ""
    yield f"{len(asks):,} answers, {how}, at most {config.max_new_tokens:,} tokens each{there}"
    prompts = tokenise_prompts(lm.tokenizer, [ask.row for ask in missing], form=config.form)
    if not missing:
        return
    tokens = sum(map(len, prompts))
    speed = _speed(lm, prompts[:PROBE_ROWS], missing[:PROBE_ROWS], config)
    seconds = len(missing) * config.max_new_tokens / speed
    yield (
        f"{tokens:,} prompt tokens, at most {len(missing) * config.max_new_tokens:,} new ones; "
        f"at {speed:,.0f} tokens/s about {_span(seconds)} at most"
    )
    yield f"first prompt, {len(prompts[0])} tokens: {lm.tokenizer.decode(prompts[0])!r}"


def _speed(lm: LanguageModel, prompts: list[list[int]], asks: list[Ask], config: EvalConfig) -> float:
    """Begin a few answers and count new tokens per second."""
    from cotmill.model.generate import generate

    generate(lm, prompts[:1], max_new_tokens=1)  # the first call pays for what torch sets up
    started = time.perf_counter()
    begun = generate(
        lm,
        prompts,
        max_new_tokens=min(PROBE_TOKENS, config.max_new_tokens),
        temperature=config.temperature,
        seeds=[ask.seed for ask in asks],
        batch_size=config.batch_size,
    )
    return max(1, sum(answer.tokens for answer in begun)) / (time.perf_counter() - started)


def _span(seconds: float) -> str:
    """Write a length of time.

    >>> _span(40.0), _span(600.0), _span(9000.0)
    ('40 s', '10 min', '2.5 h')
    """
    if seconds < 120:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 7200 else f"{seconds / 3600:.1f} h"
