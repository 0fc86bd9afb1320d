"""What a verification says: a verdict, never a bare bool, with the reason and both normalised answers."""

from __future__ import annotations

from enum import StrEnum
from typing import NamedTuple


class Verdict(StrEnum):
    """The four things that can be known about a trace's final answer."""

    CORRECT = "correct"
    WRONG = "wrong"
    UNPARSED = "unparsed"
    TIMEOUT = "timeout"


class Judgement(NamedTuple):
    """The verdict on one answer, and how it came about.

    `verdict` is the flexible one: any extraction rule may have found the answer, any form of the same
    value is accepted. `strict` says whether the benchmark's published rule accepts the text as well.
    """

    verdict: Verdict
    reason: str
    """How the two answers were compared, in a word or a short sentence."""
    rule: str
    """The name of the extraction rule that fired; "" when none did."""
    predicted: str | None
    """The normalised answer of the text."""
    gold: str | None
    """The normalised gold answer."""
    strict: bool
