"""The value of an expression, exact where it is rational, else to as many digits as asked for.

Sizes are bounded before anything is computed: a power, a factorial or a binomial that would be too large
raises `TooLargeError`, so no text can keep the processor busy.
"""

from __future__ import annotations

import decimal
import math
from collections.abc import Callable, Mapping
from decimal import Decimal
from fractions import Fraction
from functools import lru_cache
from typing import Any

from cotmill.verify.expression import Tree

Value = Fraction | Decimal
MAX_BITS = 60_000
MAX_FACTORIAL = 3_000
MAX_ANGLE = 10**9
HALVINGS = 4
SINGULAR = Decimal(10) ** -50
"""A cosine this small is a zero: its tangent has no value."""


class TooLargeError(ArithmeticError):
    """A number would need more digits than we are willing to compute."""


class NoValueError(ArithmeticError):
    """The expression has no real value here: division by zero, an even root of a negative number."""


def evaluate(tree: Tree, names: Mapping[str, Fraction], digits: int) -> Value:
    """Compute a value with `digits` decimal digits for what is irrational.

    Raises:
        TooLargeError: the value or a part of it is over the bounds.
        NoValueError: there is no real value.
    """
    try:
        with decimal.localcontext(prec=digits + 10):
            return _value(tree, names)
    except (decimal.Overflow, decimal.Underflow) as error:
        raise TooLargeError from error
    except (decimal.InvalidOperation, ZeroDivisionError) as error:
        raise NoValueError from error


def _value(tree: Tree, names: Mapping[str, Fraction]) -> Value:
    kind = tree[0]
    if kind == "num":
        return tree[1]
    if kind == "name":
        return named(tree[1], names)
    parts = [_value(part, names) for part in tree[1:]]
    return bounded(OPERATIONS[kind](*parts))


def bounded(value: Value) -> Value:
    """Return the value, or raise `TooLargeError` where its digits are too many."""
    if (
        isinstance(value, Fraction)
        and max(value.numerator.bit_length(), value.denominator.bit_length()) > MAX_BITS
    ):
        raise TooLargeError
    return value


def named(name: str, names: Mapping[str, Fraction]) -> Value:
    """Return the value of a name at a point, or of a constant."""
    if name in names:
        return names[name]
    digits = decimal.getcontext().prec
    if name == "\\pi":
        return _pi(digits)
    if name == "e":
        return Decimal(1).exp()
    raise NoValueError(name)


@lru_cache(8)
def _pi(digits: int) -> Decimal:
    """Machin's formula in whole numbers."""
    unit = 10 ** (digits + 10)

    def arctan_inverse(x: int) -> int:
        total = term = unit // x
        for n in range(3, 10 * digits, 2):
            term //= -x * x
            if not term or term == -1:
                break
            total += term // n
        return total

    return Decimal(4 * (4 * arctan_inverse(5) - arctan_inverse(239))).scaleb(-digits - 10)


def real(value: Value) -> Decimal:
    """A value as a decimal of the current precision."""
    return value if isinstance(value, Decimal) else Decimal(value.numerator) / Decimal(value.denominator)


def _plus(a: Value, b: Value) -> Value:
    return a + b if isinstance(a, Fraction) and isinstance(b, Fraction) else real(a) + real(b)


def _minus(a: Value, b: Value) -> Value:
    return _plus(a, -b)


def _times(a: Value, b: Value) -> Value:
    return a * b if isinstance(a, Fraction) and isinstance(b, Fraction) else real(a) * real(b)


def _over(a: Value, b: Value) -> Value:
    if not b:
        raise NoValueError
    return a / b if isinstance(a, Fraction) and isinstance(b, Fraction) else real(a) / real(b)


def _power(base: Value, exponent: Value) -> Value:
    if isinstance(exponent, Fraction) and exponent.denominator == 1:
        return _whole_power(base, exponent.numerator)
    if base < 0:
        raise NoValueError
    if isinstance(base, Fraction) and isinstance(exponent, Fraction):
        root = _exact_root(base, exponent.denominator) if exponent.denominator <= 64 else None
        if root is not None:
            return _whole_power(root, exponent.numerator)
    return real(base) ** real(exponent)


def _whole_power(base: Value, exponent: int) -> Value:
    if exponent < 0 and not base:
        raise NoValueError
    if isinstance(base, Decimal):
        if abs(exponent) > MAX_BITS:
            raise TooLargeError
        return base**exponent
    bits = max(base.numerator.bit_length(), base.denominator.bit_length())
    if abs(base) != 1 and base and abs(exponent) * bits > MAX_BITS:
        raise TooLargeError
    return base ** (exponent % 2 if abs(base) == 1 else exponent)


def _root(radicand: Value, index: Value) -> Value:
    if not isinstance(index, Fraction) or index.denominator != 1 or not 2 <= index <= 64:
        raise NoValueError
    n = index.numerator
    if radicand < 0:
        if n % 2 == 0:
            raise NoValueError
        return -_root(-radicand, index)
    if isinstance(radicand, Fraction) and (root := _exact_root(radicand, n)) is not None:
        return root
    return real(radicand).sqrt() if n == 2 else real(radicand) ** (Decimal(1) / n)


def _exact_root(value: Fraction, n: int) -> Fraction | None:
    top, bottom = _whole_root(value.numerator, n), _whole_root(value.denominator, n)
    return None if top is None or bottom is None else Fraction(top, bottom)


def _whole_root(value: int, n: int) -> int | None:
    """The exact n-th root of a whole number, or None."""
    if value < 0 or value.bit_length() > 4_000:
        return None
    low, high = 0, 1 << (value.bit_length() // n + 1)
    while low < high:
        middle = (low + high) // 2
        low, high = (middle + 1, high) if middle**n < value else (low, middle)
    return low if low**n == value else None


def _factorial(value: Value) -> Value:
    if not isinstance(value, Fraction) or value.denominator != 1 or value < 0:
        raise NoValueError
    if value > MAX_FACTORIAL:
        raise TooLargeError
    return Fraction(math.factorial(value.numerator))


def _binomial(n: Value, k: Value) -> Value:
    if not (isinstance(n, Fraction) and isinstance(k, Fraction) and n.denominator == k.denominator == 1):
        raise NoValueError
    if n < 0 or k < 0:
        raise NoValueError
    if n > MAX_FACTORIAL:
        raise TooLargeError
    return Fraction(math.comb(n.numerator, k.numerator))


def _ln(value: Value) -> Value:
    if value <= 0:
        raise NoValueError
    return Fraction(0) if value == 1 else real(value).ln()


def _exp(value: Value) -> Value:
    return Fraction(1) if not value else real(value).exp()


def _sine(value: Value) -> Value:
    """Taylor's series after reducing to one turn; the working precision has room for its rounding."""
    if not value:
        return Fraction(0)
    x = real(value)
    if abs(x) > MAX_ANGLE:
        raise TooLargeError
    turn = 2 * _pi(decimal.getcontext().prec + 8)
    x -= turn * (x / turn).to_integral_value()
    total = term = x
    tiny = Decimal(10) ** -decimal.getcontext().prec
    n = 1
    while abs(term) > tiny:
        term *= -x * x / ((n + 1) * (n + 2))
        total, n = total + term, n + 2
    return total


def _cosine(value: Value) -> Value:
    return _sine(real(value) + _pi(decimal.getcontext().prec) / 2) if value else Fraction(1)


def _arctan(value: Value) -> Value:
    """Halve the angle until Taylor's series is short."""
    x = real(value)
    if abs(x) > 1:
        return _quarter(x) - real(_arctan(1 / x))
    for _ in range(HALVINGS):
        x = x / (1 + (1 + x * x).sqrt())
    total = term = x
    tiny, n = Decimal(10) ** -decimal.getcontext().prec, 1
    while abs(term) > tiny:
        term *= -x * x
        n += 2
        total += term / n
    return total * 2**HALVINGS


def _quarter(sign: Decimal) -> Decimal:
    """A right angle, with a sign."""
    return (_pi(decimal.getcontext().prec) / 2).copy_sign(sign)


def _arcsin(value: Value) -> Value:
    if abs(value) > 1:
        raise NoValueError
    if abs(value) == 1:
        return _quarter(real(value))
    same: Any = value
    square: Any = same * same  # exact where the value is
    return _arctan(real(value) / real(1 - square).sqrt()) if value else Fraction(0)


def _conjugate(_: Value) -> Value:
    r"""Only over the complex numbers: with i as a letter, \\overline{2+i} would be 2+i."""
    raise NoValueError


def _ratio_of(above: Callable[[Value], Value], below: Callable[[Value], Value]) -> Callable[[Value], Value]:
    def ratio(value: Value) -> Value:
        bottom = below(value)
        if abs(bottom) < SINGULAR:
            raise NoValueError
        return _over(above(value), bottom)

    return ratio


def _one(_: Value) -> Value:
    return Fraction(1)


OPERATIONS = {
    "+": _plus, "-": _minus, "*": _times, "/": _over, "^": _power, "neg": lambda a: -a, "root": _root,
    "!": _factorial, "binom": _binomial, "%": lambda a: _over(a, Fraction(100)), "abs": abs, "ln": _ln,
    "exp": _exp, "log": lambda base, a: _over(_ln(a), _ln(base)),
    "sin": _sine, "cos": _cosine, "tan": _ratio_of(_sine, _cosine), "cot": _ratio_of(_cosine, _sine),
    "sec": _ratio_of(_one, _cosine), "csc": _ratio_of(_one, _sine),
    "arctan": lambda a: _arctan(a) if a else Fraction(0), "arcsin": _arcsin,
    "arccos": lambda a: _quarter(Decimal(1)) - real(_arcsin(a)), "conj": _conjugate,
    "degree": lambda a: _times(a, _pi(decimal.getcontext().prec) / 180),
}  # fmt: skip
