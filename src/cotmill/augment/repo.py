"""The filter of the paper's public script, mistakes included and named, without its `eval`.

What the public code of Yuan et al. 2023 (arXiv 2308.01825) does to a sample before its key is taken. Text
that a model wrote is never run as a program: what is inside the marks is parsed by Python's own grammar,
and only numbers and operators on them are computed, within bounds. On such input the outcome is that of
the script; anything else (names, calls, strings) is refused, and so is at once a power over which the
script would hang.
"""

from __future__ import annotations

import ast
import math
import operator
import re
from collections.abc import Callable, Sequence
from functools import lru_cache
from typing import Any

MISTAKES: dict[str, str] = {
    "gold_not_seen": "the human solution's key is not entered: samples that repeat it stay in",
    "two_sides": "of a chain a=b=c only a and b are compared",
    "bare_right_side": "the right side must be a bare number: 1,000 and $5 and 50% fail",
    "absolute_tolerance": "two sides within 0.001 of each other are equal, however small they are",
    "first_bracket": "a mark ends at the first '>'; one that holds a '>' is not seen",
    "no_marks_pass": "a trace without marks passes, under the empty key: at most one for each question",
    "first_hashes": "the first #### gives the answer, and the text after it is kept",
    "float_answer": "answers are compared as floats",
    "order_dependent": "which trace of a key is kept depends on the order of the samples",
    "cut_off_counts": "a trace that was cut off is treated like one that ended",
    "last_sample_lost": "samples are drawn under seeds 1 to k and read under 0 to k-1: the last one is lost",
}
"""What mode `repo` reproduces; the other places where script and paper differ are not about samples."""

TOLERANCE = 1e-3
MARK = re.compile(r"<<([^>]*)>>")
_ANSWER = re.compile(r"#### (-?[0-9.,]+)")
MAX_MARK = 400
MAX_POWER = 4_096
"""Largest exponent times bits of the base."""


class RefusedError(ValueError):
    """A side is not plain arithmetic on numbers, or too large."""


def right_answer(gold: str, text: str) -> bool:
    """Compare the number after the first #### with the gold one, as floats.

    >>> right_answer("18", "… #### 18.0 and more #### 3"), right_answer("1,000", "#### 1000")
    (True, True)
    """
    found = answer(text)
    target = _float(gold)
    return target is not None and found is not None and target == _float(found)


def answer(text: str) -> str | None:
    """The number after the first ####, as written."""
    match = _ANSWER.search(text)
    return match[1] if match else None


@lru_cache(65_536)
def _float(text: str) -> float | None:
    try:
        return float(text.replace(",", ""))
    except ValueError:
        return None


def marks(text: str) -> list[str]:
    """What stands in the marks that the script sees."""
    return MARK.findall(text)


def right_equations(text: str) -> bool:
    """Check the first two sides of every mark; a trace without marks passes.

    >>> right_equations("<<2*3=6>>"), right_equations("<<2*500=1,000>>"), right_equations("<<1+1=2=3>>")
    (True, False, True)
    """
    return all(map(right_mark, marks(text)))


@lru_cache(65_536)
def right_mark(mark: str) -> bool:
    """Check one mark; a mark without an equals sign fails."""
    left, sign, rest = mark.partition("=")
    if not sign:
        return False
    try:
        return abs(float(python_value(left)) - float(rest.partition("=")[0])) < TOLERANCE
    except (ValueError, ArithmeticError, TypeError):
        return False


def key(text: str) -> str:
    """Join what stands in the marks of a trace, without blanks."""
    return key_of_marks(marks(text))


def key_of_marks(found: Sequence[str]) -> str:
    """Join marks, without blanks."""
    return "|".join(found).replace(" ", "")


_BINARY: dict[type[ast.operator], Callable[[Any, Any], Any]] = {
    ast.Add: operator.add, ast.Sub: operator.sub, ast.Mult: operator.mul, ast.Div: operator.truediv,
    ast.FloorDiv: operator.floordiv, ast.Mod: operator.mod, ast.BitXor: operator.xor,
    ast.BitAnd: operator.and_, ast.BitOr: operator.or_,
}  # fmt: skip
_UNARY: dict[type[ast.unaryop], Callable[[Any], Any]] = {
    ast.UAdd: operator.pos, ast.USub: operator.neg, ast.Invert: operator.invert,
}  # fmt: skip


def python_value(text: str) -> int | float:
    """Compute arithmetic as Python would, without running it: ^ is exclusive or, % is the remainder.

    >>> python_value(" 2 ** 3 / 4"), python_value("2^3"), python_value("50%20")
    (2.0, 1, 10)

    Raises:
        RefusedError: it is anything but numbers and operators, or too large.
    """
    if len(text) > MAX_MARK:
        raise RefusedError("too long")
    try:
        return _value(ast.parse(text.strip(" \t"), mode="eval").body)
    except (SyntaxError, RecursionError, MemoryError) as error:
        raise RefusedError(f"not arithmetic: {text[:40]!r}") from error


def _value(node: ast.expr) -> int | float:
    if isinstance(node, ast.Constant) and type(node.value) in (int, float):
        return node.value  # type: ignore[return-value]
    if isinstance(node, ast.UnaryOp) and type(node.op) in _UNARY:
        return _UNARY[type(node.op)](_value(node.operand))
    if not isinstance(node, ast.BinOp):
        raise RefusedError("not arithmetic")
    left, right = _value(node.left), _value(node.right)
    if isinstance(node.op, ast.Pow):
        return _power(left, right)
    if type(node.op) not in _BINARY:
        raise RefusedError("not arithmetic")
    return _BINARY[type(node.op)](left, right)


def _power(base: int | float, exponent: int | float) -> int | float:
    if isinstance(base, int) and isinstance(exponent, int) and abs(exponent) * base.bit_length() > MAX_POWER:
        raise RefusedError("a power out of bounds")
    result: Any = base**exponent
    if isinstance(result, complex) or (isinstance(result, float) and not math.isfinite(result)):
        raise RefusedError("not a finite real number")
    return result
