"""Written equations: right, wrong, or not checkable, each in its own count."""

import pytest

from cotmill.verify import Status, check_equations


@pytest.mark.parametrize(
    "text",
    [
        "12 + 5 = 17",
        "12 x 5 = 60",
        "12x5=60",
        "12 × 5 = 60",
        "$3.50 * 2 = $7",
        "20% of 50 = 10",
        "5(3) = 15",
        "half of 10 = 5",
        "12 eggs + 5 eggs = 17 eggs",
        "1,000 + 234 = 1,234",
        "1.5 million / 3 = 500,000",
        "2 1/2 * 4 = 10",
        "$5/hour * 3 hours = $15",
        "5 plus 3 equals 8",
        "2^3 = 8",
        "so 5 + 3\n= 8",
        "50% = 0.5",
        "10/50*100 = 20%",
        "100% - 20% = 80%",
        "30 minutes * 2 = 1 hour",
        "- 12 + 5 = 17",
        "<<12*5=60>>60",
        "5 - -3 = 8",
        "\\frac{1}{2} \\times 10 = 5",
        "12 − 5 = 7",
        "1. 5 + 3 = 8",
    ],
)
def test_a_right_equation_is_right(text: str) -> None:
    found = check_equations(text)
    assert (found.right, found.wrong, found.unchecked) == (1, 0, 0)
    assert found.rounded == 0


@pytest.mark.parametrize(
    "text",
    [
        "12 + 5 = 18",
        "10/3 = 3.34",
        "<<5+5=11>>",
        "20% of 50 = 11",
        "(5)(3) = 16",
        "16 - 3 = 12 apples",
        "2/3 = 0.68",
    ],
)
def test_a_wrong_equation_is_wrong(text: str) -> None:
    found = check_equations(text)
    assert (found.right, found.wrong, found.unchecked) == (0, 1, 0)
    assert found.first_wrong


@pytest.mark.parametrize(
    "text",
    [
        "x = 5",
        "2x + 3 = 7",
        "9**9**9 = 5",
        "4/0 = 5",
        "5 adults = 10 dollars",
        "30 x 2 = 60 dozens",
        "500 / 2/5 = 200",
        "Total = 45",
        "3 boxes of 12 = 40",
        "9^999999 = 1",
        "<<x=5>>",
    ],
)
def test_what_cannot_be_read_in_full_is_unchecked_never_wrong(text: str) -> None:
    found = check_equations(text)
    assert (found.right, found.wrong) == (0, 0)
    assert found.unchecked >= 1


@pytest.mark.parametrize(
    "text", ["10/3 = 3.33", "2/3 = 0.67", "2/3=0.66", "10/3 = 3", "0.1+0.2=0.30000000000000004"]
)
def test_rounding_in_the_last_written_digit_is_right_and_recorded(text: str) -> None:
    found = check_equations(text)
    assert (found.right, found.rounded) == (1, 1)


def test_a_chain_is_checked_in_full() -> None:
    found = check_equations("3 + 4 = 7 = 14/2 = 8")
    assert [item.status for item in found.equations] == [Status.RIGHT, Status.RIGHT, Status.WRONG]


def test_marks_and_running_text_are_both_checked_and_kept_apart() -> None:
    found = check_equations("She makes 9 * 2 = $<<9*2=18>>18 every day")
    assert sorted(item.where for item in found.equations) == ["mark", "text"]
    assert found.right == 2


def test_no_equations_is_nothing_right() -> None:
    assert check_equations("She is happy.") == ((), 0, 0, 0, 0)


def test_every_mark_of_the_human_solutions_holds(shared_data) -> None:
    import json

    lines = (shared_data / "gsm8k" / "test.first660.jsonl").read_text(encoding="utf-8").splitlines()[:200]
    found = [check_equations(json.loads(line)["answer"]) for line in lines]
    marks = [item for finding in found for item in finding.equations if item.where == "mark"]
    assert len(marks) > 500
    assert [item.text for item in marks if item.status is Status.WRONG] == []
    assert sum(finding.wrong for finding in found) <= 5
