"""Draw samples of questions into a store: plan, skip what is there, draw block by block, decide, go on.

Work is cut into blocks that depend on the plan alone, not on what is there already, and a block is on disk
before the next begins. A killed job therefore redoes at most one block, and redoes it as it was. Questions
are told apart by their example id; several processes can share a job by `part`, each taking the questions
whose id falls to it.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import islice
from typing import Any

import numpy as np
import pyarrow as pa
from pyarrow import compute

from cotmill.augment.allocate import Allocation
from cotmill.augment.done import ENDED, Done
from cotmill.augment.engines.base import Ask, Engine, Prompt, Question, SamplingSettings
from cotmill.augment.outcomes import Found, Outcomes
from cotmill.augment.samples import SCHEMA, Key, Sample
from cotmill.augment.store import SampleStore
from cotmill.core.ids import order_keys
from cotmill.core.progress import progress
from cotmill.data.pool import Pool
from cotmill.data.table import messages_of

pc: Any = compute
"""Its functions are made at run time, which type checkers cannot see."""

SAVE_SECONDS = 20.0
"""Where samples come one by one, they wait at most so long before they are written."""
NEEDED = [name for name in SCHEMA.names if name not in {"sample_id"}]


@dataclass(frozen=True)
class Job:
    """What is to be drawn, and how."""

    settings: SamplingSettings = field(default_factory=SamplingSettings)
    max_new_tokens: int = 256
    allocation: Allocation = field(default_factory=Allocation)
    template: str = "{question}"
    count: bool = True
    """Also verify samples where the allocation does not need it, to say what they found."""


@dataclass(frozen=True)
class Sampled:
    """What a call drew, and what the questions have now."""

    questions: int
    rounds: int
    drawn: int
    tokens: int
    seconds: float
    retried: int
    """Of those drawn, samples that had been cut off under a shorter limit."""
    cut_off: int
    failed: int
    samples: int
    """All samples of these questions under this plan, drawn now or before."""
    found: tuple[Found, ...] = ()
    """What they brought, question by question; empty when nothing was verified."""


def questions_of(pool: Pool, *, limit: int | None = None, part: tuple[int, int] = (0, 1)) -> list[Question]:
    """List the questions of a pool, each once; `limit` draws some by hash, `part` is (which, of how many)."""
    found: dict[str, Question] = {}
    for batch in pool.batches(["example_id", "question", "gold", "context"]):
        for row in batch.to_pylist():
            if row["question"] and row["example_id"] not in found:
                context = messages_of(row["context"])
                found[row["example_id"]] = Question(row["example_id"], row["question"], row["gold"], context)
    ids = np.array(list(found), dtype="<U32")
    if limit is not None and limit < len(ids):
        keys = order_keys(0, ids)
        ids = ids[np.sort(np.argsort(keys, kind="stable")[:limit])]
    which, of = part
    return [found[str(name)] for name in ids if int(str(name)[-8:], 16) % of == which]


class Sampler:
    """One job on one store; `run` draws what is missing."""

    def __init__(self, engine: Engine, questions: Sequence[Question], store: SampleStore, job: Job) -> None:
        """Render the questions; nothing is drawn yet."""
        self.engine, self.store, self.job = engine, store, job
        self.questions = list(questions)
        prompts = engine.prompts(self.questions, job.template)
        # Prompts of like length side by side: less padding. The id makes the order total.
        self.prompts = sorted(prompts, key=lambda prompt: (prompt.length, prompt.question.example_id))
        self.settings = store.add_settings(job.settings.model_dump())
        self.done: Done = store.keys()
        self.outcomes = Outcomes(self.questions) if job.allocation.listens or job.count else None
        self._total: Counter[str] = Counter()

    # ---- what there is to do ----------------------------------------------------------------------

    def missing(self, begin: dict[str, int], end: dict[str, int]) -> int:
        """Count the samples of a plan that are not there."""
        return sum(len(self._todo(block)) for block in self._blocks(begin, end))

    def first_plan(self) -> tuple[dict[str, int], dict[str, int]]:
        """The plan of the first round: from which index to which, by question."""
        ids = [prompt.question.example_id for prompt in self.prompts]
        return dict.fromkeys(ids, 0), dict.fromkeys(ids, self.job.allocation.start())

    def mean_tokens(self) -> float | None:
        """Tokens of a sample, as far as this model's are in the store under these settings."""
        total = count = 0
        for batch in self._ours(["model", "settings", "tokens"]):
            tokens = batch.column("tokens")
            total, count = total + (pc.sum(tokens).as_py() or 0), count + len(tokens)
        return total / count if count else None

    def _key(self, prompt: Prompt, index: int) -> Key:
        return Key(prompt.question.example_id, self.engine.model, prompt.hash, self.settings, index)

    def _blocks(self, begin: dict[str, int], end: dict[str, int]) -> Iterator[list[Ask]]:
        """Cut a plan into blocks; they depend on the plan alone."""
        seed = self.job.settings.seed
        asks = (
            Ask(prompt, key := self._key(prompt, index), key.seed(seed))
            for prompt in self.prompts
            for index in range(begin[prompt.question.example_id], end[prompt.question.example_id])
        )
        while block := list(islice(asks, self.engine.block)):
            yield block

    def _todo(self, block: list[Ask]) -> list[Ask]:
        """Leave out what is there."""
        missing = self.done.missing([ask.key.sample_id for ask in block], self.job.max_new_tokens)
        return [ask for ask, absent in zip(block, missing.tolist(), strict=True) if absent]

    # ---- doing it ---------------------------------------------------------------------------------

    def run(self, on_round: Callable[[int, int, int], object] | None = None) -> Sampled:
        """Draw all rounds; `on_round` hears the number of the round, its questions and its samples.

        Whatever ends this early, what was drawn stays; the same call goes on.
        """
        started = time.monotonic()
        if self.outcomes is not None:
            self.outcomes.add(progress(self._stored(), "verifying what is there"))
        rounds, first, end = 0, *self.first_plan()
        begin = first
        try:
            while any(end[name] > begin[name] for name in end):
                rounds += 1
                if on_round is not None:
                    more = [end[name] - begin[name] for name in end]
                    on_round(rounds, sum(map(bool, more)), sum(more))
                self._round(begin, end, rounds)
                begin, end = end, self._decided(end)
        finally:
            if self.outcomes is not None:
                self.outcomes.close()
        return self._summary(end, rounds, time.monotonic() - started)

    def _decided(self, drawn: dict[str, int]) -> dict[str, int]:
        """Decide how far each question goes next, from what its samples so far brought."""
        rule, outcomes = self.job.allocation, self.outcomes
        if not rule.listens or outcomes is None:
            return drawn
        found = {name: outcomes.found(name, count) for name, count in drawn.items()}
        wanted = {
            name: rule.more(found[name], outcomes.found(name, rule.start()), count)
            for name, count in drawn.items()
        }
        given = rule.affordable(wanted, found.values())
        return {name: count + given[name] for name, count in drawn.items()}

    def _round(self, begin: dict[str, int], end: dict[str, int], number: int) -> None:
        """Draw what is missing of one round."""
        missing = self.missing(begin, end)
        label = f"sampling, round {number}" if self.job.allocation.listens else "sampling"
        steps = iter(progress(range(missing), label))
        for block in self._blocks(begin, end):
            if todo := self._todo(block):
                with _Saving(self.keep, steps) as saving:
                    self.engine.draw(todo, self.job.settings, self.job.max_new_tokens, saving.deliver)
        for _ in steps:
            pass

    def keep(self, samples: list[Sample]) -> None:
        """Write samples down and note what came of them."""
        self.store.add(samples)
        reach = self.done.reaches([sample.sample_id for sample in samples])
        self._total["drawn"] += len(samples)
        self._total["tokens"] += sum(sample.tokens for sample in samples)
        self._total["retried"] += int((reach > 0).sum())
        if self.outcomes is not None:
            self.outcomes.add(samples)

    def _stored(self) -> Iterator[Sample]:
        """Read the samples of this job that were there before."""
        hashes = {prompt.question.example_id: prompt.hash for prompt in self.prompts}
        for batch in self._ours(NEEDED):
            for row in batch.to_pylist():
                if hashes.get(row["example_id"]) == row["prompt"]:
                    yield Sample(**row)

    def _ours(self, columns: list[str]) -> Iterator[pa.RecordBatch]:
        """Stream the samples of this model under these settings."""
        wanted = {"model": self.engine.model, "settings": self.settings}
        for batch in self.store.batches(columns):
            masks = [pc.equal(batch.column(name), value) for name, value in wanted.items()]
            yield batch.filter(pc.and_(*masks))

    def _summary(self, end: dict[str, int], rounds: int, seconds: float) -> Sampled:
        self.done = self.store.keys()
        reaches = Counter[str]()
        for block in self._blocks(dict.fromkeys(end, 0), end):
            reach = self.done.reaches([ask.key.sample_id for ask in block])
            reaches["cut off"] += int(((reach > 0) & (reach != ENDED)).sum())
            reaches["failed"] += int((reach < 0).sum())
        found = ()
        if self.outcomes is not None:
            found = tuple(
                self.outcomes.found(question.example_id, end[question.example_id])
                for question in self.questions
            )
        return Sampled(
            questions=len(self.questions),
            rounds=rounds,
            drawn=self._total["drawn"],
            tokens=self._total["tokens"],
            seconds=seconds,
            retried=self._total["retried"],
            cut_off=reaches["cut off"],
            failed=reaches["failed"],
            samples=sum(end.values()),
            found=found,
        )


class _Saving:
    """Collects what an engine delivers and keeps it: every so often, and at the end, whatever the end is."""

    def __init__(self, keep: Callable[[list[Sample]], object], steps: Iterator[int]) -> None:
        self._keep, self._steps = keep, steps
        self._waiting: list[Sample] = []
        self._since = time.monotonic()

    def __enter__(self) -> _Saving:
        return self

    def __exit__(self, *_: object) -> None:
        self._save()

    def deliver(self, samples: list[Sample]) -> None:
        """Take samples over."""
        self._waiting += samples
        for _ in samples:
            next(self._steps, None)
        if time.monotonic() - self._since > SAVE_SECONDS:
            self._save()

    def _save(self) -> None:
        waiting, self._waiting = self._waiting, []
        self._since = time.monotonic()
        if waiting:
            self._keep(waiting)
