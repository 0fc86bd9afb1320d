"""Judging a final answer: what fires, what is the same, what is not."""

import pytest

from cotmill.core.errors import RecipeError
from cotmill.verify import Verdict, judge_answer, same_answer


def test_the_marker_of_gsm8k_is_strict_and_flexible() -> None:
    judgement = judge_answer("70000", "so 7 * 10000 = 70,000\n#### 70,000")
    assert judgement.verdict is Verdict.CORRECT
    assert (judgement.rule, judgement.strict) == ("hash", True)


def test_prose_is_found_by_the_flexible_rules_only() -> None:
    judgement = judge_answer("18", "She makes $18. The answer is $18.00.")
    assert judgement.verdict is Verdict.CORRECT
    assert (judgement.rule, judgement.strict) == ("answer_is", False)


def test_a_markdown_heading_is_not_an_answer() -> None:
    judgement = judge_answer("5", "#### Step 1: add\n2 + 3 = 5\n\nThe answer is \\boxed{5}.")
    assert (judgement.verdict, judgement.rule) == (Verdict.CORRECT, "boxed")


def test_no_answer_is_unparsed_not_wrong() -> None:
    assert judge_answer("5", "I do not know").verdict is Verdict.UNPARSED


def test_an_unknown_strict_rule_is_refused_with_a_near_match() -> None:
    with pytest.raises(RecipeError, match="gsm8k"):
        judge_answer("5", "#### 5", strict_rule="gsm8")


@pytest.mark.parametrize(
    ("gold", "predicted", "same"),
    [
        ("0.5", "50%", True),
        ("50", "50%", True),
        ("0.5", "0.5%", False),
        ("3 hours", "3 minutes", False),
        ("3 hours", "180 minutes", True),
        ("1/3", "0.33", False),
        ("1/3", "0.333333", False),
        ("1/3", "0.3333333333333333", True),
        ("−5", "-5", True),
        ("1.234.567", "1,234,567", True),
        ("1 1/2", "1.5", True),
        ("5:30 PM", "17:30", True),
        ("yes", "No", False),
    ],
)
def test_plain_answers_compare_as_mathematics_says(gold: str, predicted: str, same: bool) -> None:
    assert same_answer(gold, predicted).same is same
    assert same_answer(predicted, gold).same is same
