"""What an evaluation will do, said before it does it: questions, tokens, time, and the first prompt."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from cotmill.evaluate.ask import asks_of
from cotmill.evaluate.benchmark import Benchmark
from cotmill.evaluate.config import EvalConfig
from cotmill.evaluate.store import OutputStore

if TYPE_CHECKING:
    from cotmill.model.load import LanguageModel

PROBE_ROWS, PROBE_TOKENS = 64, 12
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
    asked, answered = sum(map(len, prompts)), len(missing) * config.max_new_tokens
    reading, writing = _speeds(lm, prompts[:PROBE_ROWS], config)
    yield (
        f"{asked:,} prompt tokens, at most {answered:,} new ones at {writing:,.0f} a second: "
        f"about {_span(asked / reading + answered / writing)} at most"
    )
    yield f"first prompt, {len(prompts[0])} tokens: {lm.tokenizer.decode(prompts[0])!r}"


def _speeds(lm: LanguageModel, prompts: list[list[int]], config: EvalConfig) -> tuple[float, float]:
    """Begin a few answers and tell prompt tokens and new tokens per second apart."""
    _seconds(lm, prompts[:1], 1, config)  # the first call pays for what torch sets up
    reading = _seconds(lm, prompts, 1, config)
    both = _seconds(lm, prompts, 1 + PROBE_TOKENS, config)
    writing = max(both - reading, reading / 100)
    return sum(map(len, prompts)) / reading, len(prompts) * PROBE_TOKENS / writing


def _seconds(lm: LanguageModel, prompts: list[list[int]], tokens: int, config: EvalConfig) -> float:
    """Seconds that so many tokens for each prompt take; answers that end early make it a little less."""
    from cotmill.model.generate import generate

    started = time.perf_counter()
    generate(lm, prompts, max_new_tokens=tokens, temperature=config.temperature, batch_size=config.batch_size)
    return time.perf_counter() - started


def _span(seconds: float) -> str:
    """Write a length of time.

    >>> _span(40.0), _span(600.0), _span(9000.0)
    ('40 s', '10 min', '2.5 h')
    """
    if seconds < 120:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 7200 else f"{seconds / 3600:.1f} h"
