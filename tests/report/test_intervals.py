"""Intervals over crossed items and seeds."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from cotmill.core.ids import rng_of
from cotmill.report.intervals import (
    Interval,
    crossed_differences,
    crossed_means,
    mean_interval,
    share_intervals,
    wilson,
)


def share_interval(outcomes: np.ndarray) -> Interval:
    return share_intervals([outcomes])[0]


def test_wilson_agrees_with_the_published_example() -> None:
    # Newcombe 1998, table I: 81 of 263, method 3.
    found = wilson(81 / 263, 263)
    assert (round(found.low, 4), round(found.high, 4)) == (0.2553, 0.3662)


def test_one_seed_gives_wilson_over_the_items() -> None:
    outcomes = rng_of(0, "one").random((1, 200)) < 0.3
    assert share_interval(outcomes.astype(float)) == wilson(float(outcomes.mean()), 200)


def test_repeating_a_seed_does_not_make_the_interval_narrower_than_the_items_allow() -> None:
    one = (rng_of(0, "repeat").random((1, 300)) < 0.4).astype(float)
    single, repeated = share_interval(one), share_interval(np.repeat(one, 10, axis=0))
    # Wilson's z against Student's t at 299 degrees of freedom: less than one per cent apart.
    assert repeated.high - repeated.low == pytest.approx(single.high - single.low, rel=0.01)


def test_the_interval_covers_the_truth_over_new_items_and_new_seeds() -> None:
    # Items differ in ease, seeds in skill. 95 % are promised; 600 worlds have a standard error of 0.9 %.
    covered = sum(_covers(rng_of(7, "world", world)) for world in range(600)) / 600
    assert 0.92 <= covered <= 0.99


def _covers(rng: np.random.Generator) -> bool:
    ease, skill = rng.normal(0, 0.15, (1, 200)), rng.normal(0, 0.02, (3, 1))
    outcomes = rng.random((3, 200)) < 0.5 + ease + skill
    found = share_interval(outcomes.astype(float))
    return found.low <= 0.5 <= found.high


@settings(deadline=None, max_examples=60)
@given(
    arrays(
        np.float64,
        st.tuples(st.integers(1, 5), st.integers(1, 30)),
        elements=st.sampled_from([0.0, 0.5, 1.0]),
    )
)
def test_every_interval_lies_in_zero_to_one_and_holds_its_mean(outcomes: np.ndarray) -> None:
    found = share_interval(outcomes)
    assert 0 <= found.low <= found.mean + 1e-12
    assert found.mean <= found.high + 1e-12 <= 1 + 2e-12


def test_two_seeds_of_several_arms_share_what_they_say_about_seeds() -> None:
    # One arm with two seeds has one degree of freedom, where t is 12.7; six arms have six, where it is 2.4.
    arms = [(rng_of(3, "arm", arm).random((2, 300)) < 0.02).astype(float) for arm in range(6)]
    widths = [found.high - found.low for found in share_intervals(arms)]
    assert max(widths) < 0.06


def test_pooled_intervals_cover_the_truth_of_every_arm() -> None:
    covered = [_covers_arms(rng_of(11, "world", world)) for world in range(150)]
    # 750 arms; those of one world share their items, so a standard error of about 1 % is a fair guess.
    assert 0.91 <= np.mean(covered) <= 0.99


def _covers_arms(rng: np.random.Generator) -> float:
    ease = rng.normal(0, 0.15, (1, 200))
    arms = [(rng.random((2, 200)) < 0.5 + ease + rng.normal(0, 0.03, (2, 1))).astype(float) for _ in range(5)]
    return float(np.mean([found.low <= 0.5 <= found.high for found in share_intervals(arms)]))


def test_one_arm_against_the_reference_is_the_interval_of_the_paired_differences() -> None:
    arm, reference = rng_of(5, "arms").normal(0, 1, (2, 3, 40))
    found, expected = crossed_differences([arm], reference)[0], crossed_means([arm - reference])[0]
    assert (found.mean, found.low, found.high) == pytest.approx((expected.mean, expected.low, expected.high))


def test_arms_compared_together_cover_the_truth_with_narrower_intervals() -> None:
    together, alone, covered = 0.0, 0.0, []
    for world in range(120):
        rng = rng_of(13, "world", world)
        arms = rng.normal(0, 0.02, (6, 2, 1)) + rng.normal(0, 0.4, (6, 2, 200))
        found = crossed_differences(list(arms[1:]), arms[0])
        together += sum(one.high - one.low for one in found)
        alone += sum(one.high - one.low for arm in arms[1:] for one in crossed_differences([arm], arms[0]))
        covered += [one.low <= 0 <= one.high for one in found]
    # 600 differences, five of each world sharing a reference: a standard error of about 1.5 %.
    assert 0.91 <= np.mean(covered) <= 0.995
    assert together < 0.6 * alone


def test_one_seed_has_no_interval_over_seeds() -> None:
    assert mean_interval(np.array([0.3])).high == float("inf")
    assert mean_interval(np.array([1.0, 3.0])).mean == 2.0
