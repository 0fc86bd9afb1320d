"""Samples from a model that every worker of an executor has loaded: processes, actors of Ray, jobs of Slurm.

The process that asks needs no model and no GPU: prompts are rendered by a worker too. What is asked for is
cut into the blocks that one worker alone would draw, so the samples do not depend on how many there are;
a block is stored when it comes back, and a worker that dies costs the block that it had.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path
from typing import Any, Literal

from cotmill.augment.engines.base import Ask, Deliver, Engine, Prompt, Question, SamplingSettings
from cotmill.augment.samples import Sample
from cotmill.core.errors import ModelError
from cotmill.execute.executor import Execution, Executor
from cotmill.model.render import Form

BLOCKS = 8
"""Blocks for each worker between two looks at what the samples brought."""
RENDERED = 4_096
"""Questions that are rendered at a time."""


@dataclass(frozen=True)
class Maker:
    """How a worker makes its engine."""

    kind: Literal["hf", "vllm"]
    model: str
    form: Form = "auto"
    batch_size: int | None = None
    block: int | None = None
    called: str | None = None
    """Name of the model in the samples, where it is not that of the folder."""

    def engine(self) -> Engine:
        """Make it, once in a process."""
        return _engine(self)


@lru_cache(maxsize=1)
def _engine(maker: Maker) -> Engine:
    if maker.kind == "vllm":
        from cotmill.augment.engines.vllm import VllmEngine

        made: Any = VllmEngine(maker.model, form=maker.form)
    else:
        from cotmill.augment.engines.hf import HfEngine
        from cotmill.model.load import load

        made = HfEngine(load(maker.model), form=maker.form, batch_size=maker.batch_size)
    made.model_name = maker.called or made.model_name
    made.block = maker.block or made.block
    return made


@dataclass(frozen=True)
class Facts:
    """What is known of an engine."""

    name: str
    version: str
    model: str
    model_name: str
    block: int


def facts_of(maker: Maker) -> Facts:
    """Load the engine in a worker, and say what it is."""
    made = maker.engine()
    return Facts(made.name, made.version, made.model, made.model_name, made.block)


@dataclass(frozen=True)
class _Rendering:
    maker: Maker
    questions: list[Question]
    template: str


def render_all(task: _Rendering) -> list[Prompt]:
    """Render questions in a worker."""
    return task.maker.engine().prompts(task.questions, task.template)


@dataclass(frozen=True)
class _Block:
    maker: Maker
    model: str
    asks: list[Ask]
    settings: SamplingSettings
    max_new_tokens: int


def draw_block(block: _Block) -> tuple[list[Sample], dict[str, int]]:
    """Draw samples in a worker; what went wrong comes with them.

    Raises:
        ModelError: the model of this worker is another one.
    """
    engine = block.maker.engine()
    if engine.model != block.model:
        raise ModelError(
            f"{block.maker.model} is another model on a worker than on the first; all must see the same files"
        )
    drawn: list[Sample] = []
    before = Counter(engine.problems())
    engine.draw(block.asks, block.settings, block.max_new_tokens, drawn.extend)
    return drawn, dict(Counter(engine.problems()) - before)


class SpreadEngine:
    """An engine whose samples are drawn by workers; use it in a `with` block."""

    def __init__(self, maker: Maker, execution: Execution) -> None:
        """Start the first worker, and learn what the engine is."""
        self._maker = maker
        self._executor = Executor(execution)
        self._problems: Counter[str] = Counter()
        facts: Facts = next(self._one(facts_of, [maker]))
        self.name, self.version, self.model = facts.name, facts.version, facts.model
        self.model_name, self._block = facts.model_name, facts.block
        self.block = self._block * BLOCKS * (execution.workers or BLOCKS)

    def __enter__(self) -> SpreadEngine:
        return self

    def __exit__(self, *_: object) -> None:
        self._executor.close()

    def _one(self, function: Any, items: list[Any]) -> Iterator[Any]:
        """Map, to the end: a map that is left would end the workers."""
        yield from list(self._executor.map(function, items))

    def prompts(self, questions: Sequence[Question], template: str) -> list[Prompt]:
        """Render and tokenise questions."""
        parts = [
            _Rendering(self._maker, list(questions[start : start + RENDERED]), template)
            for start in range(0, len(questions), RENDERED)
        ]
        return [prompt for part in self._one(render_all, parts) for prompt in part]

    def shown(self, prompt: Prompt) -> str:
        """Write a prompt out: as the question, since the tokenizer is with the workers."""
        return prompt.question.question

    def draw(
        self, asks: Sequence[Ask], settings: SamplingSettings, max_new_tokens: int, deliver: Deliver
    ) -> None:
        """Draw one sample for each ask."""
        blocks = (
            _Block(self._maker, self.model, list(asks[start : start + self._block]), settings, max_new_tokens)
            for start in range(0, len(asks), self._block)
        )
        for samples, problems in self._executor.each(draw_block, blocks):
            self._problems.update(problems)
            deliver(samples)

    def pace(self, prompts: Sequence[Prompt], settings: SamplingSettings) -> float | None:
        """Not known before."""
        del prompts, settings

    def problems(self) -> dict[str, int]:
        """Say what went wrong so far."""
        return dict(self._problems)


def spread(maker: Maker, execution: Execution) -> SpreadEngine:
    """Make an engine by workers; of this process alone there is one."""
    return SpreadEngine(replace(maker, model=_where(maker.model)), execution)


def _where(model: str) -> str:
    """Name a folder as processes with another working directory find it."""
    folder = Path(model).expanduser()
    return str(folder.absolute()) if folder.is_dir() else model
