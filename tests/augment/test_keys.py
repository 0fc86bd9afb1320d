"""Keys of a path: what they see, and what they do not."""

from fractions import Fraction

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cotmill.augment.keys import KEYS, key_of, read_path
from cotmill.core.errors import RecipeError

ONE = "She has 3 + 4 = <<3+4=7>>7 hens. They lay 7 * 2 = <<7*2=14>>14 eggs.\n#### 14"
TURNED = "She has 4 + 3 = <<4+3=7>>7 hens. They lay 2 * 7 = <<2*7=14>>14 eggs.\n#### 14"
SWAPPED_STEPS = "5 * 2 = <<5*2=10>>10. 3 + 4 = <<3+4=7>>7. 10 + 7 = <<10+7=17>>17.\n#### 17"
STEPS = "3 + 4 = <<3+4=7>>7. 5 * 2 = <<5*2=10>>10. 10 + 7 = <<10+7=17>>17.\n#### 17"


def test_the_paper_key_is_the_marks_in_order_without_white_space():
    assert key_of("<<3 + 4 = 7>>7 then <<7*2=14>>", "paper") == "3+4=7|7*2=14"
    assert key_of(ONE, "paper") != key_of(TURNED, "paper")
    assert key_of(STEPS, "paper") != key_of(SWAPPED_STEPS, "paper")


@pytest.mark.parametrize("key", ["commutative", "order_free", "operands", "graph"])
def test_turned_operands_are_one_path_for_all_but_the_paper(key):
    assert key_of(ONE, key) == key_of(TURNED, key)


@pytest.mark.parametrize("key", ["order_free", "operands", "graph"])
def test_independent_steps_in_another_order_are_one_path(key):
    assert key_of(STEPS, key) == key_of(SWAPPED_STEPS, key)
    assert key_of(STEPS, "commutative") != key_of(SWAPPED_STEPS, "commutative")


@pytest.mark.parametrize("key", [name for name in KEYS if name != "operands"])
def test_subtraction_and_division_do_not_turn(key):
    assert key_of("<<9-3=6>>6 #### 6", key) != key_of("<<3-9=6>>6 #### 6", key)
    assert key_of("<<9/3=3>>3 #### 3", key) != key_of("<<3/9=3>>3 #### 3", key)


@pytest.mark.parametrize("key", ["commutative", "order_free", "operands", "graph"])
def test_numbers_are_read_not_spelled(key):
    assert key_of("<<0.50*1,000=500>>500", key) == key_of("<<50%*1000=500.0>>500", key)


def test_a_mark_that_repeats_the_text_is_one_step():
    assert len(read_path("12 eggs + 5 eggs = <<12+5=17>>17 eggs.").steps) == 1
    assert len(read_path("12 + 5 = 17. Then <<17*2=34>>34.").steps) == 2


def test_equations_of_running_text_count_for_ours_and_not_for_the_paper():
    text = "16 - 3 - 4 = 9 eggs are left. 9 * $2 = $18."
    assert key_of(text, "paper") == ""
    assert key_of(text, "order_free") == "(*2 *9)=18|(+16 -3 -4)=9"


def test_the_graph_key_leaves_out_what_leads_nowhere():
    assert key_of(ONE) == key_of("5 * 5 = <<5*5=25>>25. " + ONE)
    assert key_of(ONE, "order_free") != key_of("5 * 5 = <<5*5=25>>25. " + ONE, "order_free")


def test_the_graph_key_tells_a_found_number_from_a_stated_one():
    fed = "<<3+4=7>>7. <<7*7=49>>49. #### 49"
    stated = "<<7*7=49>>49. <<3+4=7>>7. #### 49"
    assert key_of(fed) != key_of(stated)
    assert key_of(fed, "order_free") == key_of(stated, "order_free")


def test_the_graph_key_does_not_see_rounding_but_sees_a_wrong_result():
    assert key_of("<<10/3=3.33>>. #### 3.33") == key_of("<<10/3=3.333>>. #### 3.333")
    assert key_of("<<10/2=5>>5") != key_of("<<10/2=6>>6")


def test_a_result_used_many_times_does_not_blow_up_the_key():
    steps = ["<<1+1=2>>2"] + [f"<<{2**n}+{2**n}={2 ** (n + 1)}>>" for n in range(1, 60)]
    assert len(key_of(" ".join(steps))) < 100


@pytest.mark.parametrize("key", KEYS)
@pytest.mark.parametrize("text", ["", "The answer is 7.", "#### 7", "<<>>", "x = y", "(((((", "<<1/0=1>>"])
def test_a_trace_without_readable_equations_has_the_empty_key_for_ours(key, text):
    assert key_of(text, key) == "" or key == "paper"


def test_an_unknown_key_is_an_error_that_names_the_others():
    with pytest.raises(RecipeError, match="order_free"):
        key_of("", "sorted")


@st.composite
def programs(draw):
    """Steps of a solution with distinct values, and for each the earlier ones that it needs."""
    values: list[int] = []
    steps: list[tuple[int, int, str, frozenset[int]]] = []
    stated = list(range(100, 106))
    for number in range(draw(st.integers(2, 6))):
        pool = [(None, value) for value in stated] + [(k, value) for k, value in enumerate(values)]
        (i, a), (j, b) = draw(st.sampled_from(pool)), draw(st.sampled_from(pool))
        sign = draw(st.sampled_from("+*"))
        result = a + b if sign == "+" else a * b
        if result in values or result in stated:
            continue
        values.append(result)
        steps.append((a, b, sign, frozenset(k for k in (i, j) if k is not None)))
        del number
    return values, steps


@settings(max_examples=60, deadline=None)
@given(programs(), st.randoms(use_true_random=False))
def test_the_graph_key_does_not_change_with_order_or_turned_operands(program, chance):
    values, steps = program
    if not steps:
        return
    order, left = [], set(range(len(steps)))
    while left:
        ready = sorted(k for k in left if steps[k][3] <= set(order))
        order.append(chance.choice(ready))
        left.remove(order[-1])

    def written(k, *, turn):
        a, b, sign, _ = steps[k]
        a, b = (b, a) if turn else (a, b)
        return f"It is {a} {sign} {b} = <<{a}{sign}{b}={values[k]}>>{values[k]}."

    end = f"\n#### {values[-1]}"
    plain = " ".join(written(k, turn=False) for k in range(len(steps))) + end
    mixed = " ".join(written(k, turn=chance.random() < 0.5) for k in order) + end
    assert key_of(plain) == key_of(mixed)
    assert key_of(plain, "order_free") == key_of(mixed, "order_free")
    assert read_path(plain).answer == Fraction(values[-1])
