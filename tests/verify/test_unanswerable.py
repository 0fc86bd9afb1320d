"""The gold answer "None": our reading, and the published rule of GSM-Plus."""

import pytest

from cotmill.verify import STRICT_RULES, Verdict, judge_answer

DECLINED = (
    "We know 3 bags were sold, but the price is not mentioned, so the total cannot be determined.",
    "There is not enough information to answer.",
    "#### None",
    "The problem doesn't specify how many eggs there are.\n#### cannot be determined",
    "\\boxed{\\text{None}}",
)


@pytest.mark.parametrize("text", DECLINED)
def test_a_text_that_says_that_there_is_no_answer_is_right_where_there_is_none(text: str) -> None:
    assert judge_answer("None", text, strict_rule="gsm_plus").verdict is Verdict.CORRECT
    assert judge_answer("18", text, strict_rule="gsm_plus").verdict is not Verdict.CORRECT


def test_an_assumed_number_is_wrong_though_the_text_says_what_is_missing() -> None:
    text = "The price is not mentioned, so assume $2. 3 * 2 = 6\n#### 6"
    found = judge_answer("None", text, strict_rule="gsm_plus")
    assert (found.verdict, found.strict) == (Verdict.WRONG, True)


@pytest.mark.parametrize(
    ("gold", "text", "right"),
    [
        ("None", "The text does not mention it.\n#### 5", True),
        ("None", "It is 5", True),  # without the marker nothing was answered
        ("None", "It is 5.\n#### 5", False),
        ("18", "9 * 2 = 18\n#### 18", True),
        ("18", "#### 1,800\nno, #### 18 dollars", True),
        ("1800", "#### $1,800.00", True),
        ("0.5", "#### 1/2", True),
        ("18", "so there are 17 and then 18.", True),
        ("18", "#### 18\n\nQuestion: next?\n#### 3", True),
        ("18", "#### none of them, so 18", True),
        ("18", "#### 17 or 18", False),
        ("18", "#### 1/0", False),
        ("18", "", False),
    ],
)
def test_the_published_rule_of_gsm_plus(gold: str, text: str, right: bool) -> None:
    assert STRICT_RULES["gsm_plus"](gold, text) is right
