"""A number with what was written around it: currency, per cent, unit, a clock time, a compound of units."""

from __future__ import annotations

import re
from fractions import Fraction
from functools import lru_cache
from typing import NamedTuple

from cotmill.verify.numbers import Number, read_number
from cotmill.verify.units import UNITS, Unit, read_unit


class Quantity(NamedTuple):
    """An exact value in the unit it was written with; `digits` as in `Number`."""

    value: Fraction
    digits: int
    unit: Unit | None = None


_CURRENCY = re.compile(
    r"(?P<sign>[+-]?)\s*(?P<mark>US\$|A\$|C\$|R\$|CHF|\$|€|£|¥|₹|Rs\.?|USD|EUR|GBP)\s*(?P<rest>[+-]?\s*[\d.].*)"
)
_BARE = re.compile(r"[+-]?[\d.,/ ]*\d[\d.,/]*")
_SPLIT = re.compile(
    r"(?P<number>[+-]?\s*(?:\d[\d,.'_]*(?: \d{3})*(?:\s+(?:and\s+)?\d+/\d+|/\d+)?"
    r"(?:\s*(?:[eE][+-]?\d+|\\times\s*10\s*\^\s*(?:\{\s*-?\d+\s*\}|-?\d+)))?|\.\d+|\d*\s*\\frac\s*\{[^{}]*\}\s*\{[^{}]*\})"
    r"(?:\s*(?:hundred|thousand|million|billion|trillion|dozen|lakh|crore)\b)?)"
    r"\s*-?\s*(?P<unit>[^\d\s](?:[^\d]|\^\{?[23])*)"
)
_APPROXIMATE = re.compile(
    r"^(?:about|around|approximately|approx\.?|roughly|exactly|only|just|a total of|\\approx|=|~|is)\s*", re.I
)
_CLOCK = re.compile(r"(?P<h>\d{1,2}):(?P<m>[0-5]\d)(?::(?P<s>[0-5]\d))?\s*(?P<half>[aApP]\.?\s?[mM]\b\.?)?")
_CLOCK_HOUR = re.compile(r"(?P<h>\d{1,2})\s*(?P<half>[aApP]\.?[mM]\b\.?|o'clock)")
_CLOCK_WORDS = re.compile(
    r"(?P<part>half|a quarter|quarter|\d{1,2}(?: minutes)?) (?P<side>past|to) (?P<h>\d{1,2}|\w+)"
)
_FEET_INCHES = re.compile(r"(\d{1,4})\s*'\s*(?:(\d{1,2}(?:\.\d+)?)\s*(?:\"|'')?)?")
_JOINT = re.compile(r"\s*(?:,|and|&|\s)\s*(?=\d|\$)")
MAX_LENGTH = 400
_GLUED = frozenset("mghsL%")
"""Letters that are a unit right after a number; 5x and 5p are products."""
_RATE = re.compile(r"(?P<number>[\d.,]+(?:\s+(?:million|billion))?)\s*(?P<rate>(?:/|per\b|an?\b|each\b).*)")


@lru_cache(16384)
def read_quantity(text: str) -> Quantity | None:
    """Read an undressed answer as one quantity, or return None.

    >>> read_quantity("$1,200.50").value, read_quantity("2 hours 30 minutes").value
    (Fraction(2401, 2), Fraction(9000, 1))
    """
    if (number := read_number(text)) is not None:
        return Quantity(number.value, number.digits)
    if len(text) > MAX_LENGTH:
        return None
    text = _APPROXIMATE.sub("", text)
    for reader in (_number_only, _clock, _money, _compound, _measured):
        if (quantity := reader(text)) is not None:
            return quantity
    return None


def _number_only(text: str) -> Quantity | None:
    number = read_number(text)
    return None if number is None else Quantity(number.value, number.digits)


def _clock(text: str) -> Quantity | None:
    """Read 3:30 pm, 15:30, 7 a.m.; seconds since midnight, or since the unknown half day's start."""
    if text.lower().removeprefix("12 ") in ("noon", "midnight"):
        return Quantity(Fraction(43_200 * text.lower().endswith("noon")), 0, Unit("clock", Fraction(1)))
    if spoken := _CLOCK_WORDS.fullmatch(text.lower()):
        return _spoken(**spoken.groupdict())
    match = _CLOCK.fullmatch(text) or _CLOCK_HOUR.fullmatch(text)
    if match is None or int(match["h"]) > 24:
        return None
    parts = match.groupdict()
    hours, half = int(parts["h"]), (parts["half"] or "").lower()[:1]
    if half in ("a", "p"):
        if not 1 <= hours <= 12:
            return None
        hours = hours % 12 + 12 * (half == "p")
    seconds = 3600 * hours + 60 * int(parts.get("m") or 0) + int(parts.get("s") or 0)
    certain = half in ("a", "p") or hours > 12 or hours == 0
    return Quantity(Fraction(seconds), 0, Unit("clock" if certain else "clock?", Fraction(1)))


def _spoken(part: str, side: str, h: str) -> Quantity | None:
    """Read half past six, a quarter to 3, 20 past 4; the half of the day is not said."""
    hour = read_number(h)
    if hour is None or hour.value not in range(1, 13):
        return None
    minutes = {"half": 30}.get(part, 15) if not part[0].isdigit() else int(part.split()[0])
    if minutes > 59 or (part == "half" and side == "to"):
        return None
    seconds = 3600 * hour.value + 60 * (minutes if side == "past" else -minutes)
    return Quantity(seconds, 0, Unit("clock?", Fraction(1)))


def _money(text: str) -> Quantity | None:
    if (match := _CURRENCY.fullmatch(text)) is None:
        return None
    mark = {"US$": "$", "A$": "$", "C$": "$", "Rs.": "Rs"}.get(match["mark"], match["mark"])
    unit, rest = UNITS[mark], match["rest"]
    if rate := _RATE.fullmatch(rest):
        rest, unit = rate["number"], read_unit(f"{mark} {rate['rate']}") or unit
    if (number := read_number(rest)) is None:
        inner = _measured(rest)
        if inner is None or inner.unit is None:
            return None
        number = Number(inner.value, inner.digits)
        if (
            inner.unit.dimension != unit.dimension
            and inner.unit.known
            and "/" not in rest
            and " per " not in rest
        ):
            return None
    return Quantity(-number.value if match["sign"] == "-" else number.value, number.digits, unit)


def _measured(text: str) -> Quantity | None:
    """Read a number and the unit or noun after it."""
    if (match := _SPLIT.fullmatch(text)) is None:
        return _worded(text)
    number = read_number(match["number"].strip().rstrip(","))
    unit = read_unit(match["unit"].strip())
    glued = match["unit"].isalpha() and len(match["unit"]) == 1 and text[match.start("unit") - 1] != " "
    if glued and match["unit"] not in _GLUED:
        return None
    if number is None or unit is None:
        return None
    return Quantity(number.value, number.digits, unit)


def _worded(text: str) -> Quantity | None:
    """Read "five apples", "half an hour", "twenty-one dollars": the longest first phrase that is a number."""
    words = text.split()
    if not 2 <= len(words) <= 8 or not words[0][:1].isalpha():
        return None
    for cut in range(len(words) - 1, 0, -1):
        number = read_number(" ".join(words[:cut]))
        unit = read_unit(" ".join(words[cut:])) if number is not None else None
        if number is not None and unit is not None:
            return Quantity(number.value, number.digits, unit)
    return None


def _compound(text: str) -> Quantity | None:
    """Read 2 hours 30 minutes, 5 feet 6 inches, $3 and 50 cents: same dimension, falling units."""
    if match := _FEET_INCHES.fullmatch(text):
        text = f"{match[1]} feet" + (f" {match[2]} inches" if match[2] else " 0 inches")
    pieces = [piece for piece in _JOINT.split(text) if piece]
    if not 2 <= len(pieces) <= 4:
        return None
    parts = [_money(piece) or _measured(piece) for piece in pieces]
    total, last = Fraction(0), None
    for part in parts:
        if part is None or part.unit is None or not part.unit.known:
            return None
        if last is not None and (part.unit.dimension != last.dimension or part.unit.factor >= last.factor):
            return None
        total, last = total + part.value * part.unit.factor, part.unit
    assert last is not None
    return Quantity(total, 0, Unit(last.dimension, Fraction(1)))
