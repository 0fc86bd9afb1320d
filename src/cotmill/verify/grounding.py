"""Where does every number of a solution come from, and where does it go?

A right answer reached by wrong reasoning passes the answer check and the equation check. So: every
operand must be a number of the question, an earlier result, or a constant of the world that the text
speaks of; the final answer must be the result of a step; results and question numbers should be used.
What each sign is worth is measured in docs/verify.md; only those of high precision decide by default
(`Verifier`).
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Sequence
from fractions import Fraction
from functools import lru_cache
from typing import NamedTuple

from cotmill.verify.arithmetic import Token, tokenise
from cotmill.verify.clean import plain_unicode
from cotmill.verify.links import Equation, Status
from cotmill.verify.words import CARDINALS

MAX_QUESTION = 20_000
MAX_STEPS = 200
MAX_STATED = 100


class GroundingFinding(NamedTuple):
    """The signs found; a `score` of 1 means that all hold, None that there was nothing to ground."""

    score: float | None
    operands: int
    ungrounded: tuple[str, ...]
    """Operands that are stated nowhere before, each with its equation: "5 in 5*3=15"."""
    from_nowhere: tuple[str, ...]
    """Those of them that are not one operation away from two stated numbers either."""
    used_early: tuple[str, ...]
    """Those of them that only a later step finds."""
    unused_results: tuple[str, ...]
    unused_numbers: tuple[str, ...]
    answer_is_result: bool | None

    @property
    def offending(self) -> str | None:
        """The operand to look at first."""
        return next(iter(self.from_nowhere or self.used_early or self.ungrounded), None)


_WORD_VALUES: dict[str, tuple[Fraction, ...]] = {
    **{word: (Fraction(value),) for word, value in CARDINALS.items()},
    **{
        word: tuple(Fraction(value) for value in values)
        for words, values in {
            "half halves halved halve": (Fraction(1, 2), 2, 50),
            "again twice double doubled doubles doubling both pair pairs couple twofold twin twins": (2,),
            "bicycle bike bikes": (2,),
            "thrice triple tripled triples triplets tricycle tricycles trio": (3,),
            "quadruple quadrupled quadruplets quadruples": (4,),
            "quintuplets quintuple": (5,),
            "third thirds": (Fraction(1, 3), 3),
            "quarter quarters fourth fourths": (Fraction(1, 4), 4, 25),
            "fifth fifths": (Fraction(1, 5), 5), "sixth sixths": (Fraction(1, 6), 6),
            "seventh sevenths": (Fraction(1, 7), 7), "eighth eighths": (Fraction(1, 8), 8),
            "ninth ninths": (Fraction(1, 9), 9), "tenth tenths": (Fraction(1, 10), 10),
            "dozen dozens": (12,), "score": (20,), "hundred hundreds": (100,), "thousand thousands": (1000,),
            "million millions": (10**6,), "billion": (10**9,), "first once single": (1,), "second": (2,),
            "none no zero nothing": (0,), "decade decades": (10,), "century": (100,), "fortnight": (14,),
            "fifteenth": (15,), "weekend weekends": (2,), "weekday weekdays": (5,), "nickel nickels": (5,),
            "dime dimes": (10,), "penny pennies": (1,),
        }.items()
        for word in words.split()
    },
}  # fmt: skip

_WORLD: tuple[tuple[str, tuple[int, ...]], ...] = (
    ("week weeks weekly day days daily monday sunday saturday weekend weekday weekdays", (7, 5, 2, 52)),
    ("month months monthly", (12, 30, 31, 4)),
    ("year years yearly annual annually age old", (12, 52, 365, 366)),
    ("day days daily night nights", (24, 30, 365)),
    ("hour hours hourly minute minutes second seconds am pm o'clock speed time", (60, 24, 12, 3600)),
    ("january march may july august october december", (31,)),
    ("april june september november february", (30, 28, 29)),
    ("dozen dozens foot feet inch inches", (12,)),
    ("yard yards", (3, 36)),
    ("mile miles", (5280, 1760)),
    ("pound pounds ounce ounces lb lbs oz ton tons", (16, 2000)),
    ("gallon gallons quart quarts pint pints cup cups", (4, 2, 8, 16)),
    ("cent cents dollar dollars penny pennies nickel dime quarter quarters coins $", (100, 5, 10, 25, 4)),
    ("meter meters metre metres centimeter centimeters cm mm km", (10, 100, 1000)),
    ("gram grams kg kilogram kilograms liter liters litre ml milliliters", (10, 100, 1000)),
    ("square rectangle rectangular perimeter sides", (4, 2)),
    ("triangle triangular triangles", (3, 180, 2)),
    ("cube cubes box dice die", (6,)),
    ("circle degrees angle angles", (360, 180, 90)),
    ("average mean", (2,)),
)  # fmt: skip
ALWAYS = frozenset({Fraction(0), Fraction(1), Fraction(100)})
_PROSE = re.compile(r"[A-Za-z]{2,}")
MIN_PROSE = 4
_WORD = re.compile(r"[a-z$]+(?:'[a-z]+)?")


class _Known(NamedTuple):
    """Values that may be used, and those of the question that are percentages."""

    values: frozenset[Fraction]
    percents: frozenset[Fraction]
    written: tuple[Token, ...]


@lru_cache(4096)
def read_question(question: str) -> _Known:
    """Every number that a question states, in digits and in words."""
    text = plain_unicode(question[:MAX_QUESTION])
    tokens = tuple(token for token in tokenise(text.replace("-", " ")) if token.kind == "number")
    values = {token.value for token in tokens} | {part for token in tokens for part in _parts(token)}
    values |= {Fraction(text) for text in re.findall(r"\d+", text) if len(text) < 20}
    words = _WORD.findall(text.lower().replace("-", " "))
    for place, word in enumerate(words):
        values |= set(_WORD_VALUES.get(word, ()))
        if word in CARDINALS and place + 1 < len(words):
            values |= _joined(word, words[place + 1])
    percents = frozenset(token.value for token in tokens if token.percent)
    return _Known(frozenset(values) | _fractions(tokens, text), percents, tokens)


def _parts(token: Token) -> tuple[Fraction, ...]:
    """The whole numbers inside a mixed number or before a multiplier."""
    return tuple(
        Fraction(part) for part in re.findall(r"\d+", token.text)[:3] if token.places < 0 and len(part) < 20
    )


def _joined(word: str, following: str) -> set[Fraction]:
    """Twenty five, two thirds."""
    value, found = Fraction(CARDINALS[word]), set()
    if following in CARDINALS and value >= 20 > CARDINALS[following]:
        found.add(value + CARDINALS[following])
    return found | {value * part for part in _WORD_VALUES.get(following, ()) if following not in CARDINALS}


def _fractions(tokens: Iterable[Token], text: str) -> frozenset[Fraction]:
    """The value of each a/b."""
    del tokens
    pairs = re.findall(r"(\d{1,9})\s?/\s?(\d{1,9})", text)
    return frozenset(Fraction(int(a), int(b)) for a, b in pairs if int(b))


def world_constants(text: str) -> frozenset[Fraction]:
    """The constants that a text's own words bring in: 7 where it speaks of weeks."""
    words = set(_WORD.findall(text.lower()))
    return ALWAYS | {
        Fraction(value) for names, values in _WORLD if words & set(names.split()) for value in values
    }


def check_grounding(
    question: str, trace: str, equations: Sequence[Equation], answer: Fraction | None
) -> GroundingFinding:
    """Follow every number of the steps; `answer` is the trace's own final answer, if it is a number.

    >>> from cotmill.verify.equations import check_equations
    >>> text = "He buys <<3*4=12>>12 and then <<12+5=17>>17."
    >>> check_grounding("3 bags of 4 eggs.", text, check_equations(text).equations, Fraction(17)).offending
    '5 in 12+5=17'
    """
    steps, known = _steps(equations), read_question(question)
    if not steps:
        return _without_steps(known, trace, answer)
    allowed = known.values | world_constants(question + " " + trace[:MAX_QUESTION])
    later = Counter(step.result for step in steps)
    results: list[Fraction] = []
    lost = _Lost([], [], [])
    used: set[Fraction] = set()
    for step in steps:
        later[step.result] -= 1
        for operand in step.operands:
            used.add(operand)
            read = step.status is not Status.UNCHECKED  # 2L + 8 = 22 gives results, but its 2 is no operand
            if read and not _grounded(operand, allowed, known.percents, results):
                lost.add(
                    f"{_plain(operand)} in {step.text}",
                    early=later[operand] > 0,
                    implied=_implied(abs(operand), [*known.values, *results]),
                )
        if step.result is not None:
            results.append(step.result)
    return _finding(steps, known, lost, used, answer)


class _Lost(NamedTuple):
    """Operands without grounds, by kind."""

    ungrounded: list[str]
    from_nowhere: list[str]
    used_early: list[str]

    def add(self, place: str, *, early: bool, implied: bool) -> None:
        """Take in one operand that nothing before it states."""
        self.ungrounded.append(place)
        if early:
            self.used_early.append(place)
        elif not implied:
            self.from_nowhere.append(place)


def _without_steps(known: _Known, trace: str, answer: Fraction | None) -> GroundingFinding:
    """Say that a bare answer which the question does not state has no grounds; prose is left open."""
    bare = len(_PROSE.findall(trace)) < MIN_PROSE and answer is not None
    if not bare or answer in known.values:
        return GroundingFinding(None, 0, (), (), (), (), (), None)
    return GroundingFinding(0.0, 0, (), (), (), (), (), answer_is_result=False)


def _steps(equations: Sequence[Equation]) -> list[Equation]:
    """The equations that compute something, in order; the text's copy of a mark is the same step."""
    steps: list[Equation] = []
    seen: set[tuple[tuple[Fraction, ...], Fraction | None]] = set()
    for item in equations:
        key = (item.operands, item.result)
        if item.operands and key not in seen:
            seen.add(key)
            steps.append(item)
    return steps[:MAX_STEPS]


def _implied(value: Fraction, stated: Sequence[Fraction]) -> bool:
    """Whether one operation on two stated numbers gives the value: a step done in the head."""
    numbers = set(list(dict.fromkeys(stated))[:MAX_STATED])
    for number in numbers:
        if value - number in numbers or number - value in numbers or value * number in numbers:
            return True
        if number and value / number in numbers:
            return True
    return False


def _grounded(
    operand: Fraction,
    allowed: frozenset[Fraction],
    percents: frozenset[Fraction],
    results: Sequence[Fraction],
) -> bool:
    size = abs(operand)
    if size in allowed or operand in results or size in results:
        return True
    if any(size in (p / 100, 100 - p, 100 + p, 1 - p / 100, 1 + p / 100) for p in percents):
        return True
    if size * 100 in allowed and size < 1:
        return True
    return any(
        _is_rounding(size, result) for result in (*results, *(a for a in allowed if a.denominator > 1))
    )


def _is_rounding(value: Fraction, exact: Fraction) -> bool:
    """Whether a value is an earlier value as a percentage, or written with fewer digits."""
    if value == exact * 100 or value * 100 == exact:
        return True
    return (
        bool(exact)
        and abs(value - exact) * 100 <= abs(exact)
        and value.denominator in (1, 10, 100, 1000, 2, 4, 5, 20, 25, 50)
    )


def _finding(
    steps: Sequence[Equation],
    known: _Known,
    lost: _Lost,
    used: set[Fraction],
    answer: Fraction | None,
) -> GroundingFinding:
    results = [step.result for step in steps if step.result is not None]
    last = answer if answer is not None else results[-1] if results else None
    unused = [
        step for step in steps[:-1] if step.result is not None and not _is_used(step.result, used, last)
    ]
    numbers = tuple(
        token.text for token in known.written if not _is_used(token.value, used, None) and not token.percent
    )
    is_result = None if answer is None else any(_same_size(answer, result) for result in results)
    operands = sum(len(step.operands) for step in steps)
    checks = operands + len(results) + (is_result is not None)
    failed = len(lost.ungrounded) + len(unused) + (is_result is False)
    return GroundingFinding(
        score=1 - failed / checks,
        operands=operands,
        ungrounded=tuple(lost.ungrounded),
        from_nowhere=tuple(lost.from_nowhere),
        used_early=tuple(lost.used_early),
        unused_results=tuple(step.text for step in unused),
        unused_numbers=numbers,
        answer_is_result=is_result,
    )


def _is_used(value: Fraction, used: set[Fraction], last: Fraction | None) -> bool:
    return value in used or value / 100 in used or value * 100 in used or value == last


def _same_size(answer: Fraction, result: Fraction) -> bool:
    return answer == result or _is_rounding(answer, result) or round(answer) == round(result)


def _plain(value: Fraction) -> str:
    if max(value.numerator.bit_length(), value.denominator.bit_length()) > 200:
        return "a long number"
    return str(value.numerator) if value.denominator == 1 else f"{float(value):g}"
