"""Sets of real numbers: intervals, their unions, and the inequalities that say the same.

x > 2 is (2, ∞); 1 < x ≤ 2 is (1, 2]; x ≠ 3 is (-∞, 3) ∪ (3, ∞). Touching pieces are joined, so a set has
one form.
"""

from __future__ import annotations

import re
from fractions import Fraction
from functools import cmp_to_key
from typing import NamedTuple

from cotmill.verify.algebra import CONSTANTS, DIGITS, same_expression
from cotmill.verify.evaluate import NoValueError, evaluate, real
from cotmill.verify.expression import Tree, names_of, read_expression
from cotmill.verify.structure import Form, read_form


class End(NamedTuple):
    """An end of an interval: -1 for -∞, +1 for ∞, 0 for a finite value."""

    infinite: int
    tree: Tree | None
    closed: bool


class Interval(NamedTuple):
    """From one end to another."""

    low: End
    high: End


_INFINITY = re.compile(r"^([+-]?)\s*(?:\\infty|\\infinity|infinity|inf|oo)$", re.IGNORECASE)
_REALS = re.compile(
    r"^(?:\\mathbb\s*\{?\s*R\s*\}?|\\R|all\s+real\s+numbers|all\s+reals|the\s+real\s+numbers)$", re.IGNORECASE
)
_EXCEPT = re.compile(
    r"^(?:\\mathbb\s*\{?R\}?\s*(?:\\setminus|\\backslash|-)|"
    r"(?:all\s+)?real\s+numbers\s+(?:except|but|other\s+than)(?:\s+for)?)\s*(.+)$",
    re.IGNORECASE,
)
_CONDITION = re.compile(
    r"^\s*[a-z]\s*(?:\\in(?![a-z])\s*\\mathbb\s*\{?R\}?\s*)?(?:\||\\mid(?![a-z])|:)\s*([^|]+)$"
)
MAX_PIECES = 100
_BOTTOM, _TOP = End(-1, None, closed=False), End(1, None, closed=False)
_EVERYTHING = (Interval(_BOTTOM, _TOP),)
_FLIPPED = {"<": ">", "<=": ">=", ">": "<", ">=": "<="}


def read_real_set(form: Form) -> tuple[Interval, ...] | None:
    """Read a form as a union of intervals, in its one normal form; None when it is not such a set."""
    pieces = _pieces(form)
    return None if pieces is None else _joined(pieces)


def _pieces(form: Form) -> tuple[Interval, ...] | None:
    if form.kind == "expression":
        if match := _EXCEPT.match(form.text):
            return _without(read_form(re.sub(r"^[a-z]\s*=\s*", "", match[1])))
        return _EVERYTHING if _REALS.match(form.text) else None
    if form.kind == "tuple":
        return _interval(form)
    if form.kind == "relation":
        return _inequality(form)
    if form.kind == "both" or (form.kind == "list" and all(part.marks == ("!=",) for part in form.parts)):
        return _in_all([_pieces(part) for part in form.parts])
    if form.kind == "union" or (form.kind == "list" and _inequalities(form.parts)):
        found = [_point(part) or _pieces(part) for part in form.parts]
        return (
            None
            if any(piece is None for piece in found)
            else tuple(i for piece in found for i in piece or ())
        )
    if form.kind == "set" and (condition := _CONDITION.match(form.text)):
        return _pieces(read_form(condition[1]))
    if (
        form.kind == "set"
        and len(form.parts) == 1
        and (end := _end(form.parts[0], closed=True))
        and not end.infinite
    ):
        return (Interval(end, end),)
    return None


def _inequalities(parts: tuple[Form, ...]) -> bool:
    """Whether these are relations, not all of them equations."""
    relations = all(part.kind == "relation" for part in parts)
    return relations and any(part.marks != ("=",) for part in parts)


def _point(form: Form) -> tuple[Interval, ...] | None:
    """Read "x = 3" among inequalities as the set {3}."""
    if form.kind != "relation" or form.marks != ("=",) or not variable_of(form.parts[0]):
        return None
    end = _end(form.parts[1], closed=True)
    return None if end is None or end.infinite else (Interval(end, end),)


def _without(values: Form) -> tuple[Interval, ...] | None:
    """All numbers but one, or but some."""
    parts = values.parts if values.kind in ("list", "set") else (values,)
    ends = [_end(part, closed=False) for part in parts]
    if not ends or any(end is None or end.infinite for end in ends):
        return None
    return _in_all([(Interval(_BOTTOM, end), Interval(end, _TOP)) for end in ends if end is not None])


def _end(form: Form, *, closed: bool) -> End | None:
    if match := _INFINITY.match(form.text):
        return End(-1 if match[1] == "-" else 1, None, closed=False)
    tree = read_expression(form.text) if form.kind == "expression" else None
    if tree is None or names_of(tree) - CONSTANTS:
        return None
    return End(0, tree, closed)


def _interval(form: Form) -> tuple[Interval, ...] | None:
    if len(form.parts) != 2 or form.marks[0] not in "([" or form.marks[1] not in ")]":
        return None
    low = _end(form.parts[0], closed=form.marks[0] == "[")
    high = _end(form.parts[1], closed=form.marks[1] == "]")
    return None if low is None or high is None else (Interval(low, high),)


def variable_of(form: Form) -> str | None:
    """The single letter a form is, if it is one."""
    return form.text if form.kind == "expression" and re.fullmatch(r"[a-zA-Z]", form.text) else None


def _inequality(form: Form) -> tuple[Interval, ...] | None:
    parts, signs = form.parts, form.marks
    if len(parts) == 2 and not (variable_of(parts[0]) or variable_of(parts[1])):
        return solve(form)
    if len(parts) == 2:
        if variable_of(parts[1]):
            if signs[0] not in (*_FLIPPED, "!="):
                return None
            parts, signs = (parts[1], parts[0]), (_FLIPPED.get(signs[0], "!="),)
        if variable_of(parts[0]) and signs[0] == "!=":
            return _without(parts[1])
        return _half_line(parts[1], signs[0]) if variable_of(parts[0]) else None
    if len(parts) == 3 and variable_of(parts[1]) and set(signs) <= {"<", "<="}:
        low, high = _end(parts[0], closed=signs[0] == "<="), _end(parts[2], closed=signs[1] == "<=")
        return None if low is None or high is None else (Interval(low, high),)
    if len(parts) == 3 and variable_of(parts[1]) and set(signs) <= {">", ">="}:
        low, high = _end(parts[2], closed=signs[1] == ">="), _end(parts[0], closed=signs[0] == ">=")
        return None if low is None or high is None else (Interval(low, high),)
    return None


def _half_line(bound: Form, sign: str) -> tuple[Interval, ...] | None:
    end = _end(bound, closed=sign in ("<=", ">="))
    if end is None or sign in ("=", "in"):
        return None
    if sign in ("<", "<="):
        return (Interval(End(-1, None, closed=False), end),)
    return (Interval(end, End(1, None, closed=False)),)


def solve(form: Form) -> tuple[Interval, ...] | None:
    """Solve an inequality in one letter whose sides differ by a polynomial of degree one or two."""
    left, right = (
        read_expression(part.text) if part.kind == "expression" else None for part in form.parts[:2]
    )
    if left is None or right is None or form.marks[0] not in _FLIPPED:
        return None
    difference: Tree = ("-", *_without_modulus(left, right))
    names = names_of(difference)
    if len(names) != 1 or names & CONSTANTS or (found := _quadratic(difference, *names)) is None:
        return None
    a, b, c = found
    above, closed = form.marks[0].startswith(">"), form.marks[0].endswith("=")
    if a == 0:
        end = End(0, ("num", -c / b), closed)
        return (Interval(end, _TOP),) if above == (b > 0) else (Interval(_BOTTOM, end),)
    square = b * b - 4 * a * c
    if square <= 0:
        return None
    half = ("/", ("root", ("num", square), ("num", Fraction(2))), ("num", 2 * abs(a)))
    low, high = (End(0, (sign, ("num", -b / (2 * a)), half), closed) for sign in "-+")
    if above == (a > 0):
        return (Interval(_BOTTOM, low), Interval(high, _TOP))
    return (Interval(low, high),)


def _without_modulus(left: Tree, right: Tree) -> tuple[Tree, Tree]:
    """Write |f| < c as f² < c², for a number c above zero."""
    inner, bound = (left, right) if left[0] == "abs" else (right, left)
    if inner[0] != "abs" or bound[0] != "num" or bound[1] <= 0:
        return left, right
    square, limit = ("*", inner[1], inner[1]), ("num", bound[1] ** 2)
    return (square, limit) if left[0] == "abs" else (limit, square)


def _quadratic(tree: Tree, name: str) -> tuple[Fraction, Fraction, Fraction] | None:
    """The coefficients of a polynomial of degree one or two, from its values at seven points; else None."""
    try:
        values = [evaluate(tree, {name: Fraction(x)}, DIGITS) for x in range(-3, 4)]
    except NoValueError:
        return None
    if not all(isinstance(value, Fraction) for value in values):
        return None
    exact = [Fraction(value) for value in values]
    c, a = exact[3], (exact[4] + exact[2]) / 2 - exact[3]
    b = exact[4] - a - c
    fits = all(value == a * x * x + b * x + c for x, value in zip(range(-3, 4), exact, strict=True))
    return (a, b, c) if fits and (a or b) else None


def _compare(a: End, b: End) -> int:
    """Order two ends by value."""
    if a.infinite or b.infinite:
        return (a.infinite > b.infinite) - (a.infinite < b.infinite)
    assert a.tree is not None
    assert b.tree is not None
    if same_expression(a.tree, b.tree):
        return 0
    left, right = (real(evaluate(tree, {}, DIGITS)) for tree in (a.tree, b.tree))
    return 1 if left > right else -1


def _joined(pieces: tuple[Interval, ...]) -> tuple[Interval, ...] | None:
    """Drop empty pieces, sort, and join those that touch."""
    try:
        full = [piece for piece in pieces if not _empty(piece)]
        full.sort(key=cmp_to_key(lambda a, b: _compare(a.low, b.low) or b.low.closed - a.low.closed))
        joined: list[Interval] = []
        for piece in full:
            if joined and _touch(joined[-1].high, piece.low):
                joined[-1] = Interval(joined[-1].low, _larger(joined[-1].high, piece.high))
            else:
                joined.append(piece)
        return tuple(joined)
    except NoValueError:
        return None


def _in_all(sets: list[tuple[Interval, ...] | None]) -> tuple[Interval, ...] | None:
    """The intersection of unions of intervals: every piece of one with every piece of the next."""
    found: tuple[Interval, ...] = _EVERYTHING
    try:
        for pieces in sets:
            if pieces is None or len(found) * len(pieces) > MAX_PIECES:
                return None
            found = tuple(_overlap(a, b) for a in found for b in pieces)
    except NoValueError:
        return None
    return found


def _overlap(a: Interval, b: Interval) -> Interval:
    low, high = _compare(a.low, b.low), _compare(a.high, b.high)
    lows = a.low if low > 0 or (low == 0 and not a.low.closed) else b.low
    return Interval(lows, a.high if high < 0 or (high == 0 and not a.high.closed) else b.high)


def _empty(piece: Interval) -> bool:
    order = _compare(piece.low, piece.high)
    return order > 0 or (order == 0 and not (piece.low.closed and piece.high.closed))


def _touch(high: End, low: End) -> bool:
    order = _compare(high, low)
    return order > 0 or (order == 0 and (high.closed or low.closed))


def _larger(a: End, b: End) -> End:
    order = _compare(a, b)
    return a if order > 0 or (order == 0 and a.closed) else b


def same_real_set(a: tuple[Interval, ...], b: tuple[Interval, ...]) -> bool:
    """Whether two sets in normal form are the same."""
    return len(a) == len(b) and all(
        _compare(x, y) == 0 and (x.closed == y.closed or bool(x.infinite))
        for left, right in zip(a, b, strict=True)
        for x, y in zip(left, right, strict=True)
    )
