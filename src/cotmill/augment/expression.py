"""The tree of a written calculation, and one spelling for all orders of its terms and factors.

`verify` evaluates as it reads and keeps no tree; here the same tokens become a tree, so that 3+4 and 4+3
get one spelling, and so that a number can be replaced by the step that found it. Numbers are exact:
0.5, 1/2 written as a number, and 50% are one. Sums are flattened within sums and products within products;
nothing else is rearranged, because a*(b+c) and a*b+a*c are different ways to think.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from fractions import Fraction
from functools import lru_cache
from typing import Any, NamedTuple, TypeAlias

from cotmill.verify.arithmetic import MAX_DEPTH, Cursor, Token, UncheckedError, tokenise
from cotmill.verify.clean import plain_unicode
from cotmill.verify.links import Equation, Status
from cotmill.verify.sides import left_side, right_side

Tree: TypeAlias = Fraction | tuple[Any, ...]
"""A number, or (operator, part, part, ...): "+" and "*" hold (sign, tree) pairs, "^" base and exponent."""
Spell: TypeAlias = Callable[[Fraction], str]
_SIGNS, _FACTORS = frozenset("+-"), frozenset({"*", "/", "of"})
_OPEN, _CLOSE = frozenset("([{"), frozenset(")]}")


class Step(NamedTuple):
    """One written calculation: its tree, the number it gives, and whether that is right."""

    tree: Tree
    result: Fraction | None
    status: Status
    start: int

    @property
    def spelling(self) -> str:
        """The calculation in one spelling, and what was written as its result where that is not right."""
        return spell(self.tree) + ("" if self.status is Status.RIGHT else f"={show(self.result)}")


def show(value: Fraction | None) -> str:
    """Write an exact number.

    >>> show(Fraction(1, 2)), show(Fraction(18)), show(None)
    ('1/2', '18', '?')
    """
    return "?" if value is None else str(value)


def step_of(equation: Equation) -> Step | None:
    """Read an equation that was found in a trace; None for one whose sides are not arithmetic.

    >>> from cotmill.verify import check_equations
    >>> found = check_equations("So <<4*(3+2)=20>>20 and 2+3*4 = 14.").equations
    >>> [step_of(equation).spelling for equation in found]
    ['(*(+2 +3) *4)', '(+(*3 *4) +2)']
    """
    if equation.result is None:
        return None
    tree = _tree_of(equation.text)
    return None if tree is None else Step(tree, equation.result, equation.status, equation.start)


@lru_cache(16_384)
def _tree_of(text: str) -> Tree | None:
    """The side of an equation that calculates; of two, the left one."""
    tokens = tokenise(plain_unicode(text))
    sign = next((place for place, token in enumerate(tokens) if token.kind == "equals"), None)
    if sign is None:
        return None
    sides = left_side(tokens[:sign], is_chain=False), right_side(tokens[sign + 1 :], whole=False)
    try:
        trees = [parse(side.tokens) for side in sides if side.tokens]
    except UncheckedError:
        return None
    return next((tree for tree in trees if not isinstance(tree, Fraction)), None)


def parse(tokens: Sequence[Token]) -> Tree:
    """Build the tree of a whole side, by the grammar of `verify.arithmetic`.

    Raises:
        UncheckedError: the tokens are not one expression.
    """
    reader = _Reader(tokens)
    tree = reader.sum(0)
    if reader.place != len(tokens):
        raise UncheckedError("not arithmetic")
    return tree


class _Reader(Cursor):
    """Recursive descent over tokens."""

    def sum(self, depth: int) -> Tree:
        if depth > MAX_DEPTH:
            raise UncheckedError("nested too deep")
        parts = [("+", self.product(depth))]
        while self.next_is(_SIGNS):
            parts.append((self.step().text, self.product(depth)))
        return _joined("+", parts)

    def product(self, depth: int) -> Tree:
        parts = [("*", self.signed(depth))]
        while True:
            if self.next_is(_FACTORS):
                sign = self.step().text
                parts.append(("/" if sign == "/" else "*", self.signed(depth)))
            elif self.next_is(_OPEN):
                parts.append(("*", self.group(depth)))
            else:
                return _joined("*", parts)

    def signed(self, depth: int) -> Tree:
        negative = False
        while self.next_is(_SIGNS):
            negative ^= self.step().text == "-"
        value = self.power(depth)
        if not negative:
            return value
        return -value if isinstance(value, Fraction) else ("+", ("-", value))

    def power(self, depth: int) -> Tree:
        base = self.atom(depth)
        if not self.next_is(frozenset("^")):
            return base
        self.step()
        if depth >= MAX_DEPTH:
            raise UncheckedError("nested too deep")
        return ("^", base, self.signed(depth + 1))

    def atom(self, depth: int) -> Tree:
        if self.next_is(_OPEN):
            return self.group(depth)
        if self.place >= len(self.tokens) or self.tokens[self.place].kind != "number":
            raise UncheckedError("not a number")
        token = self.step()
        return token.value / 100 if token.percent else token.value

    def group(self, depth: int) -> Tree:
        self.step()
        value = self.sum(depth + 1)
        if not self.next_is(_CLOSE):
            raise UncheckedError("bracket not closed")
        self.step()
        return value


def _joined(operator: str, parts: list[tuple[str, Tree]]) -> Tree:
    """One node for a chain of terms or factors; a chain of one is that one."""
    if len(parts) == 1:
        return parts[0][1]
    flat: list[tuple[str, Tree]] = []
    for sign, part in parts:
        same = sign == operator and isinstance(part, tuple) and part[0] == operator
        flat.extend(part[1:] if same else [(sign, part)])  # type: ignore[index]
    return (operator, *flat)


def spell(tree: Tree, number: Spell = show) -> str:
    """Write a tree with its terms and factors in sorted order; `number` writes the numbers.

    >>> spell(("+", ("+", Fraction(4)), ("-", Fraction(3))))
    '(+4 -3)'
    """
    if isinstance(tree, Fraction):
        return number(tree)
    if tree[0] == "^":
        return f"({spell(tree[1], number)}^{spell(tree[2], number)})"
    return f"({' '.join(sorted(sign + spell(part, number) for sign, part in tree[1:]))})"


def numbers(tree: Tree) -> Iterator[Fraction]:
    """Yield the numbers of a tree, left to right."""
    if isinstance(tree, Fraction):
        yield tree
    elif tree[0] == "^":
        yield from numbers(tree[1])
        yield from numbers(tree[2])
    else:
        for _, part in tree[1:]:
            yield from numbers(part)
