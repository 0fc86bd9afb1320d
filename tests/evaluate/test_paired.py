"""Paired tests against hand counts, scipy, and what a coin would do."""

import math

import numpy as np
import pytest

from cotmill.core.ids import rng_of
from cotmill.evaluate.paired import difference_over_seeds, mcnemar, over_seeds, paired_difference


def test_mcnemar_counts_the_four_cells_and_uses_only_what_changed() -> None:
    a = np.array([True, True, True, False, False, False, False])
    b = np.array([True, True, False, True, True, True, False])
    found = mcnemar(a, b)
    assert (found.both_right, found.only_a, found.only_b, found.both_wrong) == (2, 1, 3, 1)
    assert found.p_value == pytest.approx(2 * (1 + 4) / 16)  # at most 1 of 4, two-sided


@pytest.mark.parametrize(("heads", "tails"), [(0, 0), (1, 0), (3, 3), (2, 5), (26, 231), (400, 380)])
def test_exact_p_is_that_of_scipy(heads: int, tails: int) -> None:
    from scipy.stats import binomtest

    a = np.repeat([True, False], [heads, tails])
    theirs = binomtest(heads, heads + tails, 0.5).pvalue if heads + tails else 1.0
    assert mcnemar(a, ~a).p_value == pytest.approx(theirs)


def test_equal_runs_are_not_different() -> None:
    same = np.array([True, False, True])
    assert mcnemar(same, same).p_value == 1.0
    assert paired_difference(same, same).value == 0.0


def test_paired_difference_is_tighter_than_it_would_be_unpaired() -> None:
    rng = rng_of(0, "paired")
    a = rng.random(400) < 0.5
    b = a | (rng.random(400) < 0.06)
    found = paired_difference(a, b)
    assert found.value == pytest.approx(b.mean() - a.mean())
    assert found.low > 0.0
    assert found.high - found.low < 2 * 1.96 * math.sqrt(2 * 0.25 / 400)


def test_clusters_widen_the_interval() -> None:
    rng = rng_of(1, "clusters")
    a = np.repeat(rng.random(50) < 0.5, 8)
    b = np.repeat(rng.random(50) < 0.5, 8)
    clusters = np.repeat(np.arange(50), 8)
    alone, together = paired_difference(a, b), paired_difference(a, b, clusters)
    assert together.high - together.low > 2 * (alone.high - alone.low)
    assert together.n == 50


def test_seed_interval_matches_scipy() -> None:
    from scipy.stats import ttest_1samp

    values = [0.41, 0.39, 0.44, 0.40, 0.42]
    theirs = ttest_1samp(values, 0.0).confidence_interval(0.95)
    ours = over_seeds(values)
    assert (ours.low, ours.high) == pytest.approx((theirs.low, theirs.high))
    assert ours.n == 5


def test_one_seed_has_no_interval() -> None:
    alone = over_seeds([0.4])
    assert alone.value == 0.4
    assert alone.as_dict()["low"] is None


def test_seed_comparison_is_paired_and_names_what_it_left_out() -> None:
    from scipy.stats import ttest_rel

    a, b = {0: 0.40, 1: 0.50, 2: 0.30, 9: 0.1}, {0: 0.43, 1: 0.52, 2: 0.34, 7: 0.9}
    found = difference_over_seeds(a, b)
    assert found.difference.value == pytest.approx(0.03)
    assert found.p_value == pytest.approx(
        ttest_rel([b[s] for s in (0, 1, 2)], [a[s] for s in (0, 1, 2)]).pvalue
    )
    assert (found.seeds, found.only_a, found.only_b) == ((0, 1, 2), (9,), (7,))
