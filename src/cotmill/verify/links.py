"""Judge one link a = b of a chain of equations."""

from __future__ import annotations

from enum import StrEnum
from fractions import Fraction
from typing import Literal, NamedTuple

from cotmill.verify.arithmetic import Token, UncheckedError, Value, evaluate_tokens
from cotmill.verify.sides import Side
from cotmill.verify.units import UNITS

FLOAT_DIGITS = 9
"""A number with that many decimals is a float's print, not a rounding to its last digit."""
SHOWN_BEFORE = 24
NOT_ROUNDED, ROUNDED = False, True


class Status(StrEnum):
    """What is known about one written equation."""

    RIGHT = "right"
    WRONG = "wrong"
    UNCHECKED = "unchecked"


class Equation(NamedTuple):
    """One link a = b of a chain, as written."""

    text: str
    status: Status
    where: Literal["mark", "text"]
    rounded: bool
    reason: str
    operands: tuple[Fraction, ...]
    result: Fraction | None
    start: int


def judge_link(
    left: Side, right: Side, sign: Token, where: Literal["mark", "text"], text: str, start: int
) -> Equation:
    """Judge one link; the text is what was read on both sides."""
    ends = [token.end for side in (left, right) for token in side.tokens] + [sign.end]
    starts = [token.start for side in (left, right) for token in side.tokens] + [sign.start]
    first = _from_currency(text, min(starts)) if left.tokens else max(0, min(starts) - SHOWN_BEFORE)
    written = " ".join(text[first : max(ends) if right.tokens else max(ends) + SHOWN_BEFORE].split())
    place = start + first
    if not left.tokens or not right.tokens:
        return Equation(
            written, Status.UNCHECKED, where, NOT_ROUNDED, "a side is not arithmetic", (), None, place
        )
    try:
        status, rounded, reason = _compare(
            left, right, approximate=sign.text != "=" and sign.text != "==", where=where
        )
        one, other = evaluate_tokens(left.tokens, percent=True), evaluate_tokens(right.tokens, percent=True)
    except UncheckedError as problem:
        return Equation(written, Status.UNCHECKED, where, NOT_ROUNDED, str(problem), (), None, place)
    return Equation(written, status, where, rounded, reason, *_roles(one, other), place)


def _roles(left: Value, right: Value) -> tuple[tuple[Fraction, ...], Fraction | None]:
    """The operands of a link and its result: the side without operations is the result."""
    if left.operations and right.operations:
        return tuple(token.value for side in (left, right) for token in side.operands), right.value
    if left.operations:
        return tuple(token.value for token in left.operands), right.operands[0].value
    if right.operations:
        return tuple(token.value for token in right.operands), left.operands[0].value
    return (), None


def _from_currency(text: str, start: int) -> int:
    return start - 1 if start and text[start - 1] in "$€£¥" else start


def _compare(left: Side, right: Side, *, approximate: bool, where: str) -> tuple[Status, bool, str]:
    readings = [True, False] if any(token.percent for token in (*left.tokens, *right.tokens)) else [True]
    pairs = [
        (evaluate_tokens(left.tokens, percent=p), evaluate_tokens(right.tokens, percent=p)) for p in readings
    ]
    for first, last in pairs:
        if first.value == last.value:
            return Status.RIGHT, NOT_ROUNDED, ""
    for first, last in pairs:
        if _rounds(first, last) or _rounds(last, first) or (approximate and _near(first.value, last.value)):
            return Status.RIGHT, ROUNDED, "rounded"
    first, last = pairs[0]
    if _converts(left, right, first.value, last.value):
        return Status.RIGHT, NOT_ROUNDED, "units converted"
    if not first.operations and not last.operations:
        return Status.UNCHECKED, NOT_ROUNDED, "no operation"
    if _before_words(right) == first.value:
        return Status.RIGHT, NOT_ROUNDED, "the words after the number are prose"
    if not (left.sure and right.sure):
        return Status.UNCHECKED, NOT_ROUNDED, "prose may belong to it"
    if where == "text" and _other_units(left, right):
        return Status.UNCHECKED, NOT_ROUNDED, "units change"
    return Status.WRONG, NOT_ROUNDED, f"left is {_short(first.value)}, right is {_short(last.value)}"


def _before_words(side: Side) -> Fraction | None:
    """The value of a side up to the words that may be prose: 20 of "20 times 2"; None without such words."""
    for place, token in enumerate(side.tokens):
        if token.kind == "operator" and token.end - token.start > 1 and token.text != "^":
            return evaluate_tokens(side.tokens[:place], percent=True).value if place else None
    return None


def _rounds(exact: Value, written: Value) -> bool:
    """Whether a plain written number is the other side rounded, or cut, at its last digit."""
    if written.operations or not written.operands or written.operands[0].places < 0 or not written.value:
        return False
    places = written.operands[0].places + (2 if written.operands[0].percent else 0)
    error, unit = abs(exact.value - written.value), Fraction(1, 10**places)
    if places >= FLOAT_DIGITS:
        return error * 10**FLOAT_DIGITS <= abs(written.value)
    cut = places >= 2 and error < unit and abs(written.value) < abs(exact.value)
    return error * 2 <= unit or cut


def _near(a: Fraction, b: Fraction) -> bool:
    """Whether an ≈ may stand between two values: within 5 %."""
    return abs(a - b) * 20 <= max(abs(a), abs(b))


def _known_units(side: Side) -> set[str]:
    return {name for name in side.units if name in UNITS}


def _converts(left: Side, right: Side, first: Fraction, last: Fraction) -> bool:
    """Whether both sides are the same amount in two units: 30 minutes * 2 = 1 hour."""
    units = [_known_units(side) or _currency(side) for side in (left, right)]
    if units[0] in ({"cents"}, {"cent"}) and not units[1]:
        return first == last * 100
    if units[1] in ({"cents"}, {"cent"}) and not units[0]:
        return first * 100 == last
    if any(len(names) != 1 for names in units):
        return False
    one, other = UNITS[units[0].pop()], UNITS[units[1].pop()]
    return one.dimension == other.dimension and first * one.factor == last * other.factor


def _currency(side: Side) -> set[str]:
    return {token.unit for token in side.tokens if token.unit in UNITS}


def _other_units(left: Side, right: Side) -> bool:
    units = _known_units(left), _known_units(right)
    return bool(units[0] and units[1] and not units[0] & units[1])


def _short(value: Fraction) -> str:
    if value.denominator == 1:
        return str(value.numerator) if value.numerator.bit_length() < 200 else "a large number"
    return (
        f"{float(value):.6g}"
        if max(value.numerator.bit_length(), value.denominator.bit_length()) < 900
        else "a large number"
    )
