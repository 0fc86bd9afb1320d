"""An engine whose samples are a plain function of question and index."""

from __future__ import annotations

from collections.abc import Callable

from cotmill.augment.engines.base import Ask, Prompt, Question, SamplingSettings, sample_of
from cotmill.augment.samples import prompt_hash
from cotmill.core.ids import content_id


class Scripted:
    """An engine that answers by a function of (question, index); it can break off after so many samples."""

    name, version, model, model_name, block = "scripted", "1", content_id("scripted"), "scripted", 7

    def __init__(self, answer: Callable[[Question, int], str], *, breaks_after: int | None = None) -> None:
        self.answer, self.left, self.drawn = answer, breaks_after, 0

    def prompts(self, questions, template):
        texts = [template.replace("{question}", question.question) for question in questions]
        return [
            Prompt(q, prompt_hash(text), len(text), text) for q, text in zip(questions, texts, strict=True)
        ]

    def draw(self, asks: list[Ask], settings: SamplingSettings, max_new_tokens: int, deliver) -> None:
        del settings
        for ask in asks:
            if self.left is not None and self.drawn >= self.left:
                raise RuntimeError("broken off")
            text = self.answer(ask.prompt.question, ask.key.index)
            words = text.split(" ")
            whole = len(words) <= max_new_tokens
            self.drawn += 1
            deliver([
                sample_of(
                    self, ask, max_new_tokens, text=" ".join(words[:max_new_tokens]),
                    tokens=min(len(words), max_new_tokens), prompt_tokens=3, logprob=None,
                    finish_reason="stop" if whole else "length",
                )
            ])  # fmt: skip

    def shown(self, prompt):
        return prompt.content

    def pace(self, prompts, settings):  # noqa: ARG002 - an engine's signature
        return None

    def problems(self):
        return {}
