"""The lab's exact judge: is a GSM8K-form solution of a lab problem sound?

A solution is sound if every calculator mark is arithmetically right, every operand was there before it
was used, no line is idle, the stated answer is the last result, and the formula as a whole is the right
one. The last point is what a comparison of answers cannot see: the formula is evaluated again with other
numbers in place of the stated ones, and must still give what the problem's graph gives.
"""

from __future__ import annotations

import functools
import itertools
import re
from dataclasses import dataclass
from fractions import Fraction
from typing import Any, TypeAlias

from cotmill.core.ids import seed_of
from cotmill.lab.graph import Expr, Graph

MARK = re.compile(r"<<([^<>=]*)=([^<>=]*)>>(-?[\d.]*\d)?")
ANSWER = re.compile(r"^#### *(-?\d+)$", re.MULTILINE)
TOKEN = re.compile(r"\s*(\d+(?:\.\d+)?|[-+*/()])")

FIELD = 2**61 - 1
"""The formula is tried once with random residues of this prime: two formulas agree by chance in 10^18."""

COUNTS: tuple[int, ...] = (2, 3, 4)
"""Small numbers anyone may use for how often a quantity is taken."""

MOST_READINGS = 20_000

Reading: TypeAlias = tuple[tuple[int, Fraction, int], ...]
"""Lines that are still of use: position, value here, residue with the other numbers."""


class FormError(ValueError):
    """An expression is not arithmetic in the form of a calculator mark."""


@dataclass(frozen=True, slots=True)
class Equation:
    """One calculator mark, judged."""

    text: str
    value: Fraction | None
    right: bool
    copied: bool
    ungrounded: tuple[str, ...]
    idle: bool


@dataclass(frozen=True, slots=True)
class SoundnessReport:
    """What is right and what is wrong about one solution."""

    equations: tuple[Equation, ...]
    final: int | None
    follows: bool
    correct: bool
    reasoned: bool

    @property
    def arithmetic(self) -> bool:
        """Every mark is right and its result is written after it unchanged."""
        return all(equation.right and equation.copied for equation in self.equations)

    @property
    def grounded(self) -> bool:
        """Every operand was stated, known or computed before."""
        return not any(equation.ungrounded for equation in self.equations)

    @property
    def sound(self) -> bool:
        """Nothing is wrong at all."""
        busy = not any(equation.idle for equation in self.equations)
        return self.arithmetic and self.grounded and busy and self.follows and self.correct and self.reasoned


Tree: TypeAlias = Fraction | tuple[Any, ...]
"""A number, or (operator, left tree, right tree)."""


def parse(text: str) -> Tree:
    """Read an expression of numbers, + - * / and brackets, with the usual precedence.

    >>> parse("1+2*3")
    ('+', Fraction(1, 1), ('*', Fraction(2, 1), Fraction(3, 1)))

    Raises:
        FormError: it is anything else.
    """
    tokens: list[str] = []
    position = 0
    while position < len(text.rstrip()):
        match = TOKEN.match(text, position)
        if not match:
            raise FormError(f"cannot read {text[position:]!r} in {text!r}")
        tokens.append(match.group(1))
        position = match.end()
    tree, rest = _sum(tokens)
    if rest:
        raise FormError(f"{rest[0]!r} is left over in {text!r}")
    return tree


def _sum(tokens: list[str]) -> tuple[Tree, list[str]]:
    tree, tokens = _product(tokens)
    while tokens and tokens[0] in "+-":
        right, rest = _product(tokens[1:])
        tree, tokens = (tokens[0], tree, right), rest
    return tree, tokens


def _product(tokens: list[str]) -> tuple[Tree, list[str]]:
    tree, tokens = _atom(tokens)
    while tokens and tokens[0] in "*/":
        right, rest = _atom(tokens[1:])
        tree, tokens = (tokens[0], tree, right), rest
    return tree, tokens


def _atom(tokens: list[str]) -> tuple[Tree, list[str]]:
    if not tokens:
        raise FormError("an operand is missing")
    first, rest = tokens[0], tokens[1:]
    if first == "(":
        tree, rest = _sum(rest)
        if not rest or rest[0] != ")":
            raise FormError("a bracket is not closed")
        return tree, rest[1:]
    if not first[0].isdigit():
        raise FormError(f"a number was expected, not {first!r}")
    return Fraction(first), rest


def numbers(tree: Tree) -> list[Fraction]:
    """List the numbers of an expression, left to right."""
    if isinstance(tree, Fraction):
        return [tree]
    return [*numbers(tree[1]), *numbers(tree[2])]


def compute(tree: Tree) -> Fraction | None:
    """Compute an expression; None if it divides by zero."""
    if isinstance(tree, Fraction):
        return tree
    left, right = compute(tree[1]), compute(tree[2])
    if left is None or right is None:
        return None
    return _apply(tree[0], left, right)


def _apply(operator: str, left: Fraction, right: Fraction) -> Fraction | None:
    match operator:
        case "+":
            return left + right
        case "-":
            return left - right
        case "*":
            return left * right
        case _:
            return left / right if right else None


def check_solution(graph: Graph, text: str) -> SoundnessReport:
    """Judge a solution of the problem with this graph."""
    marks = [(m.group(1), m.group(2), m.group(3)) for m in MARK.finditer(text)]
    trees = [_read(expression) for expression, _, _ in marks]
    results = [_read(value) for _, value, _ in marks]
    known = {Fraction(node.value) for node in graph.nodes if node.kind != "result"} | set(
        map(Fraction, COUNTS)
    )
    equations: list[Equation] = []
    for position, (expression, value, copy) in enumerate(marks):
        tree, result = trees[position], results[position]
        operands = numbers(tree) if tree is not None else []
        computed = compute(tree) if tree is not None else None
        later = {n for other in trees[position + 1 :] if other is not None for n in numbers(other)}
        equations.append(
            Equation(
                text=f"{expression}={value}",
                value=result if isinstance(result, Fraction) else None,
                right=computed is not None and computed == result,
                copied=copy == value,
                ungrounded=tuple(str(n) for n in operands if n not in known),
                idle=position + 1 < len(marks) and result not in later,
            )
        )
        if isinstance(result, Fraction):
            known.add(result)
    answers = ANSWER.findall(text)
    final = int(answers[-1]) if answers else None
    correct = final == graph.answer
    if not graph.steps:  # The answer is stated in the question; there is nothing to follow from.
        return SoundnessReport(tuple(equations), final, correct, correct, not equations)
    follows = final is not None and bool(equations) and equations[-1].value == final
    return SoundnessReport(tuple(equations), final, follows, correct, _reasoned(graph, trees, equations))


def _read(expression: str) -> Tree | None:
    try:
        return parse(expression)
    except FormError:
        return None


def _elsewhere(graph: Graph) -> dict[str, int]:
    """The problem's quantities as residues, with random ones stated; what is fixed stays."""
    values: dict[str, int] = {}
    for node in graph.nodes:
        if node.expr is not None:
            values[node.id] = _residue(node.expr, values)
        else:
            values[node.id] = seed_of(0, "elsewhere", node.id) % FIELD if node.kind == "given" else node.value
    return values


def _residue(expr: Expr, values: dict[str, int]) -> int:
    if isinstance(expr, str):
        return values[expr]
    parts = [_residue(part, values) for part in expr[1:]]
    return functools.reduce(functools.partial(_in_field, expr[0]), parts)


def _in_field(operator: str, left: int, right: int) -> int:
    """Apply an operator to residues; division by zero, which chance does not bring about, gives zero."""
    match operator:
        case "+":
            return (left + right) % FIELD
        case "-":
            return (left - right) % FIELD
        case "*":
            return left * right % FIELD
        case _:
            return left * pow(right, FIELD - 2, FIELD) % FIELD


def _reasoned(graph: Graph, trees: list[Tree | None], equations: list[Equation]) -> bool:
    """Can the numbers be read as quantities so that the last formula is the target's formula?

    A number may stand for more than one quantity, so all readings are followed; a reading is what each
    line amounts to with other numbers stated.
    """
    if not equations or any(tree is None or not e.right for tree, e in zip(trees, equations, strict=True)):
        return False
    elsewhere = _elsewhere(graph)
    stated: dict[Fraction, set[int]] = {Fraction(count): {count} for count in COUNTS}
    for node in graph.nodes:
        if node.kind != "result":
            stated.setdefault(Fraction(node.value), set()).add(elsewhere[node.id])
    readings: set[Reading] = {()}
    for position, tree in enumerate(trees):
        assert tree is not None
        later = {n for other in trees[position + 1 :] if other is not None for n in numbers(other)}
        alive = [k for k in range(position) if equations[k].value in later]
        found: set[Reading] = set()
        for reading in readings:
            kept = tuple(pair for pair in reading if pair[0] in alive)
            value = equations[position].value
            assert value is not None
            found |= {(*kept, (position, value, residue)) for residue in _residues(tree, stated, reading)}
        readings = found
        if len(readings) > MOST_READINGS:
            raise FormError(f"more than {MOST_READINGS} readings of {equations[position].text!r}")
    return any(reading[-1][2] == elsewhere[graph.target] for reading in readings)


def _residues(tree: Tree, stated: dict[Fraction, set[int]], reading: Reading) -> set[int]:
    """All that an expression may amount to with other numbers, given what the lines before amount to."""
    if isinstance(tree, Fraction):
        return stated.get(tree, set()) | {residue for _, value, residue in reading if value == tree}
    lefts, rights = (_residues(part, stated, reading) for part in tree[1:])
    return {_in_field(tree[0], left, right) for left, right in itertools.product(lefts, rights)}
