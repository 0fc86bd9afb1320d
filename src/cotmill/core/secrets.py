"""Keys and passwords stay out of Runs: refused where somebody writes them down, blotted out where they leak.

A key belongs into the environment, where neither a recipe, nor a store's settings, nor the list of processes
shows it. What looks like one is known by its shape, or because the environment of this process holds it.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping
from typing import Any

from cotmill.core.errors import RecipeError

VARIABLES = (
    "COTMILL_API_KEY",
    "OPENAI_API_KEY",
    "HF_TOKEN",
    "HUGGING_FACE_HUB_TOKEN",
    "AWS_SECRET_ACCESS_KEY",
)
"""Variables whose values are blotted out wherever they appear."""
SHAPES = re.compile(
    r"\b(?:sk|rk)-[A-Za-z0-9_-]{16,}"
    r"|\bhf_[A-Za-z0-9]{20,}"
    r"|\bgh[pousr]_[A-Za-z0-9]{30,}"
    r"|\bAKIA[0-9A-Z]{16}\b"
    r"|(?i:\bbearer\s+)[A-Za-z0-9._~+/=-]{16,}"
    r"|(?<=://)[^/\s:@\"']*:[^/\s@\"']+(?=@)"
)
NAMES = re.compile(r"(?i)(api[_-]?key|secret|password|passwd|authorization|(^|[_-])token$|access[_-]?key)")
SHORTEST = 8
"""Shorter values of a variable are words that may stand anywhere."""
BLOT = "***"


def hide(text: str) -> str:
    """Blot out what looks like a key or a password.

    >>> hide("http://me:secret@host/v1 said no to Bearer abcdefghijklmnop0123")
    'http://***@host/v1 said no to ***'
    """
    for value in _held():
        text = text.replace(value, BLOT)
    return SHAPES.sub(BLOT, text)


def _held() -> Iterator[str]:
    """Yield the secrets of the environment."""
    for name in VARIABLES:
        value = os.environ.get(name, "")
        if len(value) >= SHORTEST:
            yield value


def refuse_secrets(value: Any, where: str) -> None:
    """Refuse settings that would write a secret down, by their names or by their looks.

    Raises:
        RecipeError: one of them is a secret.
    """
    for path, text in _texts(value, ()):
        named = any(NAMES.search(name) for name in path)
        if named or hide(text) != text:
            place = ".".join(path) or where
            raise RecipeError(
                f"{where}: {place} looks like a key or a password, and would be written down; set it in the "
                f"environment ({VARIABLES[0]} for servers) and leave it out here"
            )


def _texts(value: Any, path: tuple[str, ...]) -> Iterator[tuple[tuple[str, ...], str]]:
    """Yield all texts in a value with the names that lead to them."""
    if isinstance(value, Mapping):
        for name, inner in value.items():
            yield from _texts(inner, (*path, str(name)))
    elif isinstance(value, list | tuple):
        for inner in value:
            yield from _texts(inner, path)
    elif isinstance(value, str):
        yield path, value
