"""Unseen paths and yield curves, against brute force."""

from itertools import permutations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cotmill.augment.richness import Counted, chao1, expected_distinct, unseen_probability, yield_curve
from cotmill.core.errors import DataError
from cotmill.core.ids import rng_of


def averaged_over_orders(labels, size):
    """Distinct paths among the first `size` samples, averaged over all orders; None is a wrong sample."""
    orders = list(permutations(labels))
    return sum(len({label for label in order[:size] if label is not None}) for order in orders) / len(orders)


@settings(max_examples=25, deadline=None)
@given(st.lists(st.sampled_from(["a", "b", "c", None]), min_size=1, max_size=6), st.integers(0, 6))
def test_rarefaction_is_the_average_over_all_orders(labels, size):
    size = min(size, len(labels))
    counts = [labels.count(label) for label in "abc"]
    assert expected_distinct(counts, size, len(labels)) == pytest.approx(averaged_over_orders(labels, size))


def test_rarefaction_is_exact_for_many_samples():
    counts, n = [3000, 500, 2, 1], 5000
    absent = [float(np.prod([(n - c - k) / (n - k) for k in range(100)])) for c in counts]
    assert expected_distinct(counts, 100, n) == pytest.approx(4 - sum(absent), rel=1e-9)
    assert expected_distinct(counts, n, n) == 4


def test_a_yield_curve_is_the_mean_over_questions_and_its_interval_holds_it():
    questions = [Counted((3, 2, 1), 10), Counted((), 10), Counted((7,), 10)]
    curve = yield_curve(questions, [1, 5, 10])
    for size, mean, low, high in zip(curve.sizes, curve.mean, curve.low, curve.high, strict=True):
        expected = sum(expected_distinct(q.counts, size, q.samples) for q in questions) / 3
        assert mean == pytest.approx(expected)
        assert low <= mean <= high
    assert curve == yield_curve(questions, [1, 5, 10])


def test_a_yield_curve_of_nothing_is_zero():
    assert yield_curve([]).mean == ()
    assert yield_curve([Counted((), 3)]).mean == (0.0, 0.0, 0.0)


def test_good_turing_predicts_the_next_sample():
    rng = rng_of(0, "good turing")
    weights = 1 / np.arange(1, 41)
    weights /= weights.sum()
    guessed, true = [], []
    for _ in range(300):
        drawn = rng.choice(40, size=30, p=weights)
        counts = np.bincount(drawn, minlength=40)
        guessed.append(unseen_probability(counts.tolist()))
        true.append(weights[counts == 0].sum())
    assert np.mean(guessed) == pytest.approx(np.mean(true), abs=0.02)


def test_chao1_bounds_the_number_of_paths_and_its_interval_covers():
    rng = rng_of(0, "chao")
    covered, estimates = 0, []
    for _ in range(300):
        found = chao1(np.bincount(rng.integers(30, size=60), minlength=30).tolist())
        covered += found.low <= 30 <= found.high
        estimates.append(found.estimate)
        assert found.seen <= found.low <= found.high
    assert np.mean(estimates) == pytest.approx(30, abs=2)
    assert covered / 300 > 0.85


@pytest.mark.parametrize("counts", [[], [0, 0], [1], [2], [1, 1], [1, 1, 1, 1], [9, 9], [1, 2], [10_000]])
def test_degenerate_counts_give_finite_numbers(counts):
    found = chao1(counts)
    assert all(np.isfinite(value) for value in found)
    assert found.low <= found.estimate <= found.high or found.seen == 0
    assert 0 <= unseen_probability(counts) <= 1


def test_more_traces_than_samples_is_an_error():
    with pytest.raises(DataError, match="5 traces"):
        unseen_probability([3, 2], samples=4)
