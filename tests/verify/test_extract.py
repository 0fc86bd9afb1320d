"""Where the final answer is found, and by which rule."""

import pytest

from cotmill.verify import Verdict, judge_answer
from cotmill.verify.extract import RULES, find_answer, last_boxed


@pytest.mark.parametrize(
    ("text", "rule", "answer"),
    [
        ("…so 18.\n#### 18", "hash", "18"),
        ("#### Step 1: add\nthen\n#### 7", "hash", "7"),
        ("#### 7\n\nQuestion: next one\n#### 9", "hash", "7"),
        ("\\boxed{1} no, \\boxed{\\frac{1}{\\sqrt{2}}}", "boxed", "\\frac{1}{\\sqrt{2}}"),
        ("\\boxed 5 it is", "boxed", "5"),
        ("The answer is 12 apples. Well done.", "answer_is", "12 apples"),
        ("**Final Answer:** 3.5", "answer_is", "** 3.5"),
        ("La respuesta es 42.", "answer_is", "42"),
        ("答案是 42。", "answer_is", "42"),
        ("work\nA: 18", "answer_line", "18"),
        ("She sells 9 eggs\n$18", "final_line", "$18"),
        ("It follows that $x=5$", "final_fence", "x=5"),
        ("She has 3 cats and 5 dogs left", "last_number", "5"),
        ("The answer is 7.\nTherefore, the other value is 50.", "conclusion", "50."),
        ("<think>2 or 3?</think>It is <answer>3</answer>", "answer_tag", "3"),
        ("The correct option is B.", "answer_is", "B"),
        ("x<2", "whole_text", "x<2"),
        ("no solution", "whole_text", "no solution"),
        ("I have no idea, sorry about that", "", None),
    ],
)
def test_the_first_rule_that_fits_decides(text: str, rule: str, answer: str | None) -> None:
    assert find_answer(text) == (rule, answer)


def test_every_rule_has_a_name_of_its_own() -> None:
    names = [name for name, _ in RULES]
    assert len(set(names)) == len(names)


def test_an_unclosed_box_is_passed_over() -> None:
    assert last_boxed("\\boxed{5} and \\boxed{6") == "5"


@pytest.mark.parametrize(
    ("gold", "text", "verdict"),
    [
        ("70000", "The answer is $70,000.", Verdict.CORRECT),
        ("40", "The answer is 520 - 480 = 40.", Verdict.CORRECT),
        ("230", "The answer is 80 + 150 = 230 miles.", Verdict.CORRECT),
        ("5", "The answer is 5 apples left, and 3 oranges.", Verdict.CORRECT),
        ("3", "The answer is 5 apples.", Verdict.WRONG),
        ("13", "The answer is 12 or 13.", Verdict.WRONG),
        ("3", "\\boxed{2, 3}", Verdict.WRONG),
        ("4", "#### 4*sqrt(2)", Verdict.WRONG),
        ("8", "\\boxed{2^3}", Verdict.CORRECT),
        ("B", "The answer is (B).", Verdict.CORRECT),
        ("B", "So the answer is C) 6000", Verdict.WRONG),
        ("1/2", "The answer is $\\frac{2}{4}$.", Verdict.CORRECT),
        ("480", "The answer is Rs. 480.", Verdict.CORRECT),
        ("7", "She wakes at 7 a.m. every day. The answer is 7 a.m.", Verdict.CORRECT),
    ],
)
def test_the_part_of_a_clause_that_is_meant_is_compared(gold: str, text: str, verdict: Verdict) -> None:
    assert judge_answer(gold, text).verdict is verdict


@pytest.mark.parametrize(
    ("question", "gold", "text", "verdict"),
    [
        ("How many minutes does it take?", "180", "The answer is 3 hours.", Verdict.CORRECT),
        ("How many hours does it take?", "3", "The answer is 3 minutes.", Verdict.WRONG),
        ("How many cents is that?", "50", "The answer is $0.50.", Verdict.CORRECT),
        ("What percentage is red?", "50", "The answer is 0.5.", Verdict.CORRECT),
        ("How many are red?", "50", "The answer is 0.5.", Verdict.WRONG),
        ("What percent is red?", "50", "The answer is 50%.", Verdict.CORRECT),
    ],
)
def test_the_question_says_what_a_bare_number_counts(
    question: str, gold: str, text: str, verdict: Verdict
) -> None:
    assert judge_answer(gold, text, question=question).verdict is verdict


def test_strict_and_flexible_are_both_reported() -> None:
    found = judge_answer("1,000", "#### 1000.00")
    assert found.verdict is Verdict.CORRECT
    assert not found.strict
    assert judge_answer("\\frac{1}{2}", "\\boxed{\\dfrac{1}{2}}", strict_rule="math").strict
    assert judge_answer("B", "The answer is (B)", strict_rule="choice").strict
    assert judge_answer("12", "so 3 * 4 = 12", strict_rule="last_number").strict
