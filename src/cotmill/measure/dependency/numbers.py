"""The numbers of a question and its solution: where they stand, what they are for, how they are altered."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from cotmill.core.errors import ModelError
from cotmill.core.ids import rng_of
from cotmill.model.tokenise import own_prefix

Role = Literal["question", "operand", "result", "copy", "answer", "other"]
NUMBER = re.compile(r"(?<![\w.])\d+(?:\.\d+)?(?![\w]|\.\d)|(?<=[-+*/=(<>×÷])\d+(?:\.\d+)?")
TRIES = 50
"""Draws of another number before one is given up as too cramped."""


@dataclass(frozen=True)
class Number:
    """A number in a text: its characters, tokens, line of the solution (-1: the question) and role."""

    text: str
    begin: int
    end: int
    first: int
    last: int
    """Places of its first token, and of the one behind its last."""
    line: int
    role: Role


@dataclass(frozen=True, eq=False)
class Read:
    """A question and its solution as one text, its tokens, and its numbers in order."""

    row_id: str
    text: str
    prompt: int
    """Characters of the prompt."""
    ids: tuple[int, ...]
    numbers: tuple[Number, ...]


class Reader:
    """Reads texts with one tokenizer."""

    def __init__(self, tokenizer: Any) -> None:
        """Check that the tokenizer tells which characters a token is of."""
        if not getattr(tokenizer, "is_fast", False):
            raise ModelError("the probe needs a fast tokenizer, which knows the characters of its tokens")
        self.tokenizer, self.prefix = tokenizer, own_prefix(tokenizer)

    def encode(self, text: str) -> tuple[tuple[int, ...], list[tuple[int, int]]]:
        """Give the ids of a text and the characters of each; tokens put in front have none."""
        coded = self.tokenizer(text, add_special_tokens=False, return_offsets_mapping=True)
        blank = [(0, 0)] * len(self.prefix)
        return (*self.prefix, *coded["input_ids"]), blank + list(coded["offset_mapping"])

    def read(self, row_id: str, prompt: str, full: str) -> Read:
        """Find the numbers of a text."""
        ids, offsets = self.encode(full)
        numbers = tuple(_numbers(full, len(prompt), offsets))
        return Read(row_id, full, len(prompt), ids, numbers)

    def altered(self, read: Read, places: list[Number], other: str) -> tuple[int, ...] | None:
        """Put another number in some places; None if the tokens no longer stand where they stood.

        The same number of digits in the same places leaves all other tokens as they were, in nearly all
        vocabularies; where it does not, the text is left out rather than compared at shifted places.
        """
        text = read.text
        for number in places:
            text = text[: number.begin] + other + text[number.end :]
        ids, _ = self.encode(text)
        if len(text) != len(read.text) or len(ids) != len(read.ids):
            return None
        inside = {place for number in places for place in range(number.first, number.last)}
        same = all(
            a == b for place, (a, b) in enumerate(zip(ids, read.ids, strict=True)) if place not in inside
        )
        return ids if same else None


def _numbers(text: str, prompt: int, offsets: list[tuple[int, int]]) -> Iterator[Number]:
    """Find every number and the tokens that cover it."""
    begins = np.array([begin for begin, _ in offsets])
    ends = np.array([end for _, end in offsets])
    for found in NUMBER.finditer(text):
        covering = np.flatnonzero((begins < found.end()) & (ends > found.start()))
        if len(covering):
            inside = found.start() >= prompt
            line = text.count("\n", prompt, found.start()) if inside else -1
            role = _role(text, found.start(), found.end()) if inside else "question"
            first, last = int(covering[0]), int(covering[-1]) + 1
            yield Number(found.group(), found.start(), found.end(), first, last, line, role)


def _role(text: str, begin: int, end: int) -> Role:
    """Tell what a number in a solution is there for, by the signs around it."""
    before = text[max(0, begin - 5) : begin].rstrip()
    if before.endswith(">>"):
        return "copy"
    if before.endswith("####"):
        return "answer"
    if before.endswith("="):
        return "result"
    after = text[end : end + 2].lstrip()
    return "operand" if (before[-1:] in "+-*/(<×÷" and before) or after[:1] in set("+-*/=×÷") else "other"


def another(read: Read, number: Number, seed: int) -> str | None:
    """Draw a number with as many digits that stands nowhere in the text; None if there is none to be had."""
    taken = {known.text for known in read.numbers}
    rng = rng_of(seed, "another", read.row_id, number.begin)
    for _ in range(TRIES):
        digits = [str(rng.integers(10)) if sign.isdigit() else sign for sign in number.text]
        if len(number.text) > 1 or digits[0] != "0":
            digits[0] = digits[0] if digits[0] != "0" else str(rng.integers(1, 10))
        drawn = "".join(digits)
        if drawn not in taken and drawn != "0":
            return drawn
    return None
