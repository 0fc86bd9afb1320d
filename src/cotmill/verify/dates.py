"""Dates as they are written in answers: March 5, 5th of March 2020, 2020-03-05, 25/12/2020."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import NamedTuple


class Date(NamedTuple):
    """A day; the year may be left open."""

    year: int | None
    month: int
    day: int


_MONTHS = (
    "january", "february", "march", "april", "may", "june", "july", "august", "september", "october",
    "november", "december",
)  # fmt: skip
_MONTH = r"(?P<month>" + "|".join(f"{name[:3]}(?:{name[3:]})?" for name in _MONTHS) + r")\.?"
_DAY = r"(?P<day>\d{1,2})(?:st|nd|rd|th)?"
_WEEKDAY = r"(?:(?:mon|tues|wednes|thurs|fri|satur|sun)day,? )?(?:the )?"
_YEAR = r"(?:,? (?P<year>\d{4}))?"
_FORMS = tuple(
    re.compile(form)
    for form in (
        rf"{_WEEKDAY}{_MONTH} (?:the )?{_DAY}{_YEAR}",
        rf"{_WEEKDAY}{_DAY} (?:of )?{_MONTH}{_YEAR}",
        r"(?P<year>\d{4})[-/.](?P<month>\d{1,2})[-/.](?P<day>\d{1,2})",
    )
)
_NUMERIC = re.compile(r"(\d{1,2})[/.](\d{1,2})[/.](\d{4})")
_LENGTH = 40


@lru_cache(4096)
def read_date(text: str) -> Date | None:
    """Read a whole text as a date; 3/4/2020 is two dates and so none.

    >>> read_date("March 5th, 2020"), read_date("25/12/2020"), read_date("3/4/2020")
    (Date(year=2020, month=3, day=5), Date(year=2020, month=12, day=25), None)
    """
    if len(text) > _LENGTH or not any(char.isdigit() for char in text):
        return None
    text = text.lower()
    for form in _FORMS:
        if match := form.fullmatch(text):
            found = match.groupdict()
            return _date(found["year"], _month(found["month"]), int(found["day"]))
    if match := _NUMERIC.fullmatch(text):
        first, second = int(match[1]), int(match[2])
        if max(first, second) > 12 or first == second:
            return _date(match[3], min(first, second), max(first, second))
    return None


def _month(text: str) -> int:
    return int(text) if text.isdigit() else next(k for k, m in enumerate(_MONTHS, 1) if m[:3] == text[:3])


def _date(year: str | None, month: int, day: int) -> Date | None:
    real = 1 <= month <= 12 and 1 <= day <= (29 if month == 2 else 30 if month in (4, 6, 9, 11) else 31)
    return Date(int(year) if year else None, month, day) if real else None


def same_date(a: Date, b: Date) -> bool:
    """Whether two dates are one day; a year that only one of them says counts as said by both."""
    return a[1:] == b[1:] and (a.year == b.year or None in (a.year, b.year))
