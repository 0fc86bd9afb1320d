"""Judge a text's final answer against the gold answer."""

from __future__ import annotations

import re
from functools import lru_cache

from cotmill.verify.clean import undress
from cotmill.verify.compare import Comparison, compare_plain
from cotmill.verify.extract import choice_letter, find_answer, hash_line, last_boxed, narrow
from cotmill.verify.quantity import read_quantity
from cotmill.verify.strict import strict_rule as rule_named
from cotmill.verify.verdict import Judgement, Verdict

_LETTER = re.compile(r"\(?([A-J])\)?[.:)]?")


def judge_answer(gold: str, text: str, *, strict_rule: str = "gsm8k") -> Judgement:
    """Find the text's final answer and compare it with the gold answer (bare, or a solution that holds it).

    >>> judge_answer("18", "9 * 2 = 18\\n#### 18")[:3]
    (<Verdict.CORRECT: 'correct'>, 'same text', 'hash')
    """
    target = gold_answer(gold)
    strict = rule_named(strict_rule)(target, text)
    rule, found = find_answer(text)
    if found is None:
        return Judgement(Verdict.UNPARSED, "no answer found", "", None, target, strict)
    predicted = _meant(found, target)
    comparison = _compare(target, predicted)
    verdict = Verdict.CORRECT if comparison.same else Verdict.WRONG
    return Judgement(verdict, comparison.how or "cannot be compared", rule, predicted, target, strict)


@lru_cache(65536)
def gold_answer(gold: str) -> str:
    """The gold answer itself, out of a whole gold solution if need be, undressed."""
    if "####" in gold or "\\boxed" in gold:
        gold = hash_line(gold) or last_boxed(gold) or gold
    return undress(gold)


def _meant(found: str, target: str) -> str:
    """The part of an extracted clause that is of the gold answer's kind."""
    if _LETTER.fullmatch(target):
        return choice_letter(found) or undress(found)
    if read_quantity(target) is not None:
        for part in narrow(found):
            if read_quantity(part) is not None:
                return part
    return undress(found)


def _compare(target: str, predicted: str) -> Comparison:
    if letter := _LETTER.fullmatch(target):
        return Comparison(choice_letter(predicted) == letter[1], "choice letter")
    return compare_plain(target, predicted)
