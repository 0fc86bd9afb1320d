"""Minima, quotas, and near-duplicates that count once, for any method."""

import numpy as np
import pytest

from cotmill.core.errors import RecipeError
from cotmill.data.pool import Pool
from cotmill.evidence import Scores
from cotmill.select import Extras, Limits, Random, Scored, Selection, SourceBalanced


def drawn(pool: Pool, budget: object, seed: int = 0, **limits: object) -> Selection:
    return Random()(pool, budget=budget, seed=seed, extras=Extras(limits=Limits(**limits)))


def per_source(selection: Selection) -> dict[str, int]:
    return {name: count["taken"] for name, count in selection.summary["sources"].items()}


def test_minima_and_quotas_are_met_exactly_and_every_row_says_why(make_pool):
    pool = make_pool(100, sources="aaaaaaaabc")
    selection = drawn(pool, 40, least={"b": 9}, most={"a": "50%"})
    assert per_source(selection) == {"a": 20, "b": 10, "c": 10}
    reasons = selection.table["reason"].to_pylist()
    assert reasons.count("left: the quota of its stratum is full") == 60
    free = drawn(pool, 40, most={"c": 1}, least={"b": "25%"})
    assert per_source(free)["b"] == 10
    assert per_source(free)["c"] <= 1


def test_minima_keep_choices_nested(make_pool):
    pool = make_pool(100, sources="aaaaaaaaab")
    kept: set[str] = set()
    for budget in (8, 9, 20, 60, 100):
        taken = set(drawn(pool, budget, least={"b": 8}).row_ids)
        assert kept < taken
        kept = taken


def test_limits_hold_for_every_rule_and_take_its_best_rows(make_pool):
    pool = make_pool(20, sources="ab")
    scores = Scores(row_ids=pool.ids, values=np.arange(20.0))
    limits = Extras(limits=Limits(most={"b": 2}))
    selection = Scored()(pool, scores, budget=4, seed=0, extras=limits)
    assert np.flatnonzero(selection.taken).tolist() == [16, 17, 18, 19]
    limits = Extras(limits=Limits(most={"b": 1}, least={"a": 1}))
    selection = Scored()(pool, scores, budget=4, seed=0, extras=limits)
    assert np.flatnonzero(selection.taken).tolist() == [14, 16, 18, 19]


@pytest.mark.parametrize(
    ("limits", "problem"),
    [
        ({"least": {"z": 1}}, "no value 'z'; it has a, b"),
        ({"least": {"a": 60}}, "at least 60 rows of 'a' are asked for; only 50"),
        ({"least": {"a": 20, "b": 20}}, "minima ask for 40 rows, the budget for 30"),
        ({"most": {"a": 3, "b": 3}}, "only 6 of 100 may be drawn"),
        ({"most": {"a": "5tok"}}, "rows .200. or percent"),
    ],
)
def test_limits_that_cannot_be_met_are_refused_in_a_sentence(make_pool, limits, problem):
    with pytest.raises((RecipeError, ValueError), match=problem):
        drawn(make_pool(100), 30, **limits)


def words(number: int) -> str:
    return " ".join(f"w{number}x{place}" for place in range(30))


def test_near_duplicates_count_once_before_the_method_counts():
    rows = [
        {"question": words(i % 5 if i < 45 else i), "trace": f"#### {i}", "source": "ab"[i >= 45]}
        for i in range(50)
    ]
    pool = Pool.from_rows(rows)
    limits = Extras(limits=Limits(once=0.8))
    balanced = SourceBalanced()(pool, budget=6, seed=0, extras=limits)
    assert per_source(balanced) == {"a": 3, "b": 3}
    every = SourceBalanced()(pool, budget=10, seed=0, extras=limits)
    assert per_source(every) == {"a": 5, "b": 5}
    reasons = every.table["reason"].to_pylist()
    assert reasons.count("left: a near-duplicate of it stands for both") == 40
    mixed = Pool.from_table(pool.table().take(np.random.default_rng(0).permutation(50)))
    assert set(SourceBalanced()(mixed, budget=6, seed=0, extras=limits).row_ids) == set(balanced.row_ids)
    with pytest.raises(RecipeError, match="only 10 of 50 may be drawn"):
        SourceBalanced()(pool, budget=11, seed=0, extras=limits)
