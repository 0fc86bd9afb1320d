"""Check every equation that a trace writes: in `<<…>>` marks and in running text.

An equation is right, wrong, or could not be checked, and these are counted apart. Only what is read in
full can be wrong: a name, a missing operation, a unit that changes, or prose that may belong to the
left-hand side makes an equation unchecked, never wrong. Rounding to the last written digit of a plain
number is right and recorded.

Differs from the RFT code (Yuan et al. 2023, arXiv 2308.01825): no `eval`, chains in full, running text,
money, percentages, thousands separators; a trace without equations has zero of each, it does not "pass".
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import lru_cache
from typing import Literal, NamedTuple

from cotmill.verify.arithmetic import Token, tokenise
from cotmill.verify.clean import plain_unicode
from cotmill.verify.links import Equation, Status, judge_link
from cotmill.verify.sides import has_digits, left_side, right_side

MAX_TEXT = 40_000
MAX_EQUATIONS = 200
MAX_SIDE = 40
"""Tokens of one side; a longer sum is unchecked."""


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
        for link in _mark_links(match[1]):
            yield link._replace(start=link.start + match.start())
    text = _MARK.sub(lambda match: " " * len(match[0]), trace)
    start = 0
    for line in _arithmetic_spelling(text).split("\n"):
        if "=" in line or "≈" in line or "approx" in line or "equal" in line:
            yield from _links(tokenise(_BULLET.sub("", line)), "text", _BULLET.sub("", line), start)
        start += len(line) + 1


@lru_cache(16384)
def _mark_links(mark: str) -> tuple[Equation, ...]:
    """The links of one mark; samples of one question write the same marks again and again."""
    return tuple(_links(tokenise(plain_unicode(mark)), "mark", mark, 0))


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


def _links(tokens: list[Token], where: Literal["mark", "text"], text: str, start: int) -> Iterator[Equation]:
    """Every link of every chain in one line."""
    signs = [place for place, token in enumerate(tokens) if token.kind == "equals"]
    for number, place in enumerate(signs):
        before = signs[number - 1] + 1 if number else 0
        after = signs[number + 1] if number + 1 < len(signs) else len(tokens)
        left = left_side(tokens[max(before, place - MAX_SIDE) : place], is_chain=number > 0)
        right = right_side(tokens[place + 1 : min(after, place + 1 + MAX_SIDE)], whole=after < len(tokens))
        if not (left.tokens or right.tokens) or not has_digits(tokens[before:after]):
            continue
        yield judge_link(left, right, tokens[place], where, text, start)
