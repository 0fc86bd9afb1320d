from __future__ import annotations

import pytest

from cotmill.data import final_answer
from cotmill.data.describe import same_answer, steps_in


@pytest.mark.parametrize(
    ("text", "answer"),
    [
        ("a\n#### 72", "72"),
        ("a\n#### 70,000\n", "70,000"),
        ("####72", "72"),
        ("#### 1\nno\n#### 2", "2"),
        ("#### $5 \nA note", "$5"),
        ("#### -3", "-3"),
        (r"so \boxed{42}", "42"),
        (r"\boxed{\frac{1}{2}} or \boxed{\text{a}\{x\}}.", r"\text{a}\{x\}"),
        (r"\boxed 7$ and", "7"),
        (r"\fbox{3}", "3"),
        (r"\boxed{unclosed", None),
        ("The answer is: 12", "12"),
        ("The answer is 1. The answer is 2.", "2"),
        ("Final answer: 3 apples.", "3 apples"),
        ("the final answer provided is 81", None),
        ("so\nA: 18", "18"),
        ("so it costs\n 90", "90"),
        ("so it costs\n$1,250.50", "$1,250.50"),
        ("nothing said", None),
        ("The answer is 12 because the answer from the previous step was 6.", "12"),
        ("Final answer: 18\nTo check: the answer is from the previous step.", "18"),
        ("The answer is the result of the previous step, doubled.\n24", "24"),
        ("the answer from the previous step is 6, so\nA: 12", "12"),
        ("The answer is from the previous step.", None),
        ("The answer is 5.\nThe answer is the number of eggs that we found above.", "5"),
        ("The answer is 3.5. We are done.", "3.5"),
        (r"The answer is: \frac{1}{2}", r"\frac{1}{2}"),
        ("", None),
        ("####", None),
    ],
)
def test_final_answers_are_found(text: str, answer: str | None) -> None:
    assert final_answer(text) == answer


def test_a_huge_text_without_an_answer_costs_little() -> None:
    assert final_answer("the answer " * 300_000) is None


def test_answers_are_compared_as_plain_numbers() -> None:
    assert same_answer("1,000", "$1000.00")
    assert same_answer("5%", "5")
    assert not same_answer("5", "6")
    assert not same_answer("1.2.3", "4.5.6")


def test_steps_are_marks_or_lines_or_equations() -> None:
    assert steps_in("one line <<1+1=2>>2 and <<2+2=4>>4") == 2
    assert steps_in("First.\n\nSecond.\n#### 2") == 2
    assert steps_in("1+1=2, 2+2=4, so 4") == 2
    assert steps_in("It is 4.") == 1
