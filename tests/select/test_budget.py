"""Budgets as people write them, and what they cut."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cotmill.core.errors import RecipeError
from cotmill.select import Budget


@pytest.mark.parametrize(
    ("text", "rows", "of"),
    [
        ("11%", 28_824, 262_040),
        ("0.1%", 1, 500),
        ("12.5 %", 13, 100),
        ("1_000", 1000, 5000),
        ("1.5k", 1500, 5000),
    ],
)
def test_rows_are_counted_exactly_and_halves_go_up(text: str, rows: int, of: int):
    assert Budget.parse(text).rows_of(of) == rows


@pytest.mark.parametrize("text", ["0", "-3", "0%", "100.1%", "1.5", "ten", "", "3 epochs", "0.11", "5Mtok%"])
def test_what_is_no_budget_is_refused_in_a_sentence(text: str):
    with pytest.raises(RecipeError, match="rows"):
        Budget.parse(text)


def test_a_budget_reads_what_it_writes():
    for text in ("11%", "30000", "5Mtok", "0.25%", "7 tokens"):
        assert Budget.parse(str(Budget.parse(text))) == Budget.parse(text)


@given(st.lists(st.integers(1, 9), min_size=1, max_size=30), st.data())
def test_tokens_are_met_from_below_by_the_longest_run(tokens: list[int], data: st.DataObject):
    amount = data.draw(st.integers(tokens[0], sum(tokens)))
    count = Budget.parse(f"{amount}tok").cut(np.array(tokens), len(tokens), len(tokens))
    assert sum(tokens[:count]) <= amount
    assert count == len(tokens) or sum(tokens[: count + 1]) > amount


def test_tokens_need_lengths_and_a_budget_that_a_row_fits_in():
    with pytest.raises(RecipeError, match="no lengths were given"):
        Budget.parse("5tok").cut(None, 3, 3)
    with pytest.raises(RecipeError, match="first row drawn has 9 tokens"):
        Budget.parse("5tok").cut(np.array([9, 1]), 2, 2)


def test_more_rows_than_may_be_drawn_are_refused():
    with pytest.raises(RecipeError, match="only 3 of 10 may be drawn"):
        Budget.parse(5).cut(None, 3, 10)
