"""Two selections against chance."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import hypergeom

from cotmill.core.errors import DataError, EvidenceError
from cotmill.data.pool import Pool
from cotmill.evidence import Scores
from cotmill.select import PerplexityLow, PerplexityTop, Random, SourceBalanced, compare_selections
from cotmill.select.overlap import overlap


@given(st.integers(2, 60), st.data())
def test_chance_is_hypergeometric(rows: int, data: st.DataObject):
    in_a, in_b = (data.draw(st.integers(1, rows)) for _ in range(2))
    a, b = np.arange(rows) < in_a, np.arange(rows) >= rows - in_b
    found = overlap(a, b)
    shared = np.arange(rows + 1)
    chances = hypergeom(rows, in_a, in_b).pmf(shared)
    mean = (chances * shared).sum()
    deviation = np.sqrt((chances * (shared - mean) ** 2).sum())
    assert found["expected_both"] == pytest.approx(mean)
    if 0 < max(in_a, in_b) < rows:
        assert found["z"] == pytest.approx((found["both"] - mean) / deviation)
    else:
        assert found["z"] is None
    assert found["jaccard"] == (a & b).sum() / (a | b).sum()


def test_two_random_selections_overlap_by_chance_and_equal_ones_wholly(make_pool):
    pool = make_pool(2000)
    one, other = (Random()(pool, budget=500, seed=seed) for seed in (0, 1))
    assert abs(compare_selections(one, other)["z"]) < 4
    same = compare_selections(one, one)
    assert same["jaccard"] == 1
    assert same["only_a"] == same["only_b"] == []
    assert same["z"] > 30


def test_parts_add_up_to_the_whole(make_pool):
    pool = make_pool(300, sources="aab")
    found = compare_selections(
        Random()(pool, budget=60, seed=0), SourceBalanced()(pool, budget=80, seed=1), pool
    )
    assert set(found["by_source"]) == {"a", "b"}
    assert len(found["by_length"]) == 5
    for part in ("by_source", "by_length"):
        for count in ("rows", "a", "b", "both"):
            assert sum(each[count] for each in found[part].values()) == found[count]
    assert found["by_source"]["b"]["b"] == 40


def test_another_order_of_the_pool_is_the_same_pool(make_pool):
    pool = make_pool(100)
    mixed = Pool.from_table(pool.table().take(np.random.default_rng(0).permutation(100)))
    found = compare_selections(Random()(pool, budget=30, seed=0), Random()(mixed, budget=30, seed=0))
    assert found["both"] == 30


def test_selections_of_different_pools_are_not_compared(make_pool):
    with pytest.raises(DataError, match="1 of 11 rows"):
        compare_selections(
            Random()(make_pool(11), budget=3, seed=0), Random()(make_pool(10), budget=3, seed=0)
        )
    one = Random()(make_pool(11), budget=3, seed=0)
    with pytest.raises(DataError, match="is not the one selected from"):
        compare_selections(one, one, make_pool(10))


def test_selections_are_compared_by_difficulty(make_pool, make_trajectories):
    pool = make_pool(100)
    losses = make_trajectories(pool, np.arange(100.0)[:, None]).losses(0)
    hard, easy = (kind()(pool, losses, budget=20, seed=0) for kind in (PerplexityTop, PerplexityLow))
    found = compare_selections(hard, easy, pool, losses)["by_difficulty"]
    assert (found["hardest fifth"]["a"], found["hardest fifth"]["b"]) == (20, 0)
    assert (found["easiest fifth"]["a"], found["easiest fifth"]["b"]) == (0, 20)
    with pytest.raises(EvidenceError, match="scores do not say how hard"):
        compare_selections(hard, easy, pool, Scores(row_ids=pool.ids, values=np.ones(100)))
