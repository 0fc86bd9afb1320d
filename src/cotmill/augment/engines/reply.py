"""What a server answered, and the ways in which it can fail to.

Nothing a server says is trusted: bodies are bounded before they are parsed, numbers are checked, NaN is
no number, text that is no Unicode is repaired, and fields that are missing stay unknown.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any, Literal

STOPS = frozenset({"stop", "eos", "eos_token", "end_turn", "stop_sequence"})
LENGTHS = frozenset({"length", "max_tokens"})
SHOWN = 300
"""Characters of a server's message that are repeated."""


class Mishap(Exception):  # noqa: N818 - what happened, to be handled; not an error of ours
    """A request that brought no answer."""

    def __init__(self, reason: str) -> None:
        """Say why."""
        super().__init__(reason)
        self.reason = reason


class Busy(Mishap):
    """The server asks to wait: 429, or 503 with a time."""

    def __init__(self, reason: str, seconds: float | None) -> None:
        """Say why and, if the server did, for how long."""
        super().__init__(reason)
        self.seconds = seconds


class Unreachable(Mishap):
    """No connection, or one that broke."""


class Garbage(Mishap):
    """The server failed (5xx), took too long, or said what is no answer."""


class Refused(Mishap):
    """The server refuses the request as it is: 4xx."""

    def __init__(self, reason: str, status: int) -> None:
        """Keep the status."""
        super().__init__(reason)
        self.status = status


@dataclass(frozen=True)
class Choice:
    """One answer. `tokens` is an estimate where `counted` is off."""

    text: str
    finish_reason: Literal["stop", "length", "error"]
    tokens: int
    counted: bool
    logprob: float | None
    told: str
    """The finish reason in the server's words."""


@dataclass(frozen=True)
class Reply:
    """The answers to one request, and the tokens of its prompt, 0 where that is unknown."""

    choices: tuple[Choice, ...]
    prompt_tokens: int


def read_reply(body: bytes, *, chat: bool) -> Reply:
    """Read the body of a completion.

    Raises:
        Garbage: it is none.
    """
    try:
        told = json.loads(body, parse_constant=lambda _: None)
    except (ValueError, RecursionError) as error:
        raise Garbage(f"the answer is no JSON: {shown(body)}") from error
    choices = told.get("choices") if isinstance(told, dict) else None
    if not isinstance(choices, list) or not choices:
        raise Garbage(f"the answer has no choices: {shown(body)}")
    said: Any = told.get("usage")
    usage: dict[str, Any] = said if isinstance(said, dict) else {}
    parts = [_parts(choice, chat=chat) for choice in choices]
    tokens = _tokens(parts, _count(usage.get("completion_tokens")))
    return Reply(
        tuple(
            Choice(text, _reason(reason), count, counted, _sum(scores), reason)
            for (text, reason, scores), (count, counted) in zip(parts, tokens, strict=True)
        ),
        _count(usage.get("prompt_tokens")) or 0,
    )


_Parts = tuple[str, str, Sequence[Any] | None]


def _parts(choice: Any, *, chat: bool) -> _Parts:
    """Take text, finish reason and log-probabilities out of a choice."""
    if not isinstance(choice, dict):
        raise Garbage("a choice of the answer is no object")
    message = choice.get("message") if chat else choice
    text = message.get("content" if chat else "text") if isinstance(message, dict) else None
    reason = choice.get("finish_reason")
    if not isinstance(text, str) or not isinstance(reason, str):
        raise Garbage("a choice of the answer has no text or no finish reason")
    scores = choice.get("logprobs")
    scores = scores if isinstance(scores, dict) else {}
    listed = scores.get("token_logprobs")
    if isinstance(scores.get("content"), list):
        listed = [token.get("logprob") for token in scores["content"] if isinstance(token, dict)]
    return repaired(text), reason, listed if isinstance(listed, list) and listed else None


def _reason(told: str) -> Literal["stop", "length", "error"]:
    """Read a finish reason."""
    return "stop" if told in STOPS else "length" if told in LENGTHS else "error"


def _tokens(parts: Sequence[_Parts], total: int | None) -> list[tuple[int, bool]]:
    """Count the tokens of each choice: from its log-probabilities, else its part of what the server says.

    A server tells the tokens of all choices together; they are shared out by the bytes of the texts. Where
    it tells nothing, four bytes are a token.
    """
    if all(scores is not None for _, _, scores in parts):
        return [(len(scores or ()), True) for _, _, scores in parts]
    if total is not None and len(parts) == 1:
        return [(total, True)]
    sizes = [len(text.encode()) + 1 for text, _, _ in parts]
    if total is None:
        return [(max(1, size // 4), False) for size in sizes]
    ends = [round(total * sum(sizes[: n + 1]) / sum(sizes)) for n in range(len(sizes))]
    return [(end - begin, False) for begin, end in zip([0, *ends], ends, strict=False)]


def _count(value: Any) -> int | None:
    """Read a number of tokens; None when it is none."""
    well = isinstance(value, int) and not isinstance(value, bool) and 0 <= value < 2**31
    return value if well else None


def _sum(scores: Sequence[Any] | None) -> float | None:
    """Sum log-probabilities; None when one of them is no such number."""
    if scores is None or not all(
        isinstance(score, int | float) and math.isfinite(score) and score <= 1e-6 for score in scores
    ):
        return None
    return round(float(sum(scores)), 3)


def repaired(text: str) -> str:
    """Replace halves of characters, which no file can hold.

    >>> repaired("a" + chr(0xd800))
    'a\ufffd'
    """
    return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")


def shown(body: bytes) -> str:
    """Show the beginning of a body in one line."""
    return " ".join(body[:SHOWN].decode("utf-8", "replace").split()) or "nothing"


def wait_of(headers: Mapping[str, str]) -> float | None:
    """Read Retry-After: seconds, or a date.

    >>> wait_of({"retry-after": "2"}), wait_of({"retry-after": "soon"}), wait_of({})
    (2.0, None, None)
    """
    told = headers.get("retry-after", "").strip()
    try:
        seconds = float(told)
    except ValueError:
        try:
            seconds = (parsedate_to_datetime(told) - datetime.now(UTC)).total_seconds()
        except (ValueError, TypeError):
            return None
    return max(0.0, seconds) if math.isfinite(seconds) else None
