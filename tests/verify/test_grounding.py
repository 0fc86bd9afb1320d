"""Where operands come from and where results go."""

from fractions import Fraction

import pytest

from cotmill.verify import GroundingFinding, check_equations, check_grounding


def ground(question: str, trace: str, answer: int | None = None) -> GroundingFinding:
    return check_grounding(
        question, trace, check_equations(trace).equations, None if answer is None else Fraction(answer)
    )


def test_operands_of_the_question_in_digits_and_words_are_grounded() -> None:
    found = ground(
        "Two boxes of a dozen eggs, half of them broken, 30% of the rest sold.",
        "<<2*12=24>> <<24/2=12>> <<12*0.3=3.6>>",
    )
    assert found.ungrounded == ()
    assert found.score == 1


def test_an_operand_from_nowhere_is_named_with_its_equation() -> None:
    found = ground("3 bags of 4 eggs.", "<<3*4=12>>12 <<12+5=17>>17", 17)
    assert found.from_nowhere == ("5 in 12+5=17",)
    assert found.offending == "5 in 12+5=17"
    assert found.score is not None
    assert found.score < 1


def test_a_result_may_be_used_only_after_it_is_known() -> None:
    question = "Ann has 5 pens, Bob has 8 more than Ann, Cid twice as many as Bob."
    assert ground(question, "<<5+8=13>>13 <<13*2=26>>26", 26).ungrounded == ()
    assert ground(question, "<<13*2=26>>26 <<5+8=13>>13", 26).ungrounded == ("13 in 13*2=26",)


@pytest.mark.parametrize(
    ("question", "trace"),
    [
        ("She reads 3 pages a day for a week.", "<<3*7=21>>"),
        ("He drives 2 hours; how many minutes?", "<<2*60=120>>"),
        ("A shirt of $20 is 25% off.", "<<20*.25=5>> <<100-25=75>>"),
        ("He sleeps 8 hours; the rest of the day he is awake.", "<<24-8=16>>"),
        ("Tom doubles his 4 coins.", "<<4*2=8>>"),
        ("A third of 9 cakes.", "<<9/3=3>>"),
    ],
)
def test_world_constants_are_grounded_by_the_words_that_bring_them(question: str, trace: str) -> None:
    assert ground(question, trace).ungrounded == ()


def test_an_answer_that_no_step_gives_is_reported() -> None:
    assert ground("3 and 4.", "<<3+4=7>>7", 9).answer_is_result is False
    assert ground("3 and 4.", "<<3+4=7>>7", 7).answer_is_result is True


def test_a_bare_answer_has_no_grounds_and_prose_is_left_open() -> None:
    assert ground("3 and 4 are added.", "#### 7", 7).answer_is_result is False
    assert (
        ground("3 and 4 are added.", "Adding the three apples to four makes seven.\n#### 7", 7).score is None
    )


def test_unused_results_and_unused_numbers_are_listed() -> None:
    found = ground("3 red, 4 green, 9 blue.", "<<3+4=7>>7 <<3*4=12>>12", 12)
    assert found.unused_results == ("3+4=7",)
    assert found.unused_numbers == ("9",)


def test_nothing_to_ground_has_no_score() -> None:
    assert ground("How many?", "Seven, I believe it is.").score is None
