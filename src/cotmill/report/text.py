"""Text for the page: what a model wrote made inert and bounded, and numbers written one way."""

from __future__ import annotations

import math
import re
import unicodedata
from typing import Any

from cotmill.core.inert import visible

LONGEST = 2_000
"""Characters shown of one text; a solution of a school problem has 50 to 600."""

_NARROW = "\u202f"


def clipped(text: object, longest: int = LONGEST) -> str:
    """Make a text visible and at most `longest` characters long; what was cut is counted.

    >>> clipped("abcdef", 4)
    'abcd … (2 more characters)'
    """
    whole = str(text)
    if len(whole) <= longest:
        return visible(whole)
    return f"{visible(whole[:longest])} … ({count(len(whole) - longest)} more characters)"


def slug(text: str) -> str:
    """Turn a name into letters, digits and hyphens, for anchors and file names.

    >>> slug("low loss 50%")
    'low-loss-50'
    """
    plain = unicodedata.normalize("NFKD", text).encode("ascii", "ignore").decode().lower()
    return re.sub(r"[^a-z0-9]+", "-", plain).strip("-")[:60] or "unnamed"


def count(number: float | int) -> str:
    """Write a whole number with thousands apart.

    >>> count(7473)
    '7,473'
    """
    return f"{number:,.0f}"


def percent(share: float) -> str:
    r"""Write a share in percent.

    >>> percent(0.4125)
    '41.2\u202f%'
    """
    return f"{100 * share:.1f}{_NARROW}%"


def points(difference: float) -> str:
    """Write a difference of shares in percentage points, always with its sign.

    >>> points(-0.0125)
    '−1.2'
    """
    return signed(100 * difference, 1)


def signed(number: float, digits: int) -> str:
    """Write a number with its sign and a true minus; what rounds to zero has no sign."""
    text = f"{abs(number):.{digits}f}"
    if float(text) == 0:
        return text
    return ("+" if number > 0 else "−") + text


def number(value: Any) -> str:
    """Write any number to four digits, or whole with thousands apart.

    >>> number(0.001), number(12345), number(2.34567)
    ('0.001', '12,345', '2.346')
    """
    if isinstance(value, bool) or not isinstance(value, int | float):
        return visible(value)
    if not math.isfinite(value):
        return "none"
    if float(value).is_integer() and abs(value) < 1e15:
        return f"{value:,.0f}".replace("-", "−")
    return f"{value:,.4g}".replace("-", "−")


def seconds(value: float | int) -> str:
    """Write a duration.

    >>> seconds(3.21), seconds(75), seconds(7300)
    ('3.2 s', '1 min 15 s', '2 h 1 min')
    """
    if value < 60:
        return f"{value:.1f} s"
    minutes, rest = divmod(round(value), 60)
    if minutes < 60:
        return f"{minutes} min {rest} s"
    return f"{minutes // 60} h {minutes % 60} min"


def megabytes(size: float | int) -> str:
    """Write a size in megabytes.

    >>> megabytes(310_000_000)
    '310 MB'
    """
    return f"{size / 1e6:,.0f} MB"


def joined(names: list[str]) -> str:
    """Join names as a sentence does.

    >>> joined(["a", "b", "c"])
    'a, b and c'
    """
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}" if names else "none"
