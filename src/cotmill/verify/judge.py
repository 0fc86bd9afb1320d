"""Judge a text's final answer against the gold answer."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import NamedTuple

from cotmill.verify.asked import asked_unit
from cotmill.verify.clean import undress
from cotmill.verify.compare import Comparison, alike, compare_plain, compare_quantities, unlike
from cotmill.verify.extract import (
    MAX_ANSWER,
    MAX_TEXT,
    choice_letter,
    find_answer,
    hash_line,
    last_boxed,
    narrow,
)
from cotmill.verify.forms import TOO_LARGE, compare_forms
from cotmill.verify.numbers import SIMPLE_LENGTH, canonical, quotient
from cotmill.verify.quantity import Quantity, read_quantity
from cotmill.verify.strict import strict_rule as rule_named
from cotmill.verify.symbolic import Outcome, SymbolicPool, shared_pool
from cotmill.verify.unanswerable import asks_for_none, declines
from cotmill.verify.verdict import Judgement, Verdict

SAME_NUMBER, OTHER_NUMBER = alike("number"), unlike("number")
_SPEECH = re.compile(r"[A-Za-z' ]{4,}")
_OPTION = re.compile(r"\(?([A-J])\)?[.:)]\s")
_LETTER = re.compile(r"(?:[Oo]ption |[Cc]hoice )?(?:\(?([A-J])\)?[.:)]?|\(?([a-j])\))")


def judge_answer(
    gold: str, text: str, *, strict_rule: str = "gsm8k", question: str = "", pool: SymbolicPool | None = None
) -> Judgement:
    r"""Find the text's final answer and compare it with the gold answer (bare, or a solution that holds it).

    The question, when given, says which unit or percentage a bare number stands for. `pool` holds the workers
    for what only algebra can decide; by default one worker per process, started when first needed.

    >>> judge_answer("18", "9 * 2 = 18\\n#### 18")[:3]
    (<Verdict.CORRECT: 'correct'>, 'number', 'hash')
    """
    judgement, open_pair = first_judgement(gold, text, strict_rule=strict_rule, question=question)
    if open_pair is None:
        return judgement
    return settle(judgement, (pool or shared_pool()).compare(*open_pair))


def first_judgement(
    gold: str, text: str, *, strict_rule: str = "gsm8k", question: str = ""
) -> tuple[Judgement, tuple[str, str] | None]:
    """Judge without a worker; when algebra must decide, also return the pair that it must compare."""
    written, target, spelling = gold_answer(gold)
    strict = rule_named(strict_rule)(written, text)
    rule, found = find_answer(text)
    if spelling is not None and found is not None and (other := canonical(found)) is not None:
        quick = _same_spelling(spelling, other)
        if quick is not None and (quick.same or not question):
            return Judgement(_VERDICTS[quick.same], quick.how, rule, found, target, strict), None
    if asks_for_none(target) and declines(text, rule, found):
        said = Judgement(
            Verdict.CORRECT, "says that there is no answer", rule or "declines", target, target, strict
        )
        return said, None
    if found is None:
        return Judgement(Verdict.UNPARSED, "no answer found", "", None, target, strict), None
    predicted = _meant(found, target)
    if rule == "whole_text" and _SPEECH.fullmatch(predicted) and read_quantity(target) is not None:
        return Judgement(Verdict.UNPARSED, "no answer found", "", None, target, strict), None
    comparison = _compare(target, predicted, question)
    if comparison.same is None and comparison.how != TOO_LARGE:
        return Judgement(Verdict.UNPARSED, "", rule, predicted, target, strict), (target, predicted)
    return Judgement(_VERDICTS[comparison.same], comparison.how, rule, predicted, target, strict), None


_VERDICTS = {True: Verdict.CORRECT, False: Verdict.WRONG, None: Verdict.UNPARSED}
_SETTLED = {
    "same": (Verdict.CORRECT, "Math-Verify"),
    "different": (Verdict.WRONG, "Math-Verify"),
    "unread": (Verdict.UNPARSED, "not readable as mathematics"),
    "refused": (Verdict.UNPARSED, "refused by the guards: too long, too large or too deep"),
    "error": (Verdict.UNPARSED, "Math-Verify failed"),
    "timeout": (Verdict.TIMEOUT, "Math-Verify took too long and was ended"),
}


def settle(judgement: Judgement, outcome: Outcome) -> Judgement:
    """Put a worker's outcome into a judgement."""
    verdict, reason = _SETTLED[outcome]
    return judgement._replace(verdict=verdict, reason=reason)


def same_answer(
    gold: str, predicted: str, *, question: str = "", pool: SymbolicPool | None = None
) -> Comparison:
    r"""Compare two answers (not texts that hold them) by every means, symmetrically.

    >>> same_answer("\\\\frac{1}{\\\\sqrt{2}}", "\\\\sqrt{2}/2").same
    True
    """
    comparison = _quick(gold, predicted) if not question else None
    if comparison is not None:
        return comparison
    left, right = undress(gold[:MAX_ANSWER]), undress(predicted[:MAX_ANSWER])
    comparison = _compare(left, right, question)
    if comparison.same is None and comparison.how != TOO_LARGE:
        verdict, reason = _SETTLED[(pool or shared_pool()).compare(left, right)]
        return Comparison({Verdict.CORRECT: True, Verdict.WRONG: False}.get(verdict), reason)
    return comparison


class Gold(NamedTuple):
    """A gold answer as it is written, undressed, and in its one spelling if it is a plain number."""

    written: str
    target: str
    spelling: str | None


@lru_cache(4096)
def gold_answer(gold: str) -> Gold:
    """Read the gold answer, out of a whole gold solution if need be."""
    written = written_gold(gold)
    spelling = canonical(written)
    return Gold(written, written if spelling is not None else undress(written), spelling)


def written_gold(gold: str) -> str:
    """The gold answer as it is written, out of a whole solution if need be: what published rules compare."""
    if "####" in gold or "\\boxed" in gold:
        gold = gold[-MAX_TEXT:]
        gold = hash_line(gold) or last_boxed(gold) or gold
    return gold[:MAX_ANSWER].strip()


def _meant(found: str, target: str) -> str:
    """The part of an extracted clause that is of the gold answer's kind."""
    if canonical(found) is not None:
        return found
    if _LETTER.fullmatch(target):
        return choice_letter(found) or undress(found)
    if read_quantity(target) is not None:
        for part in narrow(found):
            if read_quantity(part) is not None:
                return part
    return undress(found)


def _option(answer: str) -> str:
    """The letter of an answer that is an option: "B", "(b)", "B) 6000"; "" of any other."""
    match = _LETTER.fullmatch(answer) or _OPTION.match(answer)
    return next((letter.upper() for letter in match.groups() if letter), "") if match else ""


def _quick(gold: str, predicted: str) -> Comparison | None:
    """Decide two plain numbers by one spelling of each: most answers of most benchmarks."""
    left, right = canonical(gold), canonical(predicted)
    if left is None or right is None:
        return _quick_quotients(gold, predicted, left or right)
    return _same_spelling(left, right)


def _same_spelling(left: str, right: str) -> Comparison | None:
    if left == right:
        return SAME_NUMBER
    short = len(left) <= SIMPLE_LENGTH and len(right) <= SIMPLE_LENGTH
    return OTHER_NUMBER if short else None


def _quick_quotients(gold: str, predicted: str, number: str | None) -> Comparison | None:
    """Decide two plain fractions, or one and a short plain number (`number`), in whole numbers."""
    left, right = quotient(gold), quotient(predicted)
    if left is None or right is None:
        one, plain = (left, predicted) if right is None else (right, gold)
        if one is None or number is None or len(number) > SIMPLE_LENGTH or len(plain) > SIMPLE_LENGTH:
            return None
        whole, _, places = number.partition(".")
        left, right = one, (int(whole + places), 10 ** len(places))
    return SAME_NUMBER if left[0] * right[1] == right[0] * left[1] else OTHER_NUMBER


def _compare(target: str, predicted: str, question: str) -> Comparison:
    if (quick := _quick(target, predicted)) is not None and (quick.same or not question):
        return quick
    if (letter := _option(target)) and (other := _option(predicted)):
        return Comparison(letter == other, "choice letter")
    plain = compare_plain(target, predicted)
    if question and plain.same is not None:
        left, right = read_quantity(target), read_quantity(predicted)
        if left is not None and right is not None:
            return _as_asked(left, right, question, plain)
    return plain if plain.same is not None else compare_forms(target, predicted)


def _as_asked(left: Quantity, right: Quantity, question: str, plain: Comparison) -> Comparison:
    """Let the question say what a bare number counts: 180 is "3 hours" where minutes were asked."""
    unit = asked_unit(question)
    if unit is None or (left.unit is None) == (right.unit is None):
        return _share(left, right, plain) if unit is not None and unit.dimension == "ratio" else plain
    if unit.dimension == "ratio":
        return plain
    bare, measured = (left, right) if left.unit is None else (right, left)
    if measured.unit is None or measured.unit.dimension != unit.dimension:
        return plain
    return compare_quantities(bare._replace(unit=unit), measured)


def _share(left: Quantity, right: Quantity, plain: Comparison) -> Comparison:
    """0.5 is 50 where a percentage was asked, if exactly one of the two is a share."""
    if plain.same or left.unit is not None or right.unit is not None:
        return plain
    small, large = sorted((left, right), key=lambda quantity: abs(quantity.value))
    same = abs(small.value) <= 1 and small.digits > 0 and small.value * 100 == large.value
    return alike("a share where a percentage was asked") if same else plain
