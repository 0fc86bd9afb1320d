"""The values a Pool is made of: Message, Example, Trace, and the columns they are stored in."""

from __future__ import annotations

from dataclasses import dataclass, field

import pyarrow as pa

from cotmill.core.ids import content_id

LABEL_PREFIX = "lab_"
"""Columns of this prefix say what is truly wrong with a row; no method may read them."""

CONTEXT_TYPE = pa.list_(pa.struct([("role", pa.string()), ("content", pa.string())]))

FIXED = pa.schema(
    [
        pa.field("row_id", pa.string(), nullable=False),
        pa.field("example_id", pa.string(), nullable=False),
        pa.field("question", pa.string(), nullable=False),
        pa.field("gold", pa.string()),
        pa.field("trace", pa.string(), nullable=False),
        pa.field("origin", pa.string(), nullable=False),
        pa.field("source", pa.string(), nullable=False),
        pa.field("context", CONTEXT_TYPE, nullable=False),
    ]
)
"""The columns every Pool has, in this order; all others are the input's own."""

HUMAN = "human"
"""The origin of a trace that says nothing else."""


@dataclass(frozen=True, slots=True)
class Message:
    """One turn of a conversation."""

    role: str
    content: str


@dataclass(frozen=True, slots=True)
class Example:
    """A question with its gold answer, and the turns that came before it.

    >>> Example("1+1?", "2").id == Example("1+1?", "3").id
    False
    """

    question: str
    gold: str | None = None
    context: tuple[Message, ...] = field(default=())

    @property
    def id(self) -> str:
        """Hash of the content; no gold answer and an empty one are the same."""
        turns = [part for turn in self.context for part in (turn.role, turn.content)]
        return content_id(self.question, self.gold or "", *turns)


@dataclass(frozen=True, slots=True)
class Trace:
    """One chain of thought: the full solution text as trained on, and who wrote it.

    `origin` is "human", or names a model with its sampling settings and seed.
    """

    text: str
    origin: str = HUMAN

    @property
    def id(self) -> str:
        """Hash of text and origin."""
        return content_id(self.text, self.origin)
