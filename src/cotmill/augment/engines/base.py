"""What every back end gets and gives. An engine names the model, renders prompts and draws samples."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, Protocol, runtime_checkable

from pydantic import BaseModel, ConfigDict, Field

from cotmill.augment.samples import Key, Sample
from cotmill.core.errors import RecipeError
from cotmill.data.types import Message
from cotmill.model.render import Row

PAPER = {"temperature": 0.7, "top_k": 50, "top_p": 1.0}
PAPER_TOKENS = 256
"""What arXiv 2308.01825 sampled with: its script gives T = 0.7, the library's defaults give the rest."""


class SamplingSettings(BaseModel):
    """What decides the distribution of a sample; its hash is part of every sample's key.

    Not part of it: how long an answer may be (a cut-off sample is asked for again under the same key), the
    engine (two engines draw from one distribution), batch sizes and servers.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    temperature: float = Field(default=0.7, ge=0, le=10)
    top_k: int = Field(default=0, ge=0)
    top_p: float = Field(default=1.0, gt=0, le=1)
    seed: int = Field(default=0, ge=0)
    extra: dict[str, Any] = Field(default_factory=dict)
    """Fields put into every request of a server as they are; other engines know none."""


TOO_LONG = "the prompt fills the model; nothing could be written"


@dataclass(frozen=True, slots=True)
class Question:
    """What is asked: an example's id, its question and the turns before it, and the answer to check by."""

    example_id: str
    question: str
    gold: str | None = None
    context: tuple[Message, ...] = ()


@dataclass(frozen=True, slots=True)
class Prompt:
    """A question as the model gets it. `content` is the engine's own: token ids, a text, or messages."""

    question: Question
    hash: str
    length: int
    """Tokens, or characters where the engine has no tokenizer: for sorting alone."""
    content: Any = field(repr=False)


@dataclass(frozen=True, slots=True)
class Ask:
    """One sample to be drawn."""

    prompt: Prompt
    key: Key
    seed: int


Deliver = Callable[[list[Sample]], object]
"""Called with samples as they are done; samples that were delivered survive whatever happens after."""


@runtime_checkable
class Engine(Protocol):
    """A back end."""

    name: str
    version: str
    model: str
    """Fingerprint of the model."""
    model_name: str
    block: int
    """Samples between two writes to the disk."""

    def prompts(self, questions: Sequence[Question], template: str) -> list[Prompt]:
        """Render questions; `{question}` in the template is the place of the question."""
        ...

    def draw(
        self, asks: Sequence[Ask], settings: SamplingSettings, max_new_tokens: int, deliver: Deliver
    ) -> None:
        """Draw one sample for each ask."""
        ...

    def shown(self, prompt: Prompt) -> str:
        """Write a prompt out, for people."""
        ...

    def pace(self, prompts: Sequence[Prompt], settings: SamplingSettings) -> float | None:
        """Measure new tokens a second, if that can be known beforehand."""
        ...

    def problems(self) -> dict[str, int]:
        """Say what went wrong so far, and how often."""
        ...


def sample_of(  # noqa: PLR0913 - a sample has many parts
    engine: Engine,
    ask: Ask,
    max_new_tokens: int,
    *,
    text: str,
    tokens: int,
    prompt_tokens: int,
    finish_reason: Literal["stop", "length", "error"],
    logprob: float | None,
) -> Sample:
    """Put together what was asked and what came back."""
    return Sample(
        example_id=ask.key.example_id,
        model=ask.key.model,
        model_name=engine.model_name,
        prompt=ask.key.prompt,
        settings=ask.key.settings,
        index=ask.key.index,
        seed=ask.seed,
        text=text,
        tokens=tokens,
        prompt_tokens=prompt_tokens,
        finish_reason=finish_reason,
        max_new_tokens=max_new_tokens,
        logprob=logprob,
        engine=engine.name,
        engine_version=engine.version,
    )


def rows_of(questions: Sequence[Question], template: str) -> list[Row]:
    """Make rows that can be rendered."""
    return [
        Row(
            question.example_id,
            template.replace("{question}", question.question),
            "",
            tuple((turn.role, turn.content) for turn in question.context),
        )
        for question in questions
    ]


def refuse_extra(settings: SamplingSettings) -> None:
    """Refuse what only a server understands.

    Raises:
        RecipeError: there are extra fields.
    """
    if settings.extra:
        raise RecipeError(
            f"extra fields ({', '.join(settings.extra)}) are for servers; "
            "use --engine openai, or leave --extra out"
        )
