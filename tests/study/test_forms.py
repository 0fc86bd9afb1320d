"""Curves against laws whose truth is known."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cotmill.study.choose import choose, held_out_error
from cotmill.study.forms import BROKEN, EXPONENTIAL, FORMS, LINE, LOGISTIC, POWER, fit, usable

SIZES = np.array([125.0, 250.0, 500.0, 1000.0, 2000.0, 4000.0, 8000.0])
LAWS = {
    "line": lambda x: 0.05 + 0.06 * np.log2(x / 125),
    "power": lambda x: 0.8 - 0.6 * (x / 125) ** -0.5,
    "exponential": lambda x: 0.7 - 0.6 * np.exp(-x / 900),
    "logistic": lambda x: 0.75 / (1 + np.exp(-(np.log2(x) - 9.5) / 1.1)),
    "broken line": lambda x: (
        0.1 + 0.1 * np.minimum(np.log2(x / 125), 3) + 0.01 * np.maximum(0, np.log2(x / 1000))
    ),
}


@pytest.mark.parametrize("name", LAWS)
def test_a_law_without_noise_is_recovered_and_chosen(name):
    y = LAWS[name](SIZES)[None, :]
    choice = choose(SIZES, y)
    assert choice.best.name == name
    found = choice.at(np.array([300.0, 16_000.0]))[0]
    # the logistic's middle and width are searched on a grid, in steps of half a doubling and a third
    assert found == pytest.approx(LAWS[name](np.array([300.0, 16_000.0])), abs=0.02)


def test_the_line_is_that_of_least_squares():
    rng = np.random.Generator(np.random.Philox(1))
    y = rng.random((3, 7))
    slope, level = np.polyfit(np.log2(SIZES), y.T, 1)
    fitted = fit(LINE, SIZES, y)
    assert fitted.linear == pytest.approx(np.stack([level, slope], axis=1))


def test_left_out_errors_of_the_line_are_those_of_refitting():
    rng = np.random.Generator(np.random.Philox(2))
    y = rng.random((1, 7))
    squares = []
    for left in range(7):
        rest = [n for n in range(7) if n != left]
        slope, level = np.polyfit(np.log2(SIZES[rest]), y[0, rest], 1)
        squares.append((np.clip(level + slope * np.log2(SIZES[left]), 0, 1) - y[0, left]) ** 2)
    assert held_out_error(LINE, SIZES, y)[0] == pytest.approx(np.sqrt(np.mean(squares)))


@settings(max_examples=25, deadline=None)
@given(st.lists(st.floats(0, 1), min_size=6, max_size=6))
def test_no_curve_leaves_the_range_of_shares_and_saturating_ones_never_fall(values):
    y = np.array([values])
    ahead = np.geomspace(60, 100_000, 20)
    for form in FORMS:
        found = fit(form, SIZES[:6], y)
        curve = found.at(ahead)[0]
        assert (curve >= 0).all()
        assert (curve <= 1).all()
        if form in (POWER, EXPONENTIAL, LOGISTIC):
            assert (np.diff(curve) >= -1e-9).all()
            assert found.ceilings is not None
            assert -1e-9 <= found.ceilings[0] <= 1


@settings(max_examples=25, deadline=None)
@given(st.lists(st.floats(0, 1), min_size=6, max_size=6))
def test_more_freedom_never_fits_worse(values):
    y = np.array([values])
    assert fit(BROKEN, SIZES[:6], y).error[0] <= fit(LINE, SIZES[:6], y).error[0] + 1e-9


def test_draws_are_fitted_one_by_one_or_together_alike():
    rng = np.random.Generator(np.random.Philox(3))
    y = np.sort(rng.random((5, 7)), axis=1)
    for form in FORMS:
        together = fit(form, SIZES, y).at(SIZES)
        alone = np.vstack([fit(form, SIZES, row[None, :]).at(SIZES) for row in y])
        assert together == pytest.approx(alone)


def test_forms_need_an_amount_to_spare():
    assert [form.name for form in usable(SIZES[:4])] == ["line", "power", "exponential", "logistic"]
    assert [form.name for form in usable([100.0, 200.0])] == []
