"""What one input row says, and how its values are read: texts, gold answers, turns of a conversation."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from typing import Any, NamedTuple

from cotmill.data.gold import final_answer
from cotmill.data.rejects import BadRowError
from cotmill.data.types import Message


class Fields(NamedTuple):
    """What one input row says, in the terms of a Pool."""

    question: str
    trace: str = ""
    gold: str | None = None
    source: str = ""
    context: tuple[Message, ...] = ()
    origin: str = ""


Row = Mapping[str, Any]


def normal(name: str) -> str:
    """Normalise a column name for comparison.

    >>> normal("Short Answer")
    'short_answer'
    """
    return name.strip().lower().replace(" ", "_").replace("-", "_")


def text_of(value: Any, name: str, *, empty: bool = False) -> str:
    """Return a text value, or say why it is none."""
    if value is None:
        raise BadRowError(f"missing field: {name}")
    if isinstance(value, bytes):
        value = _decoded(value)
    elif not isinstance(value, str):
        if isinstance(value, bool | dict | list):
            raise BadRowError(f"field {name} is {type(value).__name__}, not text")
        if not _is_said(value):
            raise BadRowError(f"field {name} is {value}, not text")
        value = answer_text(value)
    if not empty and (not value or value.isspace()):
        raise BadRowError(f"empty field: {name}")
    return value


def answer_text(value: Any) -> str:
    """Write a gold answer as text; whole floats lose their zero.

    >>> answer_text(51.0), answer_text(True), answer_text([1, 2]), answer_text(" 7 ")
    ('51', 'True', '[1, 2]', '7')
    """
    if isinstance(value, bytes):
        value = _decoded(value)
    if isinstance(value, str):
        return value.strip()
    if isinstance(value, float) and value.is_integer() and abs(value) < 2**53:
        return str(int(value))
    return json.dumps(value, ensure_ascii=False) if isinstance(value, list | dict) else str(value)


def _decoded(value: bytes) -> str:
    try:
        return value.decode()
    except UnicodeDecodeError as error:
        raise BadRowError("not UTF-8", f"byte {value[error.start]}") from error


def _is_said(value: Any) -> bool:
    """Say whether a value is one: NaN stands for a missing number."""
    return not isinstance(value, float) or math.isfinite(value)


def gold_of(value: Any, name: str = "answer") -> str:
    """Return a gold answer as text, or say why there is none."""
    if value is None:
        raise BadRowError(f"no answer: {name} is missing")
    if not _is_said(value):
        raise BadRowError(f"no answer: {name} is {value}")
    text = answer_text(value)
    if not text:
        raise BadRowError(f"no answer: {name} is empty")
    return text


def turns_of(value: Any, name: str) -> list[Message]:
    """Read turns written as {role, content} or {from, value}."""
    if isinstance(value, str):
        value = parsed(value, name)
    if not isinstance(value, list) or not value:
        raise BadRowError(
            f"empty field: {name}" if value in (None, []) else f"field {name} is not a list of turns"
        )
    return [_turn(item, name) for item in value]


_ROLES = {
    **dict.fromkeys(("human", "prompter"), "user"),
    **dict.fromkeys(("gpt", "model", "chatgpt", "bing", "bard", "function_call"), "assistant"),
    **dict.fromkeys(("function", "observation"), "tool"),
}
"""The role names of ShareGPT and its kin, as chat templates know them."""


def _turn(item: Any, name: str) -> Message:
    """Read one turn; the role names of ShareGPT become those of chat templates."""
    if not isinstance(item, Mapping):
        raise BadRowError(f"a turn in {name} is {type(item).__name__}, not an object")
    role, content = item.get("role", item.get("from")), item.get("content", item.get("value"))
    if isinstance(content, list):
        content = "".join(_part(part, name) for part in content)
    if not isinstance(role, str) or not isinstance(content, str):
        raise BadRowError(f"a turn in {name} lacks its role or its text")
    return Message(_ROLES.get(role.lower(), role.lower()), content)


def _part(part: Any, name: str) -> str:
    """Read one part of a turn in parts; only text can be trained on."""
    if isinstance(part, Mapping) and isinstance(part.get("text"), str):
        return part["text"]
    raise BadRowError(f"a turn in {name} has a part that is not text")


def parsed(text: str, name: str) -> Any:
    """Parse turns that a CSV holds as JSON text."""
    try:
        return json.loads(text)
    except (ValueError, RecursionError) as error:
        raise BadRowError(f"field {name} is text, not a list of turns") from error


def conversation(turns: list[Message], name: str) -> Fields:
    """Train on the last assistant turn; the user's turn before it is the question, the rest is context."""
    if turns[-1].role != "assistant":
        raise BadRowError(f"no answer: the last turn of {name} is by {turns[-1].role}")
    trace = text_of(turns[-1].content, f"{name}[-1]")
    if len(turns) < 2 or turns[-2].role != "user":
        raise BadRowError(f"missing field: no user turn before the last answer in {name}")
    question = text_of(turns[-2].content, f"{name}[-2]")
    return Fields(question, trace, final_answer(trace), context=tuple(turns[:-2]))
