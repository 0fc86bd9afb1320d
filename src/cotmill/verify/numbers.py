"""Read one number, exactly: integers, decimals of several locales, fractions, mixed, scientific, words.

Everything becomes a `Fraction`; digits and exponents are bounded before anything is computed. A number
remembers how many significant digits were written when it was written as a decimal, since only a decimal
can be a rounding of something else.
"""

from __future__ import annotations

import re
from fractions import Fraction
from functools import lru_cache
from typing import NamedTuple

from cotmill.verify.words import number_from_words

MAX_DIGITS = 4_000
"""Python refuses to read integers beyond 4,300 digits; nobody's answer is longer."""
MAX_EXPONENT = 4_000


class Number(NamedTuple):
    """An exact value, and the significant digits it was written with (0: exact, not a decimal)."""

    value: Fraction
    digits: int = 0


_INTEGER = re.compile(r"[+-]?\d+")
_ENGLISH = re.compile(r"[+-]?(?:[1-9]\d{0,2}(?:,\d{3})+|\d+)?(?:\.\d*)?")
_INDIAN = re.compile(r"[+-]?\d{1,2}(?:,\d{2})+,\d{3}(?:\.\d+)?")
_SPACED = re.compile(r"[+-]?\d{1,3}(?:[ '_]\d{3})+(?:[.,]\d+)?")
_BASED = re.compile(r"([+-]?)([0-9A-Za-z]{1,60})_\s*(?:\{\s*(\d{1,2})\s*\}|(\d{1,2}))")
_ELLIPSIS = re.compile(r"([+-]?\d*\.)(\d{2,60})\s*(?:\.\.\.|…|\\ldots|\\dots)")
_DOTTED = re.compile(r"[+-]?\d{1,3}(?:\.\d{3}){2,}(?:,\d+)?|[+-]?\d{1,3}(?:\.\d{3})+,\d+")
_COMMA_DECIMAL = re.compile(r"[+-]?\d+,(?:\d{1,2}|\d{4,})|[+-]?0,\d+")
_EXPONENT = re.compile(
    r"(?P<mantissa>[+-]?[\d.,]+)\s*(?:[eE]|(?:\\times|\\cdot|\*|x|X)\s*10\s*(?:\^|\*\*)\s*)"
    r"[{(]?\s*(?P<power>[+-]?\s*\d+)\s*[})]?"
)
_POWER_OF_TEN = re.compile(r"(?P<sign>[+-]?)10\s*(?:\^|\*\*)\s*[{(]?\s*(?P<power>[+-]?\d+)\s*[})]?")
_SLASH = re.compile(
    r"(?P<sign>[+-]?)(?:(?P<whole>\d+)\s+(?:and\s+)?)?(?P<top>[\d,]+)\s*/\s*(?P<bottom>[\d,]+)"
)
_DECIMAL_SLASH = re.compile(r"(?P<top>[+-]?[\d,]*\.?\d+)\s*/\s*(?P<bottom>-?[\d,]*\.?\d+)")
_FRAC = re.compile(
    r"(?P<sign>[+-]?)\s*(?P<whole>\d+)?\s*\\frac\s*(?:\{\s*(?P<t>-?[\d.,]+)\s*\}|(?P<t1>\d))\s*"
    r"(?:\{\s*(?P<b>-?[\d.,]+)\s*\}|(?P<b1>\d))"
)
_SIGN_SPACE = re.compile(r"^([+-])\s+")
_REPEATING = re.compile(
    r"(?P<sign>[+-]?)(?P<head>\d*\.\d*)\\(?:overline|bar|dot)\s*(?:\{\s*(?P<tail>\d+)\s*\}|(?P<digit>\d))"
)
_DOTTED_ENDS = re.compile(r"([+-]?\d*\.\d*)\\dot\s*\{?(\d)\}?(\d*)\\dot\s*\{?(\d)\}?")
_BRACKETED_TAIL = re.compile(r"([+-]?\d*\.)\((\d+)\)")
"""0.(3); with digits before the bracket, 1.5(2), it is a product."""


@lru_cache(16384)
def read_number(text: str) -> Number | None:
    """Read a whole string as one number, or return None.

    >>> read_number("-1,234.50"), read_number("1 3/4"), read_number("1.5e-3")[0]
    (Number(value=Fraction(-2469, 2), digits=6), Number(value=Fraction(7, 4), digits=0), Fraction(3, 2000))
    """
    if not text or len(text) > MAX_DIGITS:
        return None
    if _INTEGER.fullmatch(text):
        return Number(Fraction(int(text)))
    text = _SIGN_SPACE.sub(r"\1", _outer_brackets(text))
    for reader in _FRACTIONS_FIRST if "/" in text or "\\frac" in text else _READERS:
        if (number := reader(text)) is not None:
            return number
    return None


_SIMPLE = re.compile(r"(-?)\$?0*([1-9]\d{0,2}(?:,\d{3})+|\d*)(?:\.(\d*?)0*)?", re.ASCII)
SIMPLE_LENGTH = 8
"""Below the digits from which on a decimal may be a float's rounding."""


_QUOTIENT = re.compile(r"(-?)(?:\\[dt]?frac\{(\d{1,15})\}\{(\d{1,15})\}|(\d{1,15})/(\d{1,15}))", re.ASCII)


def quotient(text: str) -> tuple[int, int] | None:
    r"""The two whole numbers of a plain fraction, in a microsecond; None for anything else.

    >>> quotient(r"-\frac{6}{8}"), quotient("3/4"), quotient("3/0")
    ((-6, 8), (3, 4), None)
    """
    match = _QUOTIENT.fullmatch(text)
    if match is None:
        return None
    sign, top, bottom, above, below = match.groups()
    divisor = int(bottom or below)
    return (int(sign + (top or above)), divisor) if divisor else None


def canonical(text: str) -> str | None:
    """One spelling for a plain English number, in a microsecond; None for anything else.

    >>> canonical("1,200.50"), canonical("-0.0"), canonical("$5"), canonical("5 km")
    ('1200.5', '0', '5', None)
    """
    match = _SIMPLE.fullmatch(text)
    if match is None:
        return None
    sign, whole, places = match.groups()
    whole = whole.replace(",", "")
    if not whole and "0" not in text and not places:
        return None
    if places:
        return f"{sign}{whole or '0'}.{places}"
    return sign + whole if whole else "0"


def _outer_brackets(text: str) -> str:
    """Take redundant braces or brackets off a number: {5}, (5), (-3); not off a pair (0,1)."""
    while len(text) > 2 and (text[0] + text[-1]) in ("{}", "()") and not set(text[1:-1]) & set("(){},"):
        text = text[1:-1].strip()
    return text


def _plain(text: str) -> Number | None:
    """Read digits with any locale's separators."""
    if not any(char.isdigit() for char in text):
        return None
    if _ENGLISH.fullmatch(text) or _INDIAN.fullmatch(text):
        return _decimal(text.replace(",", ""))
    if _SPACED.fullmatch(text):
        return _decimal(re.sub("[ '_]", "", text).replace(",", "."))
    if _DOTTED.fullmatch(text):
        return _decimal(text.replace(".", "").replace(",", "."))
    if _COMMA_DECIMAL.fullmatch(text):
        return _decimal(text.replace(",", "."))
    return None


def _decimal(text: str) -> Number:
    whole, _, places = text.partition(".")
    if not places:
        return Number(Fraction(int(whole)))
    written = (whole + places).lstrip("+-").lstrip("0")
    if not places.strip("0"):
        return Number(Fraction(int(whole or 0)), len(written))
    return Number(Fraction(int(whole + places), 10 ** len(places)), len(written))


def _repeating(text: str) -> Number | None:
    r"""Read 0.1\\overline{6}, 0.1\\dot{6} and 0.\\dot{1}4285\\dot{7} exactly, as 0.(6) too."""
    text = _DOTTED_ENDS.sub(r"\1\\overline{\2\3\4}", _BRACKETED_TAIL.sub(r"\1\\overline{\2}", text))
    if (match := _REPEATING.fullmatch(text)) is None:
        return None
    tail, (whole, _, places) = match["tail"] or match["digit"], match["head"].partition(".")
    scale, period = 10 ** len(places), 10 ** len(tail) - 1
    value = Fraction(int(whole + places or 0), scale) + Fraction(int(tail), period * scale)
    return Number(-value if match["sign"] == "-" else value)


def _continued(text: str) -> Number | None:
    """Read 0.333... and 0.1212... as the repeating decimals they begin: the period must be seen twice."""
    if (match := _ELLIPSIS.fullmatch(text)) is None:
        return None
    places = match[2]
    for period in range(1, len(places) // 2 + 1):
        tail = places[-period:]
        if places.endswith(tail * 2):
            head = places
            while head.endswith(tail):
                head = head[:-period]
            return _repeating(f"{match[1]}{head}\\overline{{{tail}}}")
    return None


def _based(text: str) -> Number | None:
    """Read a number written in another base, 1010_2."""
    if (match := _BASED.fullmatch(text)) is None:
        return None
    base = int(match[3] or match[4])
    if not 2 <= base <= 36 or any(int(char, 36) >= base for char in match[2]):
        return None
    value = Fraction(int(match[2], base))
    return Number(-value if match[1] == "-" else value)


def _scientific(text: str) -> Number | None:
    match = _POWER_OF_TEN.fullmatch(text)
    mantissa: Number | None
    if match is not None:
        mantissa = Number(Fraction(-1 if match["sign"] == "-" else 1))
    elif (match := _EXPONENT.fullmatch(text)) is not None:
        mantissa = _plain(match["mantissa"])
    else:
        return None
    power = match["power"].replace(" ", "")
    if mantissa is None or len(power) > 6 or abs(int(power)) > MAX_EXPONENT:
        return None
    return Number(mantissa.value * Fraction(10) ** int(power), mantissa.digits)


def _fraction(text: str) -> Number | None:
    r"""Read a/b, w a/b, \\frac{a}{b}, w\\frac{a}{b}; a fraction is exact, even of decimals."""
    if match := _SLASH.fullmatch(text):
        top, bottom = match["top"], match["bottom"]
    elif match := _FRAC.fullmatch(text):
        top, bottom = match["t"] or match["t1"], match["b"] or match["b1"]
    elif match := _DECIMAL_SLASH.fullmatch(text):
        return _ratio(match["top"], match["bottom"])
    else:
        return None
    if match["whole"] and (top.startswith("-") or bottom.startswith("-")):
        return None
    if (part := _ratio(top, bottom)) is None:
        return None
    value = part.value + int(match["whole"] or 0)
    return Number(-value if match["sign"] == "-" else value)


def _ratio(top: str, bottom: str) -> Number | None:
    above, below = _plain(top), _plain(bottom)
    if above is None or below is None or below.value == 0:
        return None
    return Number(above.value / below.value)


_MULTIPLIERS = {
    "hundred": 100, "thousand": 1_000, "million": 10**6, "billion": 10**9, "trillion": 10**12,
    "dozen": 12, "k": 1_000, "K": 1_000, "M": 10**6, "bn": 10**9, "mn": 10**6, "lakh": 10**5, "crore": 10**7,
}  # fmt: skip
_MULTIPLIED = re.compile(r"(?P<number>.*\d)\s*(?P<by>[A-Za-z]+)")


def _multiplied(text: str) -> Number | None:
    """Read 1.5 million, 3k, 2 dozen."""
    if (match := _MULTIPLIED.fullmatch(text)) is None or match["by"] not in _MULTIPLIERS:
        return None
    number = _plain(match["number"]) or _fraction(match["number"])
    return None if number is None else Number(number.value * _MULTIPLIERS[match["by"]], number.digits)


_OUT_OF = re.compile(r"(\d[\d,]*) (?:in|out of) (\d[\d,]*)")
_AND_A_PART = re.compile(r"(\d{1,9}) and (a .+|one .+|\w+ quarters|\w+ thirds)")
_NEGATIVE = re.compile(r"(?:negative|minus) (\d.*)", re.IGNORECASE)


def _words(text: str) -> Number | None:
    if match := _OUT_OF.fullmatch(text):
        return _ratio(match[1], match[2])
    if (match := _NEGATIVE.fullmatch(text)) and (size := read_number(match[1])):
        return Number(-size.value, size.digits)
    if (match := _AND_A_PART.fullmatch(text)) and (part := number_from_words(match[2])) and part < 1:
        return Number(int(match[1]) + part)
    value = number_from_words(text)
    return None if value is None else Number(value)


_READERS = (_plain, _fraction, _scientific, _multiplied, _repeating, _continued, _based, _words)
_FRACTIONS_FIRST = (_fraction, *_READERS)
