"""Check every equation that a trace writes: in `<<…>>` marks and in running text.

An equation is right, wrong, or could not be checked, and these are counted apart. Only what is read in full can
be wrong: a name, a missing operation, a unit that changes, or prose that may belong to the left-hand side makes
an equation unchecked, never wrong. Rounding to the last written digit of a plain number is right and recorded.

Differs from the RFT code (Yuan et al. 2023, arXiv 2308.01825): no `eval`, chains in full, running text, money,
percentages, thousands separators; a trace without equations has zero of each, it does not "pass".
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from enum import StrEnum
from fractions import Fraction
from typing import Literal, NamedTuple

from cotmill.verify.arithmetic import Token, Unchecked, Value, evaluate_tokens, tokenise
from cotmill.verify.clean import plain_unicode
from cotmill.verify.units import UNITS

MAX_TEXT = 40_000
MAX_EQUATIONS = 400
MAX_SIDE = 80
"""Tokens of one side; a longer sum is unchecked."""
FLOAT_DIGITS = 9


class Status(StrEnum):
    """What is known about one written equation."""

    RIGHT = "right"
    WRONG = "wrong"
    UNCHECKED = "unchecked"


class Equation(NamedTuple):
    """One link a = b of a chain, as written."""

    text: str
    status: Status
    where: Literal["mark", "text"]
    rounded: bool
    reason: str
    operands: tuple[Fraction, ...]
    result: Fraction | None
    start: int


class EquationFinding(NamedTuple):
    """All equations of a trace, and how many are right, wrong and unchecked."""

    equations: tuple[Equation, ...]
    right: int
    wrong: int
    unchecked: int
    rounded: int

    @property
    def first_wrong(self) -> str | None:
        """The first equation that does not hold."""
        return next((found.text for found in self.equations if found.status is Status.WRONG), None)


_MARK = re.compile(r"<<([^<>\n]{1,400})>>")
_HALT_WORDS = frozenset(
    "and or so then is are was were which that he she they it has have had for to but because since if when gives "
    "makes make with from by per we you i the a an each in on at total costs cost need needs remainder r was spends "
    "earns gets paid pays plus minus therefore hence thus".split()
)
_UNSURE_BEFORE = frozenset("of by per times each and than between from to remaining every".split())
_UNSURE_AFTER = frozenset("remainder r and rem or to".split())
MAX_UNIT_WORDS = 3


def check_equations(trace: str) -> EquationFinding:
    """Find and check the equations of a trace.

    >>> finding = check_equations("She has 12 + 5 = <<12+5=17>>17 eggs, then 17 x 2 = 35.")
    >>> finding.right, finding.wrong, finding.first_wrong
    (2, 1, '17 x 2 = 35')
    """
    if "=" not in trace and "≈" not in trace and "equal" not in trace:
        return EquationFinding((), 0, 0, 0, 0)
    found = []
    for equation in _all_equations(trace[:MAX_TEXT]):
        found.append(equation)
        if len(found) >= MAX_EQUATIONS:
            break
    found.sort(key=lambda equation: equation.start)
    counts = {status: sum(item.status is status for item in found) for status in Status}
    return EquationFinding(
        tuple(found), counts[Status.RIGHT], counts[Status.WRONG], counts[Status.UNCHECKED],
        sum(item.rounded for item in found),
    )  # fmt: skip


def _all_equations(trace: str) -> Iterator[Equation]:
    for match in _MARK.finditer(trace):
        yield from _links(tokenise(plain_unicode(match[1])), "mark", match[1], match.start())
    text = _MARK.sub(lambda match: " " * len(match[0]), trace)
    start = 0
    for line in _lines(_arithmetic_spelling(text)):
        if "=" in line or "≈" in line or "approx" in line or "equal" in line:
            yield from _links(tokenise(_BULLET.sub("", line)), "text", _BULLET.sub("", line), start)
        start += len(line) + 1


_BULLET = re.compile(r"^\s*(?:[-*•+]|\d{1,2}[.)])\s+")
_CONTINUED = re.compile(r"\n\s*(?==)")
_FRAC = re.compile(r"\\[dt]?frac\s*\{([^{}]*)\}\s*\{([^{}]*)\}")
_LATEX = (
    (re.compile(r"\\(?:times|cdot|ast)(?![A-Za-z])"), "*"),
    (re.compile(r"\\div(?![A-Za-z])"), "/"),
    (re.compile(r"\\(?:left|right|displaystyle|,|;|!| )"), " "),
    (re.compile(r"\\(?:text|mathrm|textbf|mathbf|boxed)\s*\{([^{}]*)\}"), r" \1 "),
    (re.compile(r"\\([%$#])"), r"\1"),
    (re.compile(r"\\[()\[\]]"), "\n"),
)


def _arithmetic_spelling(text: str) -> str:
    text = _CONTINUED.sub(" ", plain_unicode(text))
    if "\\" not in text:
        return text
    for _ in range(3):
        text = _FRAC.sub(r"((\1)/(\2))", text)
    for pattern, plain in _LATEX:
        text = pattern.sub(plain, text)
    return text


def _lines(text: str) -> list[str]:
    return text.split("\n")


def _links(tokens: list[Token], where: Literal["mark", "text"], text: str, start: int) -> Iterator[Equation]:
    """Every link of every chain in one line."""
    signs = [place for place, token in enumerate(tokens) if token.kind == "equals"]
    for number, place in enumerate(signs):
        before = signs[number - 1] + 1 if number else 0
        after = signs[number + 1] if number + 1 < len(signs) else len(tokens)
        left = _suffix(tokens[max(before, place - MAX_SIDE) : place], is_chain=number > 0)
        right = _prefix(tokens[place + 1 : min(after, place + 1 + MAX_SIDE)], whole=after < len(tokens))
        if not (left.tokens or right.tokens) or not _has_digits(tokens[before:after]):
            continue
        yield _link(left, right, tokens[place], where, text, start)


class _Side(NamedTuple):
    """The arithmetic next to an equals sign: its tokens without units, the units, and whether it may be cut."""

    tokens: tuple[Token, ...]
    units: tuple[str, ...]
    sure: bool


_NO_SIDE = _Side((), (), False)


def _has_digits(tokens: Sequence[Token]) -> bool:
    return any(token.kind == "number" for token in tokens)


def _suffix(tokens: Sequence[Token], *, is_chain: bool) -> _Side:
    """The longest arithmetic that ends right before the sign."""
    tokens = _last_clause(tokens)
    for cut in range(len(tokens)):
        if _may_start(tokens[cut]) and (side := _readable(tokens[cut:])) is not None:
            sure = _stands_alone(tokens[:cut], tokens[cut:], is_chain=is_chain)
            return side._replace(sure=side.sure and sure)
    return _NO_SIDE


def _stands_alone(before: Sequence[Token], side: Sequence[Token], *, is_chain: bool) -> bool:
    """Whether the words before a left-hand side cannot belong to it."""
    signs = [place for place, token in enumerate(side) if token.kind in ("operator", "open")]
    operation = side[0].text != "-" and any(not _is_rate(side, place) or side[place].text != "/" for place in signs)
    if not before:
        return operation or is_chain
    last = before[-1]
    if last.kind != "word" or last.text in _UNSURE_BEFORE or last.value or len(last.text) == 1:
        return False
    return operation and not (is_chain and _has_digits(before))


def _last_clause(tokens: Sequence[Token]) -> Sequence[Token]:
    for place in range(len(tokens) - 1, -1, -1):
        if tokens[place].kind == "break":
            return tokens[place + 1 :]
    return tokens


def _prefix(tokens: Sequence[Token], *, whole: bool) -> _Side:
    """The longest arithmetic that starts right after the sign; `whole`: another sign follows."""
    end = next((place for place, token in enumerate(tokens) if token.kind == "break"), len(tokens))
    if tokens[end : end + 1] and tokens[end].text[0].isdigit():
        return _prefix(tokens[:end], whole=whole)._replace(sure=False)
    broken, tokens = end < len(tokens), tokens[:end]
    for cut in range(len(tokens), 0, -1):
        last = tokens[cut - 1]
        if last.kind in ("number", "close") and (side := _readable(tokens[:cut])) is not None:
            rest = tokens[cut:]
            unit = _unit_of(rest)
            follows = rest[len(unit)] if len(unit) < len(rest) else None
            odd = rest and (rest[0].text in _UNSURE_AFTER or rest[0].kind in ("operator", "open", "number") or bool(rest[0].value))
            odd = odd or (follows is not None and follows.kind in ("operator", "open") and not whole)
            odd = odd or (follows is not None and follows.text in ("and", "remainder") and _has_digits(rest))
            cut_short = whole and not broken and follows is not None
            return _Side(side.tokens, side.units + _names(unit), side.sure and not odd and not cut_short)
    return _NO_SIDE


def _unit_of(tokens: Sequence[Token]) -> Sequence[Token]:
    """The words right after a number that name its unit."""
    count = 0
    for token in tokens[: MAX_UNIT_WORDS + 1]:
        slash = token.text == "/" and count and tokens[count + 1 : count + 2] and tokens[count + 1].kind == "word"
        if not slash and (token.kind != "word" or token.text in _HALT_WORDS or token.value):
            break
        count += 1
    return tokens[:count]


def _names(unit: Sequence[Token]) -> tuple[str, ...]:
    return (" ".join(token.text for token in unit),) if unit else ()


def _may_start(token: Token) -> bool:
    return token.kind in ("number", "open") or token.text == "-" or bool(token.value)


def _readable(tokens: Sequence[Token]) -> _Side | None:
    """The tokens without unit words, if they are then one expression."""
    kept: list[Token] = []
    units: list[str] = []
    place = 0
    while place < len(tokens):
        token = tokens[place]
        if token.kind == "word" and token.value and _is_part(tokens, place):
            kept.append(token._replace(kind="number"))
        elif token.kind == "word":
            unit = _unit_of(tokens[place:])
            if not unit or not kept or kept[-1].kind not in ("number", "close"):
                return None
            units.extend(_names(unit))
            place += len(unit) - 1
            place += _power_of_unit(tokens[place + 1 : place + 5])
            if place + 1 < len(tokens) and tokens[place + 1].kind == "open":
                units.append("(")
        elif token.text == "/" and kept and _is_rate(tokens, place):
            place += 1
            units.append("/" + tokens[place].text)
        else:
            kept.append(token)
        place += 1
    try:
        evaluate_tokens(kept, percent=True)
    except Unchecked as problem:
        return _Side(tuple(kept), tuple(units), False) if "bounds" in str(problem) or "zero" in str(problem) else None
    return _Side(tuple(kept), tuple(units), _plainly_read(kept, units))


def _plainly_read(kept: Sequence[Token], units: Sequence[str]) -> bool:
    """Whether there is one way to read the side: no "3 boxes of 12", no 28 / 1/5, no 2x, no "2 billion"."""
    texts = [token.text for token in kept]
    if any(text == "of" and not _is_share(kept, place) for place, text in enumerate(texts)):
        return False
    if any(first == third == "/" for first, third in zip(texts, texts[2:], strict=False)):
        return False
    if any(token.unit.isalpha() for token in kept):
        return False
    known = {UNITS[unit] for unit in units if unit in UNITS}
    mixed = any(a.dimension == b.dimension and a != b for a in known for b in known)
    return not mixed and not any(len(word) == 1 for unit in units for word in unit.strip("/").split())


def _power_of_unit(tokens: Sequence[Token]) -> int:
    """How many tokens raise a unit to a power: m^2, m^{2}."""
    texts = "".join(token.text for token in tokens)
    return 2 if re.match(r"\^[23]", texts) else 4 if re.match(r"\^\{[23]\}", texts) else 0


def _is_part(tokens: Sequence[Token], place: int) -> bool:
    """Whether "half" stands for a number here: "half of 10"."""
    return place + 1 < len(tokens) and tokens[place + 1].text == "of"


def _is_rate(tokens: Sequence[Token], place: int) -> bool:
    """Whether a slash belongs to a unit: $5/hour."""
    return place + 1 < len(tokens) and tokens[place + 1].kind == "word" and not tokens[place + 1].value


def _is_share(tokens: Sequence[Token], place: int) -> bool:
    """Whether "of" multiplies: after a percentage, a fraction or a part."""
    if place == 0:
        return False
    before = tokens[place - 1]
    return before.percent or before.value.denominator != 1 or (place >= 2 and tokens[place - 2].text == "/")


def _link(left: _Side, right: _Side, sign: Token, where: Literal["mark", "text"], text: str, start: int) -> Equation:
    """Judge one link; the text is what was read on both sides."""
    ends = [token.end for side in (left, right) for token in side.tokens] + [sign.end]
    starts = [token.start for side in (left, right) for token in side.tokens] + [sign.start]
    first = _from_currency(text, min(starts)) if left.tokens else max(0, min(starts) - 24)
    written = " ".join(text[first : max(ends) if right.tokens else max(ends) + 24].split())
    place = start + first
    if not left.tokens or not right.tokens:
        return Equation(written, Status.UNCHECKED, where, False, "a side is not arithmetic", (), None, place)
    try:
        status, rounded, reason = _compare(left, right, approximate=sign.text != "=" and sign.text != "==", where=where)
        one, other = evaluate_tokens(left.tokens, percent=True), evaluate_tokens(right.tokens, percent=True)
    except Unchecked as problem:
        return Equation(written, Status.UNCHECKED, where, False, str(problem), (), None, place)
    return Equation(written, status, where, rounded, reason, *_roles(one, other), place)


def _roles(left: Value, right: Value) -> tuple[tuple[Fraction, ...], Fraction | None]:
    """The operands of a link and its result: the side without operations is the result."""
    if left.operations and right.operations:
        return tuple(token.value for side in (left, right) for token in side.operands), right.value
    if left.operations:
        return tuple(token.value for token in left.operands), right.operands[0].value
    if right.operations:
        return tuple(token.value for token in right.operands), left.operands[0].value
    return (), None


def _from_currency(text: str, start: int) -> int:
    return start - 1 if start and text[start - 1] in "$€£¥" else start


def _compare(left: _Side, right: _Side, *, approximate: bool, where: str) -> tuple[Status, bool, str]:
    readings = [True, False] if any(token.percent for token in (*left.tokens, *right.tokens)) else [True]
    pairs = [(evaluate_tokens(left.tokens, percent=p), evaluate_tokens(right.tokens, percent=p)) for p in readings]
    for first, last in pairs:
        if first.value == last.value:
            return Status.RIGHT, False, ""
    for first, last in pairs:
        if _rounds(first, last) or _rounds(last, first) or (approximate and _near(first.value, last.value)):
            return Status.RIGHT, True, "rounded"
    first, last = pairs[0]
    if _converts(left, right, first.value, last.value):
        return Status.RIGHT, False, "units converted"
    if not first.operations and not last.operations:
        return Status.UNCHECKED, False, "no operation"
    if _before_words(right) == first.value:
        return Status.RIGHT, False, "the words after the number are prose"
    if not (left.sure and right.sure):
        return Status.UNCHECKED, False, "prose may belong to it"
    if where == "text" and _other_units(left, right):
        return Status.UNCHECKED, False, "units change"
    return Status.WRONG, False, f"left is {_short(first.value)}, right is {_short(last.value)}"


def _before_words(side: _Side) -> Fraction | None:
    """The value of a side up to the words that may be prose: 20 of "20 times 2"; None without such words."""
    for place, token in enumerate(side.tokens):
        if token.kind == "operator" and token.end - token.start > 1 and token.text != "^":
            return evaluate_tokens(side.tokens[:place], percent=True).value if place else None
    return None


def _rounds(exact: Value, written: Value) -> bool:
    """Whether a plain written number is the other side rounded, or cut, at its last digit."""
    if written.operations or not written.operands or written.operands[0].places < 0 or not written.value:
        return False
    places = written.operands[0].places + (2 if written.operands[0].percent else 0)
    error, unit = abs(exact.value - written.value), Fraction(1, 10**places)
    if places >= FLOAT_DIGITS:
        return error * 10**FLOAT_DIGITS <= abs(written.value)
    cut = places >= 2 and error < unit and abs(written.value) < abs(exact.value)
    return error * 2 <= unit or cut


def _near(a: Fraction, b: Fraction) -> bool:
    """Whether an ≈ may stand between two values: within 5 %."""
    return abs(a - b) * 20 <= max(abs(a), abs(b))


def _known_units(side: _Side) -> set[str]:
    return {name for name in side.units if name in UNITS}


def _converts(left: _Side, right: _Side, first: Fraction, last: Fraction) -> bool:
    """Whether both sides are the same amount in two units: 30 minutes * 2 = 1 hour."""
    units = [_known_units(side) or _currency(side) for side in (left, right)]
    if units[0] in ({"cents"}, {"cent"}) and not units[1]:
        return first == last * 100
    if units[1] in ({"cents"}, {"cent"}) and not units[0]:
        return first * 100 == last
    if any(len(names) != 1 for names in units):
        return False
    one, other = UNITS[units[0].pop()], UNITS[units[1].pop()]
    return one.dimension == other.dimension and first * one.factor == last * other.factor


def _currency(side: _Side) -> set[str]:
    return {token.unit for token in side.tokens if token.unit in UNITS}


def _other_units(left: _Side, right: _Side) -> bool:
    units = _known_units(left), _known_units(right)
    return bool(units[0] and units[1] and not units[0] & units[1])


def _short(value: Fraction) -> str:
    if value.denominator == 1:
        return str(value.numerator) if value.numerator.bit_length() < 200 else "a large number"
    return f"{float(value):.6g}" if max(value.numerator.bit_length(), value.denominator.bit_length()) < 900 else "a large number"
