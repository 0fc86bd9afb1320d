"""Readings that the tables of pairs brought: complex values, dates, units of formulas, precision."""

import pytest

from cotmill.verify import same_answer
from cotmill.verify.algebra import same_expression
from cotmill.verify.dates import read_date
from cotmill.verify.expression import read_expression


@pytest.mark.parametrize(
    ("left", "right", "same"),
    [
        (r"(1+i)^2", "2i", True),
        (r"\frac{1}{1+i}", r"\frac{1-i}{2}", True),
        (r"e^{i\pi}", "-1", True),
        (r"\sqrt{-12}", r"2i\sqrt{3}", True),
        (r"i^{2023}", "-i", True),
        (r"\overline{2+i}", "2-i", True),
        (r"|5-12i|", "13", True),
        (r"\sqrt{i}", r"\frac{1+i}{\sqrt{2}}", True),
        (r"\sqrt{-4}", "-2i", False),
        (r"1+10^{-45}i", "1", False),
        (r"x+iy", "x-iy", False),
        (r"(x+iy)(x-iy)", "x^2+y^2", True),
        (r"\frac{\sqrt{2}\sqrt{2}}{6}", r"\frac{1}{3}", True),
        (r"\sqrt{2}^{1000}", "2^{500}", True),
        (r"\arctan 2+\arctan\frac{1}{2}", r"\frac{\pi}{2}", True),
        (r"\arcsin(0.6)", r"\arccos(0.8)", True),
        (r"\arctan x", r"\arcsin x", False),
        ("|x-30|", "30-x", False),
        (r"\sqrt{x^2-60x+900}", "|30-x|", True),
        (r"\overline{2+i}", "2+i", False),
        (r"2^{x^2}", "4^{x}", False),
        (r"\arctan\frac{1}{x}", r"\frac{\pi}{2}-\arctan x", False),
    ],
)
def test_formulas_are_compared_by_value_over_the_complex_numbers(left: str, right: str, same: bool) -> None:
    trees = [read_expression(text) for text in (left, right)]
    assert all(trees)
    assert same_expression(*trees) is same  # type: ignore[arg-type]
    assert same_expression(*reversed(trees)) is same  # type: ignore[arg-type]


@pytest.mark.parametrize("text", ["31/4/2020x", "31 June", "3/4/2020", "May", "2020-13-01", "Mayor 5"])
def test_what_is_no_single_day_is_no_date(text: str) -> None:
    assert read_date(text) is None


@pytest.mark.parametrize(
    ("left", "right", "same"),
    [
        (r"2\sqrt{3} cm^2", r"2\sqrt{3} cm", False),
        (r"2\sqrt{3} m", r"200\sqrt{3} cm", True),
        (r"2\sqrt{3} hours", r"2\sqrt{3} minutes", False),
        ("quarter to 1", "12:45", True),
        ("3:30", "3.5", False),
        ("x<1 and x>3", r"(-\infty,1)\cup(3,\infty)", False),
    ],
)
def test_units_clocks_and_joined_conditions(left: str, right: str, same: bool) -> None:
    assert same_answer(left, right).same is same
    assert same_answer(right, left).same is same
