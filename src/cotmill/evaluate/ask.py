"""Ask a model every question of a benchmark, chunk by chunk, going on where an earlier run stopped."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pyarrow as pa

from cotmill.core.files import canonical_json
from cotmill.core.ids import content_id
from cotmill.core.progress import progress
from cotmill.evaluate.benchmark import Benchmark
from cotmill.evaluate.config import EvalConfig
from cotmill.evaluate.items import ASKED, Layout
from cotmill.evaluate.store import Output, OutputStore
from cotmill.evaluate.summary import TOO_LONG
from cotmill.execute.executor import Executor

if TYPE_CHECKING:
    from cotmill.model.load import LanguageModel, Source
    from cotmill.model.render import Row

SAVE_EVERY = 1_024
"""Answers between two writes: large enough that the batches stay full, seconds for a small model."""
SAVE_EVERY_SLOW = 64
"""The same where a CPU runs a model that is not small."""
SMALL = 50_000_000
"""Parameters up to which a model counts as small."""


@dataclass(frozen=True)
class Ask:
    """One answer to be had."""

    key: str
    row: Row
    sample: int
    seed: int


def asks_of(lm: LanguageModel, benchmark: Benchmark, config: EvalConfig, seed: int) -> list[Ask]:
    """List every question and sample, in the benchmark's order."""
    from cotmill.model.generate import sample_seed
    from cotmill.model.render import rows_of

    drawn = {"seed": seed} if config.temperature > 0 else {}
    settings = canonical_json({"temperature": config.temperature, "form": config.form, **drawn})

    def key(row: Row, sample: int) -> str:
        context = canonical_json([list(turn) for turn in row.context])
        return content_id("answer", lm.fingerprint, settings, row.row_id, str(sample), row.question, context)

    rows = (row._replace(question=config.asked(row.question), trace="") for row in rows_of(benchmark.pool))
    return [
        Ask(key(row, sample), row, sample, sample_seed(seed, row.row_id, sample))
        for row in rows
        for sample in range(config.samples)
    ]


def answer(
    lm: LanguageModel,
    asks: Sequence[Ask],
    config: EvalConfig,
    store: OutputStore,
    executor: Executor | None = None,
) -> list[Output]:
    """Generate what the store does not hold, and return all answers in the order of the asks.

    The chunks are the same whoever answers them, and are stored in their order: so is the file.
    """
    missing = {ask.key for ask in asks if store.get(ask.key, config.max_new_tokens) is None}
    steps = iter(progress(range(len(missing)), "answering"))

    def advance(answers: int) -> None:
        for _ in range(answers):
            next(steps, None)

    chunks = _chunks(asks, config.save_every or _save_every(lm))
    wanted = (todo for chunk in chunks if (todo := [ask for ask in chunk if ask.key in missing]))
    if executor is None or executor.here:
        for todo in wanted:
            store.append(_generate(lm, todo, config, advance))
    else:
        from cotmill.model.load import source_of

        source = source_of(lm)
        for outputs in executor.map(answer_chunk, (Chunk(source, todo, config) for todo in wanted)):
            store.append(outputs)
            advance(len(outputs))
    advance(len(missing) + 1)
    found = (store.get(ask.key, config.max_new_tokens) for ask in asks)
    return [output for output in found if output is not None]


@dataclass(frozen=True)
class Chunk:
    """Some questions for a worker to ask, and how it loads the model."""

    source: Source
    asks: list[Ask]
    config: EvalConfig


def answer_chunk(chunk: Chunk) -> list[Output]:
    """Ask some questions in a worker."""
    return _generate(chunk.source.model(), chunk.asks, chunk.config, lambda _: None)


def _save_every(lm: LanguageModel) -> int:
    """Settle how many answers are made between two writes; a function of the model and the device alone."""
    slow = lm.device.type == "cpu" and sum(part.numel() for part in lm.model.parameters()) > SMALL
    return SAVE_EVERY_SLOW if slow else SAVE_EVERY


def _chunks(asks: Sequence[Ask], size: int) -> Iterator[list[Ask]]:
    """Cut into chunks of questions of like length, the same however much is already there."""
    by_length = sorted(asks, key=lambda ask: (len(ask.row.question), ask.key))
    for start in range(0, len(by_length), size):
        yield by_length[start : start + size]


def _generate(
    lm: LanguageModel, asks: Sequence[Ask], config: EvalConfig, on_done: Callable[[int], object]
) -> list[Output]:
    """Ask the model itself; a question that fills the model leaves no room for an answer."""
    from cotmill.model.generate import generate
    from cotmill.model.tokenise import tokenise_prompts

    prompts = tokenise_prompts(lm.tokenizer, [ask.row for ask in asks], form=config.form)
    answers = generate(
        lm,
        prompts,
        max_new_tokens=config.max_new_tokens,
        temperature=config.temperature,
        seeds=[ask.seed for ask in asks],
        batch_size=config.batch_size,
        on_done=on_done,
    )
    return [
        Output(
            key=ask.key,
            row_id=ask.row.row_id,
            sample=ask.sample,
            text=said.text,
            tokens=said.tokens,
            finish_reason=TOO_LONG if len(prompt) >= lm.max_length else said.finish_reason,
            max_new_tokens=config.max_new_tokens,
        )
        for ask, prompt, said in zip(asks, prompts, answers, strict=True)
    ]


def asked_table(benchmark: Benchmark, outputs: Sequence[Output], layout: Layout) -> pa.Table:
    """Put questions and outputs side by side, one row an answer, in the benchmark's order."""
    names = ["row_id", "example_id", "question", *layout.kept]
    references = benchmark.references()
    rows = {row["row_id"]: row for batch in benchmark.pool.batches(names) for row in batch.to_pylist()}
    answered = [
        {
            **rows[output.row_id],
            "gold": references[output.row_id],
            "sample": output.sample,
            "output": output.text,
            "tokens": output.tokens,
            "finish_reason": output.finish_reason,
        }
        for output in outputs
    ]
    kept = [pa.field(name, benchmark.pool.schema.field(name).type) for name in layout.kept]
    return pa.Table.from_pylist(answered, schema=pa.schema([*ASKED, *kept]))


def layout_for(benchmark: Benchmark, config: EvalConfig) -> Layout:
    """Say how the table of a benchmark's items is to be read."""
    return Layout(
        benchmark=benchmark.name,
        metric=benchmark.metric,
        strict_rule=benchmark.strict_rule,
        groups=benchmark.groups,
        cluster=benchmark.cluster,
        base=benchmark.base,
        stop=config.stop,
        bertscore=config.bertscore if benchmark.metric == "text" else "",
    )
