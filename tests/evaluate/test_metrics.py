"""Intervals, pass@k and votes against closed forms, brute force and simulated cover."""

from itertools import combinations, product
from statistics import mean

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cotmill.core.ids import rng_of
from cotmill.evaluate.metrics import bootstrap_mean, cluster_mean, majority_at_k, pass_at_k, wilson


def test_wilson_matches_scipy() -> None:
    from scipy.stats import binomtest

    for right, n in ((0, 5), (1, 7), (50, 100), (659, 660), (660, 660)):
        theirs = binomtest(right, n).proportion_ci(method="wilson")
        ours = wilson(right, n)
        assert (ours.low, ours.high) == pytest.approx((theirs.low, theirs.high), abs=1e-12)


def test_wilson_of_nothing_knows_nothing() -> None:
    empty = wilson(0, 0)
    assert (empty.low, empty.high, empty.n) == (0.0, 1.0, 0)
    assert empty.as_dict()["value"] is None


def test_wilson_bounds_touch_zero_and_one_only_at_the_ends() -> None:
    assert wilson(0, 10).low == 0.0
    assert wilson(10, 10).high == 1.0
    assert wilson(1, 10).low > 0.0
    assert wilson(9, 10).high < 1.0


@given(st.lists(st.booleans(), min_size=2, max_size=60))
def test_one_sample_per_question_gives_plain_wilson(right: list[bool]) -> None:
    values = np.array(right)
    assert cluster_mean(values) == wilson(sum(right), len(right))
    assert cluster_mean(values, np.arange(len(right))) == wilson(sum(right), len(right))


def test_copies_of_every_sample_add_no_certainty() -> None:
    right = np.array([True, False, True, True, False, True, False, True, True, True])
    once, tenfold = cluster_mean(right), cluster_mean(np.repeat(right, 10), np.repeat(np.arange(10), 10))
    assert tenfold.value == pytest.approx(once.value)
    assert tenfold.n == 10
    assert tenfold.high - tenfold.low >= once.high - once.low


def test_cluster_interval_covers_the_truth_when_samples_of_a_question_agree() -> None:
    """Plain Wilson over samples covers less than 70 % here; the target is 95 % (400 trials: s.e. 1.1)."""
    rng, covered, naive = rng_of(0, "cover"), 0, 0
    for _ in range(400):
        skill = rng.beta(0.3, 0.6, size=80)  # mean 1/3, strongly bimodal
        right = rng.random((80, 8)) < skill[:, None]
        found = cluster_mean(right.ravel(), np.repeat(np.arange(80), 8))
        plain = wilson(int(right.sum()), right.size)
        covered += found.low <= 1 / 3 <= found.high
        naive += plain.low <= 1 / 3 <= plain.high
    assert covered / 400 >= 0.92
    assert naive / 400 < 0.75


def test_bootstrap_agrees_with_the_analytical_interval_and_is_seeded() -> None:
    rng = rng_of(1, "agree")
    right = rng.random((200, 4)) < rng.beta(1, 1, size=200)[:, None]
    clusters = np.repeat(np.arange(200), 4)
    drawn, exact = bootstrap_mean(right.ravel(), clusters), cluster_mean(right.ravel(), clusters)
    assert (drawn.low, drawn.high) == pytest.approx((exact.low, exact.high), abs=0.01)
    assert drawn == bootstrap_mean(right.ravel(), clusters)
    assert drawn != bootstrap_mean(right.ravel(), clusters, seed=1)


@given(st.integers(1, 7).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n), st.integers(1, n))))
def test_pass_at_k_is_the_mean_over_all_subsets(case: tuple[int, int, int]) -> None:
    right, n, k = case
    drawn = [any(item < right for item in subset) for subset in combinations(range(n), k)]
    assert pass_at_k(np.array([right]), np.array([n]), k)[0] == pytest.approx(mean(drawn))


def test_pass_at_k_refuses_more_than_there_are() -> None:
    with pytest.raises(ValueError, match="pass@4 needs 4 samples"):
        pass_at_k(np.array([1]), np.array([3]), 4)


def test_a_tie_counts_as_the_share_that_is_right() -> None:
    assert majority_at_k(["1", "2"], [True, False], 2) == 0.5
    assert majority_at_k(["1", "2", "3"], [False, False, True], 3) == pytest.approx(1 / 3)


def test_silent_samples_do_not_vote() -> None:
    assert majority_at_k([None, None, "7"], [False, False, True], 3) == 1.0
    assert majority_at_k([None, None], [False, False], 2) == 0.0


def test_majority_over_blocks_is_the_mean_of_the_blocks() -> None:
    answers, right = ["1", "1", "2", "2", "2", "1"], [True, True, False, False, False, True]
    assert majority_at_k(answers, right, 3) == 0.5
    assert majority_at_k(answers, right, 1) == 0.5


@given(st.lists(st.sampled_from(["a", "b", "c", None]), min_size=3, max_size=3))
def test_majority_never_leaves_zero_to_one(answers: list[str | None]) -> None:
    for truth in product((True, False), repeat=1):
        right = [answer == "a" and truth[0] for answer in answers]
        assert 0.0 <= majority_at_k(answers, right, 3) <= 1.0
