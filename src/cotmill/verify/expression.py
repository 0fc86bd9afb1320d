r"""A bounded grammar for one expression, in LaTeX or in ASCII: text → tree.

    sum     := term (('+' | '-') term)*
    term    := signed (('*' | '/' | nothing) signed)*          nothing: 2x, 3\sqrt{2}, (a)(b)
    signed  := ('-' | '+')* power
    power   := postfix ('^' signed-or-group)?                  right associative
    postfix := atom ('!' | '%' | degree)*
    atom    := number | name | group | \frac | \sqrt | \binom | \log | |sum|

Length and depth are bounded, nothing is evaluated here, and what is not in the grammar gives `None`.
"""

from __future__ import annotations

import re
from fractions import Fraction
from functools import lru_cache
from typing import TypeAlias

MAX_LENGTH = 2_000
MAX_DEPTH = 60
Tree: TypeAlias = tuple  # ("num", Fraction) | ("name", str) | (operation, Tree, ...)

_TOKEN = re.compile(
    r"\s*(?:(?P<number>(?:\d{1,3}(?:,\d{3})+(?!\d)|\d+)(?:\.\d+)?|\.\d+)|(?P<command>\\[A-Za-z]+)|"
    r"(?P<name>[A-Za-z]+)|(?P<mark>\*\*|\\[{}]|\^|[-+*/(){}\[\]|!%_,]))"
)
_OPENING = {"(": ")", "{": "}", "[": "]", "\\{": "\\}"}
_GREEK = frozenset(
    [
        "alpha",
        "beta",
        "gamma",
        "delta",
        "epsilon",
        "theta",
        "lambda",
        "mu",
        "nu",
        "rho",
        "sigma",
        "tau",
        "phi",
        "psi",
        "omega",
        "Delta",
        "Omega",
        "Phi",
        "varphi",
    ]
)
_TRIGONOMETRY = ("sin", "cos", "tan", "cot", "sec", "csc")
_INVERSE = {
    "arcsin": "arcsin",
    "arccos": "arccos",
    "arctan": "arctan",
    "asin": "arcsin",
    "acos": "arccos",
    "atan": "arctan",
}
_FUNCTIONS = frozenset({*_INVERSE, "sqrt", "ln", "exp", "abs", "factorial", "cbrt", *_TRIGONOMETRY})
_TIMES = frozenset({"\\cdot", "\\times", "*", "\\ast"})


_CHOOSE = re.compile(
    r"(?:\{\}\s*)?(?:[_^]\s*\{?\s*)?(?<![\d.])(?P<n>\d{1,4})\s*\}?\s*(?P<kind>[CP])\s*_?\s*\{?\s*(?P<k>\d{1,4})(?![\d.])\s*\}?|"
    r"(?<![A-Za-z])(?P<kind2>[CP])\s*\(\s*(?P<n2>\d{1,4})\s*,\s*(?P<k2>\d{1,4})\s*\)"
)


def _chosen(match: re.Match[str]) -> str:
    """Write 6C2, {}_6C_2 and C(6,2) as a binomial, 6P2 as a quotient of factorials."""
    n, kind, k = (match[name] or match[f"{name}2"] for name in ("n", "kind", "k"))
    if kind == "C":
        return f"\\binom{{{n}}}{{{k}}}"
    return f"\\frac{{{n}!}}{{({n}-{k})!}}"


_DERIVATIVE = re.compile(r"\\frac\s*\{?\s*d\s*\}?\s*\{?\s*d\s*[a-z]")


class NotInGrammarError(ValueError):
    """The text is not an expression of this grammar."""


@lru_cache(16384)
def read_expression(text: str) -> Tree | None:
    """Read a whole text as one expression; None when it is not in the grammar or over a bound.

    >>> read_expression("2x+1")
    ('+', ('*', ('num', Fraction(2, 1)), ('name', 'x')), ('num', Fraction(1, 1)))
    """
    if not text or len(text) > MAX_LENGTH or _DERIVATIVE.search(text):
        return None
    try:
        reader = _Reader(_tokens(_CHOOSE.sub(_chosen, text) if "C" in text or "P" in text else text))
        tree = reader.sum(0)
        return tree if reader.at_end else None
    except NotInGrammarError:
        return None


def names_of(tree: Tree) -> frozenset[str]:
    """The variables of an expression."""
    if tree[0] == "name":
        return frozenset({tree[1]})
    return frozenset().union(*(names_of(part) for part in tree[1:] if isinstance(part, tuple)))


def _tokens(text: str) -> list[str]:
    tokens, place, text = [], 0, text.rstrip()
    while place < len(text):
        match = _TOKEN.match(text, place)
        if match is None:
            raise NotInGrammarError(text[place : place + 10])
        place = match.end()
        token = match[match.lastgroup or 0]
        if match.lastgroup == "name":
            tokens.extend(_split_name(token, tokens, text[place:].lstrip()[:1]))
        else:
            tokens.append("^" if token == "**" else token)
    return tokens


def _split_name(word: str, before: list[str], after: str) -> list[str]:
    """Letters that touch are a product (xy), unless they spell a function or pi; 3 x 4 is a product."""
    if word in ("x", "X") and before and before[-1][-1].isdigit() and after.isdigit():
        return ["*"]
    if word in _FUNCTIONS or word == "pi":
        return ["\\" + word]
    if len(word) > 3:
        raise NotInGrammarError(word)
    return list(word)


class _Reader:
    """Recursive descent over a list of tokens."""

    def __init__(self, tokens: list[str]) -> None:
        self.tokens, self.place = tokens, 0

    @property
    def at_end(self) -> bool:
        return self.place >= len(self.tokens)

    @property
    def next(self) -> str:
        return self.tokens[self.place] if self.place < len(self.tokens) else ""

    def take(self, *wanted: str) -> str | None:
        """Consume the next token if it is one of those."""
        if self.next and self.next in wanted:
            self.place += 1
            return self.tokens[self.place - 1]
        return None

    def need(self, wanted: str) -> None:
        if self.take(wanted) is None:
            raise NotInGrammarError(f"{wanted} expected, found {self.next!r}")

    def sum(self, depth: int) -> Tree:
        if depth > MAX_DEPTH:
            raise NotInGrammarError("too deep")
        tree = self.term(depth + 1)
        while sign := self.take("+", "-"):
            tree = (sign, tree, self.term(depth + 1))
        return tree

    def term(self, depth: int) -> Tree:
        tree = self.signed(depth)
        while not self.at_end:
            if self.take(*_TIMES):
                tree = ("*", tree, self.signed(depth))
            elif self.take("/", "\\div"):
                tree = ("/", tree, self.signed(depth))
            elif self._starts_factor():
                factor = self.power(depth)
                mixed = tree[0] == "num" and factor[0] == "/" and _proper(factor)
                tree = ("+" if mixed else "*", tree, factor)
            else:
                break
        return tree

    def _starts_factor(self) -> bool:
        token = self.next
        return (
            token in ("(", "{", "[")
            or token[0].isalpha()
            or (token[0] == "\\" and token not in ("\\}", "\\div"))
        )

    def signed(self, depth: int) -> Tree:
        negative = False
        while sign := self.take("+", "-"):
            negative ^= sign == "-"
        tree = self.power(depth)
        return ("neg", tree) if negative else tree

    def power(self, depth: int) -> Tree:
        if depth > MAX_DEPTH:
            raise NotInGrammarError("too deep")
        tree = self.postfix(depth)
        if self.take("^"):
            if self.take("\\circ"):
                return ("degree", tree)
            exponent = self.signed(depth + 1)
            return ("degree", tree) if exponent == ("name", "\\circ") else ("^", tree, exponent)
        return tree

    def postfix(self, depth: int) -> Tree:
        tree = self.atom(depth)
        while mark := self.take("!", "%"):
            tree = (mark, tree)
        return tree

    def atom(self, depth: int) -> Tree:
        token = self.next
        if not token:
            raise NotInGrammarError("unfinished")
        if token in _OPENING:
            return self.group(depth)
        self.place += 1
        if token[0].isdigit() or token[0] == ".":
            return ("num", Fraction(token.replace(",", "")))
        if token == "|":
            tree = self.sum(depth + 1)
            self.need("|")
            return ("abs", tree)
        if token[0] == "\\":
            return self.command(token[1:], depth)
        if token[0].isalpha():
            return ("name", token + self._subscript())
        raise NotInGrammarError(token)

    def _subscript(self) -> str:
        if not self.take("_"):
            return ""
        if self.take("{"):
            label = "".join(self._until("}"))
        else:
            label, self.place = self.next, self.place + 1
        return "_" + label

    def _until(self, end: str) -> list[str]:
        start = self.place
        while self.next and self.next != end:
            self.place += 1
        self.need(end)
        return self.tokens[start : self.place - 1]

    def group(self, depth: int) -> Tree:
        closing = _OPENING[self.tokens[self.place]]
        self.place += 1
        tree = self.sum(depth + 1)
        self.need(closing)
        return tree

    def argument(self, depth: int) -> Tree:
        r"""One LaTeX argument: a group, one digit of a number, or one atom (\frac12, \sqrt2)."""
        token = self.next
        if token in _OPENING:
            return self.group(depth)
        if token.isdigit() and len(token) > 1:
            self.tokens[self.place : self.place + 1] = [token[0], token[1:]]
        return self.atom(depth + 1)

    def command(self, name: str, depth: int) -> Tree:
        if name in _INVERSE:
            whole = self.next in _OPENING
            return (_INVERSE[name], self.power(depth + 1) if whole else self.factors(depth + 1))
        if name in _TRIGONOMETRY:
            return self.trigonometric(name, depth)
        if name in ("overline", "bar"):
            return self.overlined(depth)
        if name in _GREEK or name in ("pi", "circ"):
            return ("name", f"\\{name}" + self._subscript())
        return self.built(name, depth)

    def built(self, name: str, depth: int) -> Tree:
        if name == "frac":
            return ("/", self.argument(depth), self.argument(depth))
        if name in ("binom", "dbinom", "tbinom"):
            return ("binom", self.argument(depth), self.argument(depth))
        if name == "sqrt":
            index: Tree = self.group(depth) if self.next == "[" else ("num", Fraction(2))
            return ("root", self.argument(depth), index)
        if name == "cbrt":
            return ("root", self.argument(depth), ("num", Fraction(3)))
        if name in ("ln", "exp", "abs", "factorial"):
            return ({"factorial": "!"}.get(name, name), self.power(depth + 1))
        if name == "log" and self.take("_"):
            return ("log", self.argument(depth), self.power(depth + 1))
        raise NotInGrammarError(name)

    def overlined(self, depth: int) -> Tree:
        r"""\overline{3+4i} is a conjugate; \bar{x} and \overline{AB} are names of something else."""
        tree = self.argument(depth)
        if "i" not in names_of(tree):
            raise NotInGrammarError("overlined name")
        return ("conj", tree)

    def trigonometric(self, name: str, depth: int) -> Tree:
        r"""\sin x, \sin^2 x, \sin(2x), \cos 2x: without brackets, the argument ends at the next sign."""
        power = self.argument(depth + 1) if self.take("^") else None
        if power == ("neg", ("num", Fraction(1))):
            if name not in ("sin", "cos", "tan"):
                raise NotInGrammarError("inverse function")
            name, power = f"arc{name}", None
        tree = self.power(depth + 1) if self.next in _OPENING else self.factors(depth + 1)
        return (name, tree) if power is None else ("^", (name, tree), power)

    def factors(self, depth: int) -> Tree:
        """A product without signs, up to the next function."""
        tree = self.power(depth)
        while not self.at_end and self._starts_factor() and self.next.lstrip("\\") not in _TRIGONOMETRY:
            tree = ("*", tree, self.power(depth))
        if (
            self.next == "/"
            and tree[0] in ("name", "*")
            and self.tokens[self.place + 1 : self.place + 2] != ["("]
        ):
            self.place += 1
            tree = ("/", tree, self.power(depth))
        return tree


def _proper(tree: Tree) -> bool:
    r"""Whether a quotient is a fraction of whole numbers below one, as in 2\\frac{1}{3}."""
    top, bottom = tree[1], tree[2]
    return (
        top[0] == bottom[0] == "num"
        and top[1] < bottom[1]
        and top[1].denominator == bottom[1].denominator == 1
    )
