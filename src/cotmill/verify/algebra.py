"""Compare two expressions by value: constants to 40 digits, formulas at fixed rational points.

Two rational functions (or expressions with roots) that agree at several generic points to 40 digits are
the same one; a single point of disagreement proves that they differ. Where a difference is as small as
the working precision, it is computed again with more digits: a true zero shrinks, a tiny number does not.
"""

from __future__ import annotations

import contextlib
import decimal
from collections.abc import Callable
from decimal import Decimal
from fractions import Fraction

from cotmill.verify.compare import Span
from cotmill.verify.complex_value import evaluate_complex, same_complex
from cotmill.verify.evaluate import NoValueError, TooLargeError, Value, evaluate, real
from cotmill.verify.expression import Tree, names_of

DIGITS = 60
MORE_DIGITS = 110
AGREE = 40
AGREE_COMPLEX = 52
_PRIMES = (2, 3, 5, 7, 11, 13, 17, 19, 23, 29, 31, 37)
POINTS = 5
FAR = (10**4, -(10**4))
"""Two points far out, so that |x - 30| is not 30 - x; what is too large to compute there is left out."""
MIN_POINTS = 2
Spans = tuple[Span | None, Span | None]
CONSTANTS = frozenset({"\\pi", "e"})


def same_expression(a: Tree, b: Tree, *, spans: Spans = (None, None)) -> bool | None:
    """Whether two expressions have the same value everywhere; None when that cannot be told.

    `spans`: what each side may be a rounding of, where it is a long decimal (see `compare.rounding`).

    Raises:
        TooLargeError: a value is over the bounds.
    """
    variables = (names_of(a) | names_of(b)) - CONSTANTS
    if len(variables) > len(_PRIMES):
        return None
    with decimal.localcontext(prec=MORE_DIGITS + 10):
        same = _everywhere(a, b, _points(sorted(variables)), _at, spans)
        if same or not ("i" in variables or (same is None and not variables)):
            return same
        return _everywhere(a, b, _points(sorted(variables - {"i"})), _at_complex, spans)


Agreement = Callable[[Tree, Tree, dict[str, Fraction], Spans], bool | None]


def _everywhere(
    a: Tree, b: Tree, points: list[dict[str, Fraction]], agree: Agreement, spans: Spans
) -> bool | None:
    """Whether two expressions agree at all points where both have a value; None for too few of those."""
    found = [agree(a, b, point, spans) for point in points[:POINTS]]
    for point in points[POINTS:]:
        with contextlib.suppress(TooLargeError):
            found.append(agree(a, b, point, spans))
    known = [same for same in found if same is not None]
    if False in known:
        return False
    return True if len(known) >= min(MIN_POINTS, len(found)) else None


def _at_complex(a: Tree, b: Tree, point: dict[str, Fraction], _: Spans) -> bool | None:
    """The same with i as the imaginary unit."""
    try:
        left, right = evaluate_complex(a, point, DIGITS), evaluate_complex(b, point, DIGITS)
    except NoValueError:
        return None
    return same_complex(left, right, AGREE_COMPLEX)


def _points(variables: list[str]) -> list[dict[str, Fraction]]:
    """Generic rational points: first positive, so that roots and logarithms exist; the last ones far out."""
    if not variables:
        return [{}]
    named = list(enumerate(zip(variables, _PRIMES, strict=False)))
    near = [
        {
            name: Fraction(
                (-1 if number >= 3 and (number + place) % 2 else 1) * (prime * (2 * number + 3) + 1),
                7 + number,
            )
            for place, (name, prime) in named
        }
        for number in range(POINTS)
    ]
    far = [
        {name: Fraction(prime * (-size if place % 2 else size) + 1, 7) for place, (name, prime) in named}
        for size in FAR
    ]
    return near + far


def _at(a: Tree, b: Tree, point: dict[str, Fraction], spans: Spans) -> bool | None:
    try:
        left, right = evaluate(a, point, DIGITS), evaluate(b, point, DIGITS)
        if isinstance(left, Fraction) and isinstance(right, Fraction) and spans == (None, None):
            return left == right
        if close(left, right, AGREE) or _inside(right, spans[0]) or _inside(left, spans[1]):
            return True
        return _cancels(a, b, point, abs(real(left) - real(right)))
    except NoValueError:
        return None


def close(a: Value, b: Value, digits: int) -> bool:
    """Whether two values agree to a relative 10^-digits."""
    left, right = real(a), real(b)
    return abs(left - right) * Decimal(10) ** digits <= min(abs(left), abs(right))


def _inside(value: Value, span: Span | None) -> bool:
    return span is not None and real(span.low) <= real(value) <= real(span.high)


def _cancels(a: Tree, b: Tree, point: dict[str, Fraction], difference: Decimal) -> bool:
    """Whether a small difference is rounding: with more digits it shrinks."""
    if difference > Decimal(10) ** (AGREE - DIGITS):
        return False
    finer = abs(real(evaluate(a, point, MORE_DIGITS)) - real(evaluate(b, point, MORE_DIGITS)))
    return finer <= difference * Decimal(10) ** (AGREE - DIGITS)


def proportional(a: Tree, b: Tree) -> bool | None:
    """Whether a = 0 and b = 0 are one equation: the quotient a/b is the same number at every point.

    Raises:
        TooLargeError: a value is over the bounds.
    """
    variables = sorted((names_of(a) | names_of(b)) - CONSTANTS)
    if not variables or len(variables) > len(_PRIMES):
        return None
    with decimal.localcontext(prec=DIGITS + 10):
        quotients: list[Value] = []
        for point in _points(variables)[:POINTS]:
            try:
                left, right = evaluate(a, point, DIGITS), evaluate(b, point, DIGITS)
            except NoValueError:
                continue
            if not left or not right:
                return None
            if isinstance(left, Fraction) and isinstance(right, Fraction):
                quotients.append(left / right)
            else:
                quotients.append(real(left) / real(right))
        if len(quotients) < MIN_POINTS:
            return None
        return True if all(close(quotient, quotients[0], AGREE) for quotient in quotients[1:]) else None


__all__ = ["TooLargeError", "close", "proportional", "same_expression"]
