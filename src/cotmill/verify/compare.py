"""Decide whether two answers are the same, exactly and symmetrically, before any algebra is called.

Rules, in order: the same text; two quantities; two options; two words. `None` means: this module cannot
tell.

Tolerance. Two numbers are the same when they are equal as fractions. Beyond that, one may be a *rounding*
of the other only when it is written as a decimal with at least `ROUNDING_DIGITS` significant digits and is
the other one rounded or cut off at its last digit, or differs by the noise of a float: a relative 10^-12
where at least `FLOAT_DIGITS` digits are written. So 0.30000000000000004 = 0.3 and 1/3 = 0.3333333333, but
1/3 ≠ 0.33, 1/3 ≠ 0.333333, 1.000000001 ≠ 1, 1234567890.5 ≠ 1234567890 and 1/2^99 ≠ 1/2^98.

Units. Both known: compared after conversion, in one dimension only. One missing: the number counts ("3"
is "3 hours" where the gold answer carries no unit), except that a bare number of at most 1 is not a
percentage.
"""

from __future__ import annotations

import math
import re
from fractions import Fraction
from typing import NamedTuple

from cotmill.verify.dates import read_date, same_date
from cotmill.verify.quantity import Quantity, read_quantity
from cotmill.verify.units import Unit

ROUNDING_DIGITS = 10
CUT_OFF = 1 - Fraction(1, 10**6)
"""A number cut off is less than a whole unit of its last digit away: 99.99999999999 is not 100."""
FLOAT_DIGITS = 15
FLOAT_NOISE = Fraction(1, 10**12)
_ONE = Fraction(1)


class Comparison(NamedTuple):
    """Whether two answers are the same (None: cannot tell), and how that was found."""

    same: bool | None
    how: str


def alike(how: str) -> Comparison:
    """Say that two answers are the same."""
    return Comparison(same=True, how=how)


def unlike(how: str) -> Comparison:
    """Say that two answers differ."""
    return Comparison(same=False, how=how)


def same_number(a: Quantity, b: Quantity, factor_a: Fraction, factor_b: Fraction) -> bool:
    """Whether two values agree exactly, or within the rounding of a long decimal."""
    left = a.value if factor_a is _ONE else a.value * factor_a
    right = b.value if factor_b is _ONE else b.value * factor_b
    if left == right:
        return True
    if max(a.digits, b.digits) < ROUNDING_DIGITS or not left or not right:
        return False
    return _rounds(a, factor_a, right) or _rounds(b, factor_b, left)


def _rounds(quantity: Quantity, factor: Fraction, value: Fraction) -> bool:
    span = rounding(quantity)
    return span is not None and span.low * factor <= value <= span.high * factor


class Span(NamedTuple):
    """From the smallest to the largest number that a written decimal may stand for."""

    low: Fraction
    high: Fraction


def rounding(quantity: Quantity) -> Span | None:
    """What a long decimal may be a rounding of, to the nearest or towards zero; None for all others.

    >>> span = rounding(Quantity(Fraction(6666666666, 10**10), 10))
    >>> span.low <= Fraction(2, 3) <= span.high
    True
    """
    if quantity.digits < ROUNDING_DIGITS or not quantity.value:
        return None
    size = abs(quantity.value)
    power = math.floor(math.log10(size.numerator) - math.log10(size.denominator))
    while Fraction(10) ** power > size:
        power -= 1
    while Fraction(10) ** (power + 1) <= size:
        power += 1
    unit = Fraction(10) ** (power - quantity.digits + 1)
    noise = size * FLOAT_NOISE if quantity.digits >= FLOAT_DIGITS else Fraction(0)
    low, high = size - max(unit / 2, noise), size + max(unit * CUT_OFF, noise)
    return Span(low, high) if quantity.value > 0 else Span(-high, -low)


def compare_quantities(a: Quantity, b: Quantity) -> Comparison:
    """Compare two numbers with their units."""
    if a.unit is None and b.unit is None:
        return Comparison(same_number(a, b, _ONE, _ONE), "number")
    if a.unit is not None and b.unit is not None:
        return _both_units(a, b, a.unit, b.unit)
    measured, bare = (a, b) if a.unit is not None else (b, a)
    assert measured.unit is not None
    if measured.unit.dimension == "ratio":
        return Comparison(_per_cent(measured, bare, measured.unit), "percent")
    if measured.unit.dimension.startswith("clock"):
        return Comparison(
            bare.value.denominator == 1 and (measured.value - 3600 * bare.value) % 43_200 == 0,
            "full hour, half day not written",
        )
    return Comparison(same_number(a, b, _ONE, _ONE), "number, one unit not written")


def _per_cent(measured: Quantity, bare: Quantity, unit: Unit) -> bool:
    """50 % is 0.5, and is 50 where the bare number is too large to be a share."""
    if same_number(measured, bare, unit.factor, _ONE):
        return True
    return abs(bare.value) > 1 and same_number(measured, bare, _ONE, _ONE)


def _both_units(a: Quantity, b: Quantity, unit_a: Unit, unit_b: Unit) -> Comparison:
    if {unit_a.dimension, unit_b.dimension} in ({"clock", "clock?"}, {"clock?"}):
        same = (a.value - b.value) % 43_200 == 0
        return Comparison(same, "clock time, half day not written")
    if unit_a.dimension == unit_b.dimension:
        if unit_a.offset or unit_b.offset:
            return Comparison(_absolute(a, unit_a) == _absolute(b, unit_b), "temperature")
        return Comparison(same_number(a, b, unit_a.factor, unit_b.factor), "number and unit")
    if _same_noun(unit_a, unit_b):
        return Comparison(same_number(a, b, _ONE, _ONE), "number and noun")
    return unlike(f"units differ: {unit_a.dimension}, {unit_b.dimension}")


def _absolute(a: Quantity, unit: Unit) -> Fraction:
    return a.value * unit.factor + unit.offset


def _same_noun(a: Unit, b: Unit) -> bool:
    """Two nouns are the same when one's words are among the other's: "red ball" and "ball"."""
    if a.known or b.known:
        return False
    words_a, words_b = (set(unit.dimension.removeprefix("noun:").split()) for unit in (a, b))
    return words_a <= words_b or words_b <= words_a


_WORDS = {
    "true": "yes", "false": "no", "y": "yes", "n": "no", "correct": "yes", "incorrect": "no",
    "dne": "does not exist", "infinitely many solutions": "infinitely many",
    "infinite number of solutions": "infinitely many", "infinite solutions": "infinitely many",
    "none": "none", "no solution": "none", "no solutions": "none", "n/a": "none", "undefined": "undefined",
    "\\emptyset": "none", "empty set": "none", "\\varnothing": "none", "the empty set": "none", "{}": "none",
}  # fmt: skip


_LETTERS = frozenset("abcdefghijyn")
"""Choices, yes and no are the same in both cases; the variables x and X are not."""
PRODUCT = 3
_PRODUCT = re.compile(r"(?!a[mnrst]|[mnrst]a)[abcdfghjklmnpqrstvwxyz]+")
"""Letters that spell no word in two orders, as xy and yx: a product of variables."""
_HYPHEN = re.compile(r"(?<=[a-z])-(?=[a-z])")


def compare_words(gold: str, predicted: str) -> Comparison:
    """Compare two texts without case, articles and punctuation; undecided unless both are only words."""
    left, right = (" ".join(_HYPHEN.sub(" ", text.casefold()).split()) for text in (gold, predicted))
    if len(left) == len(right) == 1 and gold != predicted and left not in _LETTERS:
        return Comparison(None, "")
    if (
        len(left) == len(right) <= PRODUCT
        and left != right
        and sorted(left) == sorted(right)
        and _PRODUCT.fullmatch(left)
    ):
        return Comparison(None, "")
    left, right = (text.removeprefix("the ").removeprefix("a ").removeprefix("an ") for text in (left, right))
    left, right = _WORDS.get(left, left), _WORDS.get(right, right)
    if left == right:
        return alike("words")
    if _wordy(left) and _wordy(right):
        return unlike("words")
    return Comparison(None, "")


def _wordy(text: str) -> bool:
    """Whether a text is plain words, of at least two letters each."""
    return all(word.isalpha() and len(word) > 1 for word in text.split()) and bool(text)


_ORDINALS = {
    word: place + 1
    for place, word in enumerate(
        "first second third fourth fifth sixth seventh eighth ninth tenth eleventh twelfth".split()  # noqa: SIM905 - a list of words
    )
}
_ORDINAL = re.compile(r"(\d+)\^?\{?\s?(?:st|nd|rd|th)\}?")


def _ordinal(text: str) -> int | None:
    """The place that 3rd, 3^{rd} or third names; a third of something is read elsewhere."""
    match = _ORDINAL.fullmatch(text)
    return int(match[1]) if match else _ORDINALS.get(text.casefold())


_COMMA = re.compile(r"-?\d+,\d+")
"""3,4 against 4,3: as decimals they differ, as solutions they do not; the list reading is left to `forms`."""


def _days_or_places(gold: str, predicted: str) -> Comparison | None:
    """Compare two dates, or find that two ordinals are the same."""
    if (day := read_date(gold)) is not None and (other := read_date(predicted)) is not None:
        return Comparison(same_date(day, other), "date")
    if (place := _ordinal(gold)) is not None and _ordinal(predicted) == place:
        return alike("ordinal")
    return None


def compare_plain(gold: str, predicted: str) -> Comparison:
    """Compare two undressed answers without algebra."""
    if gold == predicted:
        return alike("same text")
    left, right = read_quantity(gold), read_quantity(predicted)
    bare = left is not None and right is not None and left.unit is right.unit is None
    if not bare and (found := _days_or_places(gold, predicted)) is not None:
        return found
    if left is not None and right is not None:
        found = compare_quantities(left, right)
        if not found.same and _COMMA.fullmatch(gold) and _COMMA.fullmatch(predicted):
            return Comparison(None, "")
        return found
    return compare_words(gold, predicted)
