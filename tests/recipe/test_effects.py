"""What factors bring: by hand on two by two, and on results whose effects are known."""

import itertools

import numpy as np
import pytest

from cotmill.core.factors import BASELINE, combinations
from cotmill.core.ids import rng_of
from cotmill.recipe.contrasts import ALONE, BEYOND, INTERACTION, MAIN, TOGETHER, contrasts_of
from cotmill.recipe.effects import Crossed, best, effects, holm

TWO = {"pruning": ("none", "S2L"), "noise": ("plain", "masked")}
THREE = {
    "pruning": ("none", "S2L", "influence"),
    "samples": ("none", "RFT", "pooled RFT"),
    "noise": ("plain", "masked"),
}


def results(table: np.ndarray) -> dict[int, dict[str, float]]:
    """Name seeds and questions of a table."""
    return {
        seed: {f"q{item}": float(value) for item, value in enumerate(row)} for seed, row in enumerate(table)
    }


def drawn(design, effect, *, seeds=5, items=60, seed=0, spread=0.0):
    """Draw answers of every arm: a question's difficulty, a seed's luck with an arm, and the arm's effect."""
    rng = rng_of(seed, "drawn")
    difficulty = rng.normal(0, 0.2, items)
    arms = {}
    for arm, levels in combinations(design).items():
        luck = rng.normal(0, spread, (seeds, 1))
        noise = rng.normal(0, 0.3, (seeds, items))
        arms[arm] = results(0.5 + difficulty + effect(levels) + luck + noise)
    return arms


def test_two_factors_of_two_levels_come_out_as_by_hand():
    # Means: baseline .1, masked .3, S2L .2, both .8, one question a seed being right or not.
    shares = {BASELINE: 1, "masked": 3, "S2L": 2, "S2L + masked": 8}
    arms = {arm: results(np.tile([1.0] * n + [0.0] * (10 - n), (2, 1))) for arm, n in shares.items()}
    found = effects(arms, TWO, {"declared": {"S2L": 1.0, "masked": -1.0}})
    assert found is not None
    values = {(one["kind"], one["name"]): one["difference"] for one in found["effects"]}
    assert values == pytest.approx({
        (MAIN, "S2L"): ((0.2 - 0.1) + (0.8 - 0.3)) / 2,
        (MAIN, "masked"): ((0.3 - 0.1) + (0.8 - 0.2)) / 2,
        (INTERACTION, "S2L × masked"): 0.8 - 0.3 - 0.2 + 0.1,
        (ALONE, "S2L"): 0.1,
        (ALONE, "masked"): 0.2,
        (TOGETHER, "S2L + masked"): 0.7,
        (BEYOND, "S2L + masked"): 0.7 - 0.1 - 0.2,
        ("declared", "declared"): -0.1,
    })  # fmt: skip
    assert found["best"]["arm"] == "S2L + masked"
    assert found["best"]["firsts"]["S2L + masked"] > 0.9


def test_every_question_weighs_arms_to_zero_and_main_effects_to_one():
    for one in contrasts_of(THREE, {}):
        assert sum(one.weights.values()) == pytest.approx(0)
        positive = sum(weight for weight in one.weights.values() if weight > 0)
        assert positive == pytest.approx(
            {MAIN: 1, INTERACTION: 2 ** (len(one.levels) - 1)}.get(one.kind, positive)
        )
    kinds = [one.kind for one in contrasts_of(THREE, {})]
    assert {kind: kinds.count(kind) for kind in kinds} == {
        MAIN: 5, INTERACTION: (2 * 2 + 2 + 2) + 4, ALONE: 5, TOGETHER: 12, BEYOND: 12,
    }  # fmt: skip


def test_known_effects_of_three_factors_are_found():
    def effect(levels):
        own = {"S2L": 0.02, "influence": 0.05, "RFT": 0.10, "pooled RFT": 0.15, "masked": -0.04}
        extra = 0.2 if levels["pruning"] == "S2L" and levels["samples"] == "RFT" else 0.0
        return sum(own.get(level, 0.0) for level in levels.values()) + extra

    found = effects(drawn(THREE, effect, items=2000), THREE, {})
    assert found is not None
    by_name = {(one["kind"], one["name"]): one for one in found["effects"]}
    # The extra of S2L with RFT is a third of what S2L brings on average over the three ways of sampling.
    assert by_name[MAIN, "S2L"]["difference"] == pytest.approx(0.02 + 0.2 / 3, abs=0.02)
    assert by_name[MAIN, "influence"]["difference"] == pytest.approx(0.05, abs=0.02)
    assert by_name[INTERACTION, "S2L × RFT"]["difference"] == pytest.approx(0.2, abs=0.04)
    assert by_name[INTERACTION, "S2L × RFT"]["p_adjusted"] < 0.01
    assert by_name[INTERACTION, "influence × masked"]["p_adjusted"] > 0.05
    assert (
        by_name[BEYOND, "influence + pooled RFT"]["low"]
        < 0
        < by_name[BEYOND, "influence + pooled RFT"]["high"]
    )
    assert by_name[BEYOND, "S2L + RFT + masked"]["low"] > 0
    assert found["best"]["arm"] == "S2L + RFT"


@pytest.mark.parametrize("seeds", [2, 5])
def test_intervals_hold_as_often_as_they_say(seeds):
    held, asked = 0, 0
    for seed in range(60):
        arms = drawn(TWO, lambda _: 0.0, seeds=seeds, items=40, seed=seed, spread=0.1)
        found = effects(arms, TWO, {})
        assert found is not None
        for one in found["effects"]:
            if one["kind"] in (MAIN, INTERACTION):
                held += one["low"] <= 0 <= one["high"]
                asked += 1
    assert 0.88 <= held / asked <= 1.0


def test_arms_that_are_not_there_leave_out_what_needs_them():
    arms = drawn(TWO, lambda _: 0.0)
    del arms["S2L + masked"]
    found = effects(arms, TWO, {})
    assert found is not None
    assert {one["kind"] for one in found["effects"]} == {ALONE}
    assert effects({BASELINE: arms[BASELINE]}, TWO, {}) is None
    assert effects({BASELINE: arms[BASELINE], "S2L": {7: {"q0": 1.0}}}, TWO, {}) is None


def test_the_best_of_equal_arms_is_not_told_apart_and_its_interval_is_wide():
    arms = drawn(THREE, lambda _: 0.0, items=200, spread=0.02)
    crossed = Crossed.of(arms)
    assert crossed is not None
    told = best(crossed, None)
    assert len(told["not_apart"]) == 17
    assert told["firsts"][told["arm"]] < 0.9
    plain = crossed.contrast({told["arm"]: 1.0, BASELINE: -1.0})
    assert told["over_baseline"]["high"] - told["over_baseline"]["low"] > plain.high - plain.low


def test_adjusted_p_values_are_those_of_holm():
    assert holm([0.04, 0.01, 0.03, 0.005]) == pytest.approx([0.06, 0.03, 0.06, 0.02])
    assert holm([]) == []


def test_results_do_not_depend_on_the_order_of_arms():
    arms = drawn(TWO, lambda levels: 0.1 if levels["noise"] == "masked" else 0.0)
    for order in itertools.islice(itertools.permutations(arms), 3):
        found = effects({arm: arms[arm] for arm in order}, TWO, {})
        assert found is not None
        assert found["best"]["arm"].endswith("masked")
        by_name = {(one["kind"], one["name"]): one["difference"] for one in found["effects"]}
        first = effects(arms, TWO, {})
        assert first is not None
        assert by_name == pytest.approx({(o["kind"], o["name"]): o["difference"] for o in first["effects"]})
