"""Samples from a model in this process, through cotmill's own generate.

Finished rows leave the batch and new ones join, and rows with the same prompt share its reading. What a
sample is depends on its own seed; batch size and neighbours change it only within rounding. A longer limit
goes on where a shorter one stopped. Log-probabilities are rounded to a thousandth of a nat, so that
rounding in the model hardly shows.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Sequence
from importlib.metadata import version

from cotmill.augment.engines.base import (
    TOO_LONG,
    Ask,
    Deliver,
    Prompt,
    Question,
    SamplingSettings,
    refuse_extra,
    rows_of,
    sample_of,
)
from cotmill.augment.samples import Sample, prompt_hash
from cotmill.model.generate import Generation, generate
from cotmill.model.load import LanguageModel
from cotmill.model.render import Form, render
from cotmill.model.tokenise import tokenise_prompts

BLOCK, BLOCK_SLOW = 1_024, 64
"""Samples between two writes, to keep the batch full; the second for a large model on a CPU."""
SMALL = 50_000_000
"""Parameters up to which a model counts as small."""
PROBE_ROWS, PROBE_TOKENS = 64, 12


class HfEngine:
    """Draws samples from a loaded model."""

    name = "hf"

    def __init__(self, lm: LanguageModel, *, form: Form = "auto", batch_size: int | None = None) -> None:
        """Use a model; `form` says how a question becomes tokens."""
        self.lm, self.batch_size = lm, batch_size
        self.form: Form = form
        self.model, self.model_name = lm.fingerprint, lm.name
        self.version = f"transformers {version('transformers')}, torch {version('torch')}"
        slow = lm.device.type == "cpu" and sum(part.numel() for part in lm.model.parameters()) > SMALL
        self.block = BLOCK_SLOW if slow else BLOCK
        self._problems: Counter[str] = Counter()

    def prompts(self, questions: Sequence[Question], template: str) -> list[Prompt]:
        """Render and tokenise questions by the code that training uses."""
        rows = rows_of(questions, template)
        texts = [rendered.prompt for rendered in render(self.lm.tokenizer, rows, self.form)]
        tokens = tokenise_prompts(self.lm.tokenizer, rows, form=self.form)
        return [
            Prompt(question, prompt_hash(text), len(ids), ids)
            for question, text, ids in zip(questions, texts, tokens, strict=True)
        ]

    def shown(self, prompt: Prompt) -> str:
        """Write a prompt out."""
        return self.lm.tokenizer.decode(prompt.content)

    def draw(
        self, asks: Sequence[Ask], settings: SamplingSettings, max_new_tokens: int, deliver: Deliver
    ) -> None:
        """Draw one sample for each ask."""
        refuse_extra(settings)
        answers = self._generate([ask.prompt for ask in asks], settings, max_new_tokens, asks)
        deliver([self._sample(ask, said, max_new_tokens) for ask, said in zip(asks, answers, strict=True)])

    def pace(self, prompts: Sequence[Prompt], settings: SamplingSettings) -> float | None:
        """Begin some answers; on a slow machine this takes a few seconds."""
        some = [prompts[place % len(prompts)] for place in range(PROBE_ROWS)] if prompts else []
        if not some:
            return None
        self._generate(some[:1], settings, 1, None)  # the first call pays for what torch sets up
        started = time.perf_counter()
        answers = self._generate(some, settings, PROBE_TOKENS, None)
        return sum(said.tokens for said in answers) / (time.perf_counter() - started)

    def problems(self) -> dict[str, int]:
        """Say what went wrong so far."""
        return dict(self._problems)

    def _generate(
        self,
        prompts: Sequence[Prompt],
        settings: SamplingSettings,
        max_new_tokens: int,
        asks: Sequence[Ask] | None,
    ) -> list[Generation]:
        return generate(
            self.lm,
            [prompt.content for prompt in prompts],
            max_new_tokens=max_new_tokens,
            temperature=settings.temperature,
            top_k=settings.top_k,
            top_p=settings.top_p,
            logprobs=True,
            seeds=0 if asks is None else [ask.seed for ask in asks],
            batch_size=self.batch_size,
        )

    def _sample(self, ask: Ask, said: Generation, max_new_tokens: int) -> Sample:
        assert said.logprob is not None
        room = self.lm.max_length > len(ask.prompt.content)
        if not room:
            self._problems[TOO_LONG] += 1
        return sample_of(
            self,
            ask,
            max_new_tokens,
            text=said.text,
            tokens=said.tokens,
            prompt_tokens=len(ask.prompt.content),
            finish_reason=said.finish_reason if room else "error",
            logprob=round(said.logprob, 3) if room else None,
        )
