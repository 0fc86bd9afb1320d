"""A bounded grammar for written arithmetic over exact rationals: tokens of running text → value.

    sum     := product (('+' | '-') product)*
    product := signed (('*' | '/' | 'of') signed | '(' sum ')')*
    signed  := '-'* power
    power   := atom ('^' signed)?
    atom    := number | '(' sum ')'

A number may carry a currency sign, a per cent sign, a multiplier ("million", "dozen") and the words of
its unit ("12 eggs + 5 eggs"); these are kept beside the value. Nothing is evaluated by Python, powers are
bounded.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from fractions import Fraction
from typing import Literal, NamedTuple

from cotmill.verify.words import CARDINALS

Kind = Literal["number", "operator", "open", "close", "equals", "word", "break"]
MAX_POWER = 64
MAX_BITS = 4_000
MAX_DEPTH = 40


class Token(NamedTuple):
    """One token; a number knows its value and what was written around it."""

    kind: Kind
    text: str
    value: Fraction = Fraction(0)
    places: int = -1
    """Decimal places as written; -1 for what is not a plain number."""
    percent: bool = False
    unit: str = ""
    """The multiplier ("million") or the currency sign that was written with a number."""
    start: int = 0
    end: int = 0


class UncheckedError(ArithmeticError):
    """A side is not arithmetic, or over the bounds."""


_LEX = re.compile(
    r"(?P<clock>\d{1,2}:\d{2}\b)|"
    r"(?P<mixed>\d+ \d+/\d+)(?![\d/])|"
    r"(?P<number>(?:\d{1,3}(?:,\d{3})+(?!\d)|\d+)(?:\.\d+)?(?:[eE][-+]?\d{1,3}(?!\w))?|\.\d+)|"
    r"(?P<equals>={1,2}(?!>)|≈|\\approx)|"
    r"(?P<operator>\*\*|[-+*/^]|(?<=[\s\d)%])[xX](?=\s*[\d($€£.]))|"
    r"(?P<currency>[$€£¥])|(?P<open>[({\[])|(?P<close>[)}\]])|(?P<percent>%)|(?P<word>[^\W\d_]+(?:['-][^\W\d_]+)*\.?(?=\s?[a-z]|\b)|_)|"
    r"(?P<space>[\s~]+)|(?P<break>.)",
    re.DOTALL,
)
_MULTIPLIERS = {
    "hundred": 100, "thousand": 1_000, "million": 10**6, "billion": 10**9, "dozen": 12, "dozens": 12,
    "k": 1_000, "percent": 1,
}  # fmt: skip
_WORD_OPERATORS = {"plus": "+", "minus": "-", "times": "*", "of": "of"}
_WORD_NUMBERS = {
    "half": Fraction(1, 2),
    "third": Fraction(1, 3),
    "quarter": Fraction(1, 4),
    "fourth": Fraction(1, 4),
}
MAX_DIGITS = 400


def tokenise(text: str) -> list[Token]:
    """Split text into tokens; currency signs and spaces vanish."""
    tokens: list[Token] = []
    currency = ""
    for match in _LEX.finditer(text):
        kind = match.lastgroup or "break"
        if kind in ("currency", "space"):
            currency = match[0] if kind == "currency" else currency
            continue
        if kind == "percent" and tokens and tokens[-1].kind == "number":
            tokens[-1] = tokens[-1]._replace(percent=True, end=match.end())
        elif kind in ("number", "mixed"):
            tokens.append(_number(match, currency))
        elif kind == "word":
            _word(match, tokens)
        else:
            tokens.append(_mark(kind, match))
        currency = ""
    return tokens


def _mark(kind: str, match: re.Match[str]) -> Token:
    if kind == "operator":
        text = {"x": "*", "X": "*", "**": "^"}.get(match[0], match[0])
        return Token("operator", text, start=match.start(), end=match.end())
    if kind in ("open", "close", "equals"):
        return Token(kind, match[0], start=match.start(), end=match.end())  # type: ignore[arg-type]
    return Token("break", match[0], start=match.start(), end=match.end())


def _number(match: re.Match[str], currency: str) -> Token:
    text = match[0]
    if len(text) > MAX_DIGITS or (text[0] == "0" and text.isdigit() and len(text) > 1):
        return Token("break", text, start=match.start(), end=match.end())
    if match.lastgroup == "mixed":
        whole, _, part = text.partition(" ")
        top, _, bottom = part.partition("/")
        if int(bottom) == 0:
            return Token("break", text, start=match.start(), end=match.end())
        return Token(
            "number", text, int(whole) + Fraction(int(top), int(bottom)), start=match.start(), end=match.end()
        )
    plain = text.replace(",", "")
    places = len(plain.partition(".")[2]) if "e" not in plain.lower() else -1
    return Token("number", text, Fraction(plain), places, unit=currency, start=match.start(), end=match.end())


def _word(match: re.Match[str], tokens: list[Token]) -> None:
    """Append a word, or let it multiply or join the number before it."""
    word = match[0].rstrip(".").lower()
    last = tokens[-1] if tokens else None
    if last is not None and last.kind == "number" and not last.unit and word in _MULTIPLIERS:
        percent = last.percent or word == "percent"
        by = _MULTIPLIERS[word]
        places = last.places if by == 1 else -1
        scaled = "" if by == 1 else word
        tokens[-1] = last._replace(
            value=last.value * by, percent=percent, places=places, unit=scaled, end=match.end()
        )
    elif word in _WORD_OPERATORS:
        tokens.append(Token("operator", _WORD_OPERATORS[word], start=match.start(), end=match.end()))
    elif word in ("equals", "equal"):
        tokens.append(Token("equals", "=", start=match.start(), end=match.end()))
    elif word in _WORD_NUMBERS:
        tokens.append(Token("word", word, _WORD_NUMBERS[word], start=match.start(), end=match.end()))
    elif word in CARDINALS and word != "one":
        tokens.append(Token("word", word, Fraction(CARDINALS[word]), 0, start=match.start(), end=match.end()))
    else:
        tokens.append(Token("word", word, start=match.start(), end=match.end()))
    if match[0].endswith("."):
        tokens.append(Token("break", ".", start=match.end() - 1, end=match.end()))


class Value(NamedTuple):
    """The value of a side, and how it was written."""

    value: Fraction
    operations: int
    operands: tuple[Token, ...]


def evaluate_tokens(tokens: Sequence[Token], *, percent: bool) -> Value:
    """Evaluate a whole side; `percent`: 20% is 1/5 (else 20).

    Raises:
        UncheckedError: the tokens are not one expression, or over a bound.
    """
    reader = _Arithmetic(tokens, percent=percent)
    try:
        value = reader.sum(0)
    except ZeroDivisionError as error:
        raise UncheckedError("division by zero") from error
    if reader.place != len(tokens):
        raise UncheckedError("not arithmetic")
    return Value(value, reader.operations, tuple(reader.operands))


_SIGNS, _FACTORS, _POWER = frozenset("+-"), frozenset({"*", "/", "of"}), frozenset("^")
_OPEN, _CLOSE = frozenset("([{"), frozenset(")]}")


class Cursor:
    """A place among tokens, for recursive descent."""

    def __init__(self, tokens: Sequence[Token]) -> None:
        """Begin at the first token."""
        self.tokens, self.place = tokens, 0

    def next_is(self, wanted: frozenset[str]) -> bool:
        """Whether the next token is an operator or bracket of those; numbers are asked for by kind."""
        if self.place >= len(self.tokens):
            return False
        token = self.tokens[self.place]
        return token.kind != "number" and token.text in wanted

    def step(self) -> Token:
        """Take the next token."""
        self.place += 1
        return self.tokens[self.place - 1]


class _Arithmetic(Cursor):
    """Recursive descent that computes as it reads."""

    def __init__(self, tokens: Sequence[Token], *, percent: bool) -> None:
        super().__init__(tokens)
        self.percent, self.operations = percent, 0
        self.operands: list[Token] = []

    def sum(self, depth: int) -> Fraction:
        if depth > MAX_DEPTH:
            raise UncheckedError("nested too deep")
        value = self.product(depth)
        while self.next_is(_SIGNS):
            sign = self.step().text
            other = self.product(depth)
            value = self.bounded(value + other if sign == "+" else value - other)
        return value

    def product(self, depth: int) -> Fraction:
        value = self.signed(depth)
        while True:
            if self.next_is(_FACTORS):
                sign = self.step().text
                other = self.signed(depth)
                value = self.bounded(value / other if sign == "/" else value * other)
            elif self.next_is(_OPEN):
                value = self.bounded(value * self.group(depth))
            else:
                return value

    def signed(self, depth: int) -> Fraction:
        negative = False
        while self.next_is(_SIGNS):
            negative ^= self.step().text == "-"
        value = self.power(depth)
        return -value if negative else value

    def power(self, depth: int) -> Fraction:
        base = self.atom(depth)
        if not self.next_is(_POWER):
            return base
        self.step()
        exponent = self.signed(depth + 1) if depth < MAX_DEPTH else Fraction(MAX_POWER + 1)
        if exponent.denominator != 1 or abs(exponent) > MAX_POWER or (exponent < 0 and not base):
            raise UncheckedError("power out of bounds")
        return self.bounded(base**exponent.numerator)

    def atom(self, depth: int) -> Fraction:
        if self.next_is(_OPEN):
            return self.group(depth)
        if self.place >= len(self.tokens) or self.tokens[self.place].kind != "number":
            raise UncheckedError("not a number")
        token = self.step()
        self.operands.append(token)
        return token.value / 100 if token.percent and self.percent else token.value

    def group(self, depth: int) -> Fraction:
        self.step()
        value = self.sum(depth + 1)
        if not self.next_is(_CLOSE):
            raise UncheckedError("bracket not closed")
        self.step()
        return value

    def bounded(self, value: Fraction) -> Fraction:
        self.operations += 1
        if value.numerator.bit_length() > MAX_BITS or value.denominator.bit_length() > MAX_BITS:
            raise UncheckedError("number out of bounds")
        return value
