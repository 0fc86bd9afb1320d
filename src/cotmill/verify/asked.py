"""What a question asks for: a percentage, or a number of a known unit. Only the last sentence is read."""

from __future__ import annotations

import re
from functools import lru_cache

from cotmill.verify.units import UNITS, Unit

_PERCENT = re.compile(
    r"\b(?:what|which|how many|by what)\s+(?:\w+\s+)?percent|percentage|as a percent|in percent|in %",
    re.IGNORECASE,
)
_UNIT_WORDS = sorted((name for name in UNITS if name.isalpha() and len(name) > 2), key=len, reverse=True)
_UNIT = re.compile(
    rf"\b(?:how many(?: more| fewer| total| whole| extra)?|in|number of)\s+({'|'.join(_UNIT_WORDS)})\b"
    r"(?!\s+(?:per|an?|each)\b|/)",
    re.IGNORECASE,
)


@lru_cache(4096)
def asked_unit(question: str) -> Unit | None:
    """The unit that the question asks its answer in, if it names exactly one.

    >>> asked_unit("A lesson takes 90 minutes. How many hours are 4 lessons?").factor
    Fraction(3600, 1)
    """
    sentence = _last_sentence(question)
    if _PERCENT.search(sentence):
        return UNITS["%"]
    units = {UNITS.get(word) or UNITS[word.lower()] for word in _UNIT.findall(sentence)}
    return units.pop() if len(units) == 1 else None


def _last_sentence(question: str) -> str:
    text = question[-600:].strip()
    cut = max((match.end() for match in re.finditer(r"[.?!]\s+(?=[A-Z])", text)), default=0)
    return text[cut:]
