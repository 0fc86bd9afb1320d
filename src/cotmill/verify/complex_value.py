"""The value of an expression over the complex numbers, with i as the imaginary unit; principal branches.

Parts are exact where they are rational, else decimals, as in `evaluate`. What has no complex meaning here
(a logarithm of a number that is not real, a power of one to another) has no value.
"""

from __future__ import annotations

import decimal
from collections.abc import Callable, Mapping
from fractions import Fraction
from typing import NamedTuple

from cotmill.verify.evaluate import OPERATIONS, NoValueError, TooLargeError, Value, bounded, named, real
from cotmill.verify.expression import Tree

ZERO, ONE = Fraction(0), Fraction(1)
MAX_POWER = 4_000


class Complex(NamedTuple):
    """A complex number by its parts."""

    re: Value
    im: Value


def evaluate_complex(tree: Tree, names: Mapping[str, Fraction], digits: int) -> Complex:
    """Compute a value with `digits` decimal digits for what is irrational.

    Raises:
        TooLargeError: the value or a part of it is over the bounds.
        NoValueError: there is no value.
    """
    try:
        with decimal.localcontext(prec=digits + 10):
            return _value(tree, names)
    except (decimal.Overflow, decimal.Underflow) as error:
        raise TooLargeError from error
    except (decimal.InvalidOperation, ZeroDivisionError) as error:
        raise NoValueError from error


def _value(tree: Tree, names: Mapping[str, Fraction]) -> Complex:
    kind = tree[0]
    if kind == "num":
        return Complex(tree[1], ZERO)
    if kind == "name":
        return Complex(ZERO, ONE) if tree[1] == "i" else Complex(named(tree[1], names), ZERO)
    if kind == "^" and tree[1] == ("name", "e"):
        return _exp(_value(tree[2], names))
    parts = [_value(part, names) for part in tree[1:]]
    if kind in _COMPLEX:
        found = _COMPLEX[kind](*parts)
    elif any(part.im for part in parts):
        raise NoValueError(kind)
    else:
        found = Complex(OPERATIONS[kind](*(part.re for part in parts)), ZERO)
    return Complex(bounded(found.re), bounded(found.im))


def _real(kind: str, *values: Value) -> Value:
    return OPERATIONS[kind](*values)


def _add(a: Complex, b: Complex) -> Complex:
    return Complex(_real("+", a.re, b.re), _real("+", a.im, b.im))


def _negative(a: Complex) -> Complex:
    return Complex(-a.re, -a.im)


def _times(a: Complex, b: Complex) -> Complex:
    re = _real("-", _real("*", a.re, b.re), _real("*", a.im, b.im))
    return Complex(re, _real("+", _real("*", a.re, b.im), _real("*", a.im, b.re)))


def _square_size(a: Complex) -> Value:
    return _real("+", _real("*", a.re, a.re), _real("*", a.im, a.im))


def _over(a: Complex, b: Complex) -> Complex:
    size = _square_size(b)
    if not size:
        raise NoValueError
    above = _times(a, Complex(b.re, -b.im))
    return Complex(_real("/", above.re, size), _real("/", above.im, size))


def _power(base: Complex, exponent: Complex) -> Complex:
    if not base.im and not exponent.im and base.re >= 0:
        return Complex(_real("^", base.re, exponent.re), ZERO)
    whole = isinstance(exponent.re, Fraction) and exponent.re.denominator == 1
    if exponent.im or not isinstance(exponent.re, Fraction) or not whole:
        if not base.im and base.re > 0:
            return _exp(_times(exponent, Complex(_real("ln", base.re), ZERO)))
        if exponent == Complex(Fraction(1, 2), ZERO):
            return _square_root(base)
        raise NoValueError
    return _whole_power(base, exponent.re.numerator)


def _whole_power(base: Complex, exponent: int) -> Complex:
    if abs(exponent) > MAX_POWER:
        raise TooLargeError
    found, square, left = Complex(ONE, ZERO), base, abs(exponent)
    while left:
        if left % 2:
            found = _times(found, square)
        left //= 2
        square = _times(square, square) if left else square
        found = Complex(bounded(found.re), bounded(found.im))
        square = Complex(bounded(square.re), bounded(square.im))
    return _over(Complex(ONE, ZERO), found) if exponent < 0 else found


def _root(radicand: Complex, index: Complex) -> Complex:
    if not radicand.im and (radicand.re >= 0 or index.re != 2):
        return Complex(_real("root", radicand.re, index.re), ZERO)
    if index != Complex(Fraction(2), ZERO):
        raise NoValueError
    return _square_root(radicand)


def _square_root(a: Complex) -> Complex:
    """The principal one: its real part is not negative."""
    two = Fraction(2)
    size = _real("root", _square_size(a), two)
    re = _real("root", _clipped(_real("/", _real("+", size, a.re), two)), two)
    im = _real("root", _clipped(_real("/", _real("-", size, a.re), two)), two)
    return Complex(re, -im if a.im < 0 else im)


def _clipped(value: Value) -> Value:
    """Rounding may leave a hair below zero."""
    return ZERO if value < 0 else value


def _exp(a: Complex) -> Complex:
    size = _real("exp", a.re)
    if not a.im:
        return Complex(size, ZERO)
    return Complex(_real("*", size, _real("cos", a.im)), _real("*", size, _real("sin", a.im)))


_COMPLEX: dict[str, Callable[..., Complex]] = {
    "+": _add, "-": lambda a, b: _add(a, _negative(b)), "*": _times, "/": _over, "neg": _negative,
    "^": _power, "root": _root, "exp": _exp, "conj": lambda a: Complex(a.re, -a.im),
    "abs": lambda a: Complex(_real("root", _square_size(a), Fraction(2)) if a.im else abs(a.re), ZERO),
}  # fmt: skip


def same_complex(a: Complex, b: Complex, digits: int) -> bool:
    """Whether two values agree, part by part, to 10^-digits of the largest part's size."""
    size = max(abs(real(part)) for part in (*a, *b))
    tolerance = size.scaleb(-digits)
    return all(x == y or abs(real(x) - real(y)) <= tolerance for x, y in zip(a, b, strict=True))
