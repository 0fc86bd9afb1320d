"""Mode `repo` makes the mistakes of the public script, each by an example, and runs nothing."""

import time

import pytest

from cotmill.augment.repo import (
    MISTAKES,
    RefusedError,
    key,
    marks,
    python_value,
    right_answer,
    right_equations,
)


def test_only_the_first_two_sides_of_a_chain_are_compared():
    assert "two_sides" in MISTAKES
    assert right_equations("<<2+3=5=7>>")


@pytest.mark.parametrize("right", ["1,000", "$1000", "1000%", "1000 eggs", "", "(1000)"])
def test_a_right_side_that_is_not_a_bare_number_fails(right):
    assert "bare_right_side" in MISTAKES
    assert right_equations("<<500*2=1000>>")
    assert not right_equations(f"<<500*2={right}>>")


def test_small_numbers_are_equal_within_a_thousandth():
    assert right_equations("<<0.0001*2=0.0009>>")
    assert not right_equations("<<1/3=0.33>>")


def test_a_mark_with_a_bracket_in_it_is_not_seen():
    assert marks("<<5>3=1>> <<1+1=2>>") == ["1+1=2"]


def test_a_trace_without_marks_passes_under_the_empty_key():
    assert right_equations("2 + 2 = 5")
    assert key("2 + 2 = 5") == ""


def test_the_first_hashes_give_the_answer():
    assert right_answer("5", "#### 5\n#### 6")
    assert not right_answer("6", "#### 5\n#### 6")


def test_answers_are_floats():
    assert right_answer("0.1", "#### 0.10000000000000000001")
    assert not right_answer("eighteen", "#### 18")
    assert not right_answer("18", "the answer is 18")


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("2+3*4", 14), ("(2+3)*4", 20), ("7/2", 3.5), ("2**10", 1024), ("2^3", 1), ("50%20", 10), ("-3", -3),
        ("7//2", 3),
    ],
)  # fmt: skip
def test_arithmetic_has_the_values_that_python_gives(text, value):
    assert python_value(text) == value


@pytest.mark.parametrize(
    "text",
    ["__import__('os')", "print(1)", "9**9**9", "'a'*9", "[1]", "x", "1 if 1 else 2", "1,000", "(" * 300,
     "007", "lambda: 0", "1<2", "9**99999999", "1" * 500, "(-8)**0.5", "1j", "True"],
)  # fmt: skip
def test_what_is_not_plain_arithmetic_is_refused_at_once(text):
    start = time.perf_counter()
    with pytest.raises(RefusedError):
        python_value(text)
    assert time.perf_counter() - start < 1
    assert not right_equations(f"<<{text}=1>>")


@pytest.mark.parametrize("mark", ["1/0=1", "=", "1+1", "1e999=1", "2=nan", "1e308*10=1"])
def test_a_mark_that_cannot_be_computed_fails_and_never_raises(mark):
    assert not right_equations(f"<<{mark}>>")
