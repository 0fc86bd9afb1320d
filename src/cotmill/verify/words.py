"""Numbers written in English words, in answers and in questions."""

from __future__ import annotations

import re
from fractions import Fraction

_UNITS = [
    "zero",
    "one",
    "two",
    "three",
    "four",
    "five",
    "six",
    "seven",
    "eight",
    "nine",
    "ten",
    "eleven",
    "twelve",
    "thirteen",
    "fourteen",
    "fifteen",
    "sixteen",
    "seventeen",
    "eighteen",
    "nineteen",
]
_TENS = ["twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety"]
CARDINALS: dict[str, int] = {word: value for value, word in enumerate(_UNITS)} | {
    word: 10 * (place + 2) for place, word in enumerate(_TENS)
}
_SCALES = {"hundred": 100, "thousand": 10**3, "million": 10**6, "billion": 10**9, "trillion": 10**12}
_PARTS = {
    "half": 2, "halves": 2, "third": 3, "quarter": 4, "fourth": 4, "fifth": 5, "sixth": 6, "seventh": 7,
    "eighth": 8, "ninth": 9, "tenth": 10, "twelfth": 12, "hundredth": 100,
}  # fmt: skip
_PART_OF = _PARTS | {word + "s": value for word, value in _PARTS.items()}
_WORD = re.compile(r"[a-z]+")


def number_from_words(text: str) -> Fraction | None:
    """Read a whole phrase as one number: "twenty-one", "minus two thirds", "one and a half", "a dozen".

    >>> number_from_words("two hundred and five"), number_from_words("three quarters")
    (Fraction(205, 1), Fraction(3, 4))
    """
    if len(text) > 120 or not text[:1].isalpha() or not text.isascii():
        return None
    words = text.lower().replace("-", " ").split()
    sign = 1
    if words and words[0] in ("minus", "negative"):
        sign, words = -1, words[1:]
    value = _phrase(words)
    return None if value is None else sign * value


def _phrase(words: list[str]) -> Fraction | None:
    if not words or not all(_WORD.fullmatch(word) for word in words):
        return None
    if words[-1] == "dozen":
        count = _cardinal(words[:-1]) if words[:-1] not in ([], ["a"]) else Fraction(1)
        return None if count is None else 12 * count
    if words[-1] in _PART_OF:
        return _with_part(words)
    return _cardinal(words)


def _with_part(words: list[str]) -> Fraction | None:
    """Read "half", "a third", "two thirds", "one and a half", "two and three quarters"."""
    whole, head = Fraction(0), words[:-1]
    if "and" in head:
        place = len(head) - 1 - head[::-1].index("and")
        before, head = _cardinal(head[:place]), head[place + 1 :]
        if before is None:
            return None
        whole = before
    top = Fraction(1) if head in ([], ["a"], ["an"], ["one"]) else _cardinal(head)
    return None if top is None else whole + top / _PART_OF[words[-1]]


def _cardinal(words: list[str]) -> Fraction | None:
    if words[:1] in (["a"], ["an"]) and len(words) > 1 and words[1] in _SCALES:
        words = ["one", *words[1:]]
    total, group, seen = 0, 0, False
    for word in words:
        if word == "and" and seen:
            continue
        if word in CARDINALS:
            if seen and not _may_follow(group, CARDINALS[word]):
                return None
            group, seen = group + CARDINALS[word], True
        elif word in _SCALES and seen and group:
            scale = _SCALES[word]
            total, group = (total, group * 100) if scale == 100 else (total + group * scale, 0)
        else:
            return None
    return Fraction(total + group) if seen else None


def _may_follow(group: int, value: int) -> bool:
    """Whether "twenty" may be followed by "one": the tens or hundreds must be open."""
    return group == 0 or (group % 100 == 0) or (value < 10 and group % 100 >= 20 and group % 10 == 0)
