"""The comparison of the MATH benchmark as its authors published it, accepted and refused."""

import pytest

from cotmill.verify import judge_answer


@pytest.mark.parametrize(
    ("gold", "said", "right"),
    [
        (r"\dfrac{1}{2}", r"\frac12", True),
        (r"\frac{1}{2}", "1/2", True),
        (r"\frac{1}{2}", "0.5", True),
        (r"\frac{1}{4}", "0.25", False),
        (r"\frac{1}{72}", r"\frac1{72}", True),
        (r"x=5", "5", True),
        (r"k = 5", "5", True),
        (r"abc=5", "5", False),
        (r"10\text{ cm}", "10", True),
        (r"10\text{cm}", "10", False),
        (r"\text{(C)}", "(C)", False),
        (r"\text{(C)}", r"\text{(C)}", True),
        (r"1{,}000", r"1{,}000", True),
        (r"1{,}000", "1000", False),
        (r"50\%", "50", True),
        (r"\$32", "32", True),
        (r"90^\circ", "90", True),
        (r"\left(1,2\right)", "(1, 2)", True),
        (r"\sqrt3", r"\sqrt{3}", True),
        (r".75", "0.75", True),
        (r"\{1,2\}", r"\{2,1\}", False),
    ],
)
def test_the_published_comparison_of_math(gold: str, said: str, right: bool) -> None:
    assert judge_answer(gold, f"\\boxed{{{said}}}", strict_rule="math").strict is right
