"""Read the arithmetic on either side of an equals sign out of running text.

The longest stretch of tokens that is one expression, with the words of its units left out, is the side. A
side is `sure` when no other reading is likely: an unsure side can make an equation right or unchecked,
never wrong.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import NamedTuple

from cotmill.verify.arithmetic import Token, UncheckedError, evaluate_tokens
from cotmill.verify.units import UNITS

_HALT_WORDS = frozenset(
    [
        "and",
        "or",
        "so",
        "then",
        "is",
        "are",
        "was",
        "were",
        "which",
        "that",
        "he",
        "she",
        "they",
        "it",
        "has",
        "have",
        "had",
        "for",
        "to",
        "but",
        "because",
        "since",
        "if",
        "when",
        "gives",
        "makes",
        "make",
        "with",
        "from",
        "by",
        "per",
        "we",
        "you",
        "i",
        "the",
        "a",
        "an",
        "each",
        "in",
        "on",
        "at",
        "total",
        "costs",
        "cost",
        "need",
        "needs",
        "remainder",
        "r",
        "was",
        "spends",
        "earns",
        "gets",
        "paid",
        "pays",
        "plus",
        "minus",
        "therefore",
        "hence",
        "thus",
    ]
)
"""Words that end a unit: what follows is prose."""
_UNSURE_BEFORE = frozenset(
    ["of", "by", "per", "times", "each", "and", "than", "between", "from", "to", "remaining", "every"]
)
_UNSURE_AFTER = frozenset(["remainder", "r", "and", "rem", "or", "to"])
MAX_UNIT_WORDS = 3


class Side(NamedTuple):
    """The arithmetic next to an equals sign: tokens without units, the units, and whether it is sure."""

    tokens: tuple[Token, ...]
    units: tuple[str, ...]
    sure: bool


NO_SIDE = Side((), (), sure=False)


def has_digits(tokens: Sequence[Token]) -> bool:
    """Whether there is a number among the tokens."""
    return any(token.kind == "number" for token in tokens)


def left_side(tokens: Sequence[Token], *, is_chain: bool) -> Side:
    """The longest arithmetic that ends right before the sign."""
    tokens = _last_clause(tokens)
    for cut in range(len(tokens)):
        if _may_start(tokens[cut]) and (side := _readable(tokens[cut:])) is not None:
            sure = _stands_alone(tokens[:cut], tokens[cut:], is_chain=is_chain)
            return side._replace(sure=side.sure and sure)
    return NO_SIDE


def _stands_alone(before: Sequence[Token], side: Sequence[Token], *, is_chain: bool) -> bool:
    """Whether the words before a left-hand side cannot belong to it."""
    signs = [place for place, token in enumerate(side) if token.kind in ("operator", "open")]
    operation = side[0].text != "-" and any(
        not _is_rate(side, place) or side[place].text != "/" for place in signs
    )
    if not before:
        return operation or is_chain
    last = before[-1]
    if last.kind != "word" or last.text in _UNSURE_BEFORE or last.value or len(last.text) == 1:
        return False
    return operation and not (is_chain and has_digits(before))


def _last_clause(tokens: Sequence[Token]) -> Sequence[Token]:
    for place in range(len(tokens) - 1, -1, -1):
        if tokens[place].kind == "break":
            return tokens[place + 1 :]
    return tokens


def right_side(tokens: Sequence[Token], *, whole: bool) -> Side:
    """The longest arithmetic that starts right after the sign; `whole`: another sign follows."""
    end = next((place for place, token in enumerate(tokens) if token.kind == "break"), len(tokens))
    if tokens[end : end + 1] and tokens[end].text[0].isdigit():
        return right_side(tokens[:end], whole=whole)._replace(sure=False)
    broken, tokens = end < len(tokens), tokens[:end]
    for cut in range(len(tokens), 0, -1):
        last = tokens[cut - 1]
        if last.kind in ("number", "close") and (side := _readable(tokens[:cut])) is not None:
            rest = tokens[cut:]
            unit = _unit_of(rest)
            follows = rest[len(unit)] if len(unit) < len(rest) else None
            odd = rest and (
                rest[0].text in _UNSURE_AFTER
                or rest[0].kind in ("operator", "open", "number")
                or bool(rest[0].value)
            )
            odd = odd or (follows is not None and follows.kind in ("operator", "open") and not whole)
            odd = odd or (follows is not None and follows.text in ("and", "remainder") and has_digits(rest))
            cut_short = whole and not broken and follows is not None
            return Side(side.tokens, side.units + _names(unit), side.sure and not odd and not cut_short)
    return NO_SIDE


def _unit_of(tokens: Sequence[Token]) -> Sequence[Token]:
    """The words right after a number that name its unit."""
    count = 0
    for token in tokens[: MAX_UNIT_WORDS + 1]:
        slash = (
            token.text == "/" and count and tokens[count + 1 : count + 2] and tokens[count + 1].kind == "word"
        )
        if not slash and (token.kind != "word" or token.text in _HALT_WORDS or token.value):
            break
        count += 1
    return tokens[:count]


def _names(unit: Sequence[Token]) -> tuple[str, ...]:
    return (" ".join(token.text for token in unit),) if unit else ()


def _may_start(token: Token) -> bool:
    return token.kind in ("number", "open") or token.text == "-" or bool(token.value)


def _readable(tokens: Sequence[Token]) -> Side | None:
    """The tokens without unit words, if they are then one expression."""
    kept: list[Token] = []
    units: list[str] = []
    place = 0
    while place < len(tokens):
        token = tokens[place]
        if token.kind == "word" and token.value and _is_part(tokens, place):
            kept.append(token._replace(kind="number"))
        elif token.kind == "word":
            unit = _unit_of(tokens[place:])
            if not unit or not kept or kept[-1].kind not in ("number", "close"):
                return None
            units.extend(_names(unit))
            place += len(unit) - 1
            place += _power_of_unit(tokens[place + 1 : place + 5])
            if place + 1 < len(tokens) and tokens[place + 1].kind == "open":
                units.append("(")
        elif token.text == "/" and kept and _is_rate(tokens, place):
            place += 1
            units.append("/" + tokens[place].text)
        else:
            kept.append(token)
        place += 1
    try:
        evaluate_tokens(kept, percent=True)
    except UncheckedError as problem:
        return (
            Side(tuple(kept), tuple(units), sure=False)
            if "bounds" in str(problem) or "zero" in str(problem)
            else None
        )
    return Side(tuple(kept), tuple(units), _plainly_read(kept, units))


def _plainly_read(kept: Sequence[Token], units: Sequence[str]) -> bool:
    """Whether there is one way to read the side: no "3 boxes of 12", no 28 / 1/5, no 2x, no "2 billion"."""
    texts = [token.text for token in kept]
    if any(text == "of" and not _is_share(kept, place) for place, text in enumerate(texts)):
        return False
    if any(first == third == "/" for first, third in zip(texts, texts[2:], strict=False)):
        return False
    if any(token.unit.isalpha() for token in kept):
        return False
    known = {UNITS[unit] for unit in units if unit in UNITS}
    mixed = any(a.dimension == b.dimension and a != b for a in known for b in known)
    return not mixed and not any(len(word) == 1 for unit in units for word in unit.strip("/").split())


def _power_of_unit(tokens: Sequence[Token]) -> int:
    """How many tokens raise a unit to a power: m^2, m^{2}."""
    texts = "".join(token.text for token in tokens)
    return 2 if re.match(r"\^[23]", texts) else 4 if re.match(r"\^\{[23]\}", texts) else 0


def _is_part(tokens: Sequence[Token], place: int) -> bool:
    """Whether "half" stands for a number here: "half of 10"."""
    return place + 1 < len(tokens) and tokens[place + 1].text == "of"


def _is_rate(tokens: Sequence[Token], place: int) -> bool:
    """Whether a slash belongs to a unit: $5/hour."""
    return place + 1 < len(tokens) and tokens[place + 1].kind == "word" and not tokens[place + 1].value


def _is_share(tokens: Sequence[Token], place: int) -> bool:
    """Whether "of" multiplies: after a percentage, a fraction or a part."""
    if place == 0:
        return False
    before = tokens[place - 1]
    return before.percent or before.value.denominator != 1 or (place >= 2 and tokens[place - 2].text == "/")
