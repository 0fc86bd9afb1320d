"""Differences between arms: paired by seed and question, with intervals that hold what they promise."""

import numpy as np
import pytest

from cotmill.core.ids import rng_of
from cotmill.recipe.difference import BOTH, ITEMS_ONLY, POOLED, as_json, difference_of, paired, paired_all


def test_only_what_both_sides_have_is_compared() -> None:
    mine = {0: {"a": 1.0, "b": 0.0, "c": 1.0}, 1: {"a": 1.0, "b": 1.0}, 2: {"a": 0.0}}
    theirs = {0: {"a": 0.0, "b": 0.0}, 1: {"a": 1.0, "b": 0.0, "d": 1.0}}
    found = paired(mine, theirs)
    assert found is not None
    assert (found.seeds, found.items, found.wins, found.losses) == (2, 2, 2, 0)
    assert found.value == 0.5
    assert paired(mine, {7: {"a": 1.0}}) is None
    assert paired({0: {"a": 1.0}}, {0: {"b": 1.0}}) is None


def test_one_seed_is_the_paired_t_interval_and_says_so() -> None:
    from scipy.stats import ttest_1samp

    change = rng_of(0, "one seed").integers(-1, 2, size=(1, 80)).astype(float)
    found = difference_of(change)
    expected = ttest_1samp(change[0], 0.0)
    low, high = expected.confidence_interval(0.95)
    assert found.method == ITEMS_ONLY
    assert (found.low, found.high) == (pytest.approx(low), pytest.approx(high))
    assert found.p_value == pytest.approx(expected.pvalue)


def test_no_spread_gives_no_p_value() -> None:
    found = difference_of(np.zeros((3, 10)))
    assert (found.value, found.p_value) == (0.0, None)
    # Ten questions of which none differs cannot rule out that one in four would.
    assert found.high == -found.low == pytest.approx(1 - 0.05**0.1)
    assert as_json(found)["n_seeds"] == 3


@pytest.mark.parametrize(("seed_spread", "item_spread"), [(0.0, 0.3), (0.1, 0.1), (0.1, 0.0)])
def test_intervals_over_seeds_and_questions_cover_the_truth(seed_spread: float, item_spread: float) -> None:
    rng = rng_of(1, "cover", str(seed_spread))
    truth, hits, trials = 0.05, 0, 400
    for _ in range(trials):
        seeds = rng.normal(0, seed_spread, size=(4, 1))
        items = rng.normal(0, item_spread, size=(1, 60))
        found = difference_of(truth + seeds + items + rng.normal(0, 0.3, size=(4, 60)))
        assert found.method == BOTH
        hits += found.low <= truth <= found.high
    # 95 % nominal; with 400 trials its standard error is 1.1 points, and the method errs to the wide side.
    assert hits / trials > 0.92


def test_with_few_seeds_the_variance_is_pooled_over_arms_and_still_covers_the_truth() -> None:
    rng = rng_of(2, "pooled")
    hits, widths, alone, trials, truth = 0, [], [], 150, 0.05
    for _ in range(trials):
        items = rng.normal(0.5, 0.3, size=(1, 60))

        def arm(shift: float, items: np.ndarray = items) -> dict[int, dict[str, float]]:
            seeds = rng.normal(0, 0.03, size=(2, 1))
            table = shift + seeds + items + rng.normal(0, 0.3, size=(2, 60))
            return {s: {str(i): float(table[s, i]) for i in range(60)} for s in range(2)}

        base, arms = arm(0.0), {name: arm(truth) for name in "abcd"}
        found = paired_all(arms, base)["a"]
        assert found.method == POOLED
        hits += found.low <= truth <= found.high
        widths.append(found.high - found.low)
        one = paired(arms["a"], base)
        assert one is not None
        assert one.method == BOTH
        alone.append(one.high - one.low)
    assert hits / trials > 0.9
    assert np.mean(widths) < 0.6 * np.mean(alone)


def test_from_five_seeds_on_every_arm_speaks_for_itself() -> None:
    rng = rng_of(3, "five")
    arms = {n: {s: {str(i): float(rng.random()) for i in range(20)} for s in range(5)} for n in "abc"}
    found = paired_all({"a": arms["a"], "b": arms["b"]}, arms["c"])
    alone = paired(arms["a"], arms["c"])
    assert found["a"] == alone
    assert list(found) == ["a", "b"]
