"""One exact value per spelling, and the laws of comparison."""

from fractions import Fraction

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cotmill.verify import same_answer
from cotmill.verify.numbers import canonical, read_number
from cotmill.verify.quantity import read_quantity

INTEGERS = st.integers(-(10**12), 10**12)
DECIMALS = st.decimals(-(10**6), 10**6, places=4)


@given(INTEGERS)
def test_thousands_separators_do_not_change_a_whole_number(number: int) -> None:
    for spelling in (
        f"{number:,}",
        f"{number:_}",
        f"{number:,}".replace(",", "\u202f"),
        f"\\boxed{{{number}}}",
    ):
        assert same_answer(str(number), spelling).same


@given(DECIMALS)
def test_a_decimal_is_its_fraction(number) -> None:
    value = Fraction(number)
    assert same_answer(str(number), f"{value.numerator}/{value.denominator}").same
    assert same_answer(f"{number}", f"{number}0").same


@given(INTEGERS, INTEGERS)
def test_different_whole_numbers_are_never_the_same(a: int, b: int) -> None:
    assert same_answer(str(a), f"{b:,}").same is (a == b)


@given(st.fractions(max_denominator=10**4), st.fractions(max_denominator=10**4))
@settings(max_examples=60)
def test_comparison_of_fractions_is_symmetric_and_exact(a: Fraction, b: Fraction) -> None:
    left, right = f"\\frac{{{a.numerator}}}{{{a.denominator}}}", f"{b.numerator}/{b.denominator}"
    assert same_answer(left, right).same is (a == b)
    assert same_answer(right, left).same is (a == b)


@given(st.text(max_size=30), st.text(max_size=30))
@settings(max_examples=150)
def test_reading_any_text_gives_a_value_or_none(a: str, b: str) -> None:
    for text in (a, b, a + b):
        read_quantity(text)
        read_number(text)
        canonical(text)


@pytest.mark.parametrize(
    ("spelling", "value"),
    [
        ("1,234.5", Fraction(2469, 2)),
        ("1.234,5", Fraction(2469, 2)),
        ("1 3/4", Fraction(7, 4)),
        ("2.5e-3", Fraction(1, 400)),
        ("0.1\\overline{6}", Fraction(1, 6)),
        ("0.333...", Fraction(1, 3)),
        ("1010_2", Fraction(10)),
        ("two hundred and five", Fraction(205)),
        ("three quarters", Fraction(3, 4)),
        ("1.5 million", Fraction(1_500_000)),
        ("3 out of 4", Fraction(3, 4)),
    ],
)
def test_a_spelling_has_one_exact_value(spelling: str, value: Fraction) -> None:
    number = read_number(spelling)
    assert number is not None
    assert number.value == value


@pytest.mark.parametrize("text", ["", "-", ".", "1/0", "1e99999", "9" * 5000, "1,2,3", "12:60", "abc", "5x"])
def test_what_is_no_number_or_too_large_is_not_read(text: str) -> None:
    assert read_number(text) is None


def test_the_quick_spelling_and_the_exact_value_agree() -> None:
    texts = ["0", "-0.0", "1,000", "1000.00", ".5", "0.50", "-3.10", "100", "010"]
    for a in texts:
        for b in texts:
            left, right = read_number(a), read_number(b)
            assert left is not None
            assert right is not None
            assert (canonical(a) == canonical(b)) is (left.value == right.value), (a, b)
