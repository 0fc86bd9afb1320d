"""Every drawing rule against a slow and obvious version of itself."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cotmill.core.ids import content_id, order_keys
from cotmill.select import pick

counts = st.lists(st.integers(0, 12), min_size=1, max_size=9)
group_numbers = st.lists(st.integers(0, 5), min_size=1, max_size=40)
seeds = st.integers(0, 2**40)


def keys_of(rows: int, seed: int = 0) -> np.ndarray:
    return order_keys(seed, [content_id("row", str(i)) for i in range(rows)])


def published_loop(sizes: list[int], budget: int) -> list[int]:
    """S2L's algorithm 1: clusters by size ascending, each takes an even share of what is left."""
    taken = [0] * len(sizes)
    order = sorted(range(len(sizes)), key=sizes.__getitem__)
    for k, cluster in enumerate(order):
        share = (budget - sum(taken)) // (len(sizes) - k)
        taken[cluster] = min(sizes[cluster], share)
    return taken


@given(counts, st.data())
def test_water_filling_is_the_published_loop(sizes: list[int], data: st.DataObject):
    budget = data.draw(st.integers(0, sum(sizes)))
    assert pick.water_fill(np.array(sizes), budget).tolist() == published_loop(sizes, budget)


@given(counts, st.data())
def test_water_filling_is_the_evenest_allocation(sizes: list[int], data: st.DataObject):
    budget = data.draw(st.integers(0, sum(sizes)))
    shares = pick.water_fill(np.array(sizes), budget)
    assert shares.sum() == budget
    assert (shares >= 0).all()
    assert (shares <= sizes).all()
    # Nobody who was cut short has two rows fewer than somebody else.
    short = shares[shares < np.array(sizes)]
    assert not len(short) or shares.max(initial=0) - short.min() <= 1


def test_water_filling_largest_first_would_leave_budget_unused():
    sizes = np.array([1, 2, 50])
    assert pick.water_fill(sizes, 30).sum() == 30
    left, taken = 30, 0
    for k, size in enumerate(sorted(sizes, reverse=True)):
        share = (left - taken) // (3 - k)
        taken += min(size, share)
    assert taken == 13


@given(group_numbers, seeds, st.data())
def test_balanced_draws_what_water_filling_allots_by_lowest_hash(
    groups: list[int], seed: int, data: st.DataObject
):
    numbers = np.array(groups)
    keys = keys_of(len(groups), seed)
    order = pick.balanced(pick.lowest_hash(keys), numbers)
    assert sorted(order) == list(range(len(groups)))
    budget = data.draw(st.integers(0, len(groups)))
    quota = pick.water_fill(np.bincount(numbers), budget)
    expected = set()
    for group, count in enumerate(quota):
        members = sorted(np.flatnonzero(numbers == group), key=keys.__getitem__)
        expected |= set(members[:count])
    assert set(order[:budget]) == expected


@given(group_numbers, seeds, st.data())
def test_rows_marked_last_come_after_all_others(groups: list[int], seed: int, data: st.DataObject):
    numbers = np.array(groups)
    last = np.array(data.draw(st.lists(st.booleans(), min_size=len(groups), max_size=len(groups))))
    order = pick.balanced(pick.lowest_hash(keys_of(len(groups), seed)), numbers, last=last)
    assert sorted(order) == list(range(len(groups)))
    first = int((~last).sum())
    assert not last[order[:first]].any()
    for part in (order[:first], order[first:]):
        assert part.tolist() == part[pick.balanced(np.arange(len(part)), numbers[part])].tolist()


@given(st.lists(st.sampled_from([0.0, 1.0, 2.5, -3.0, np.nan]), min_size=1, max_size=25), seeds)
def test_top_bottom_and_middle_are_sorts_with_ties_by_hash(values: list[float], seed: int):
    scores, keys = np.array(values), keys_of(len(values), seed)
    rows = range(len(values))
    nan_last = [(1, 0.0) if np.isnan(v) else (0, v) for v in values]
    assert pick.bottom(scores, keys).tolist() == sorted(rows, key=lambda i: (*nan_last[i], keys[i]))
    assert pick.top(scores, keys).tolist() == sorted(
        rows, key=lambda i: (nan_last[i][0], -nan_last[i][1], keys[i])
    )
    finite = [i for i in pick.bottom(scores, keys).tolist() if not np.isnan(values[i])]
    middle = pick.middle(scores, keys).tolist()
    for count in range(1, len(finite) + 1):
        places = sorted(finite.index(i) for i in middle[:count])
        assert places == list(range(places[0], places[0] + count)), "a contiguous band of ranks"
        assert abs(places[0] - (len(finite) - 1 - places[-1])) <= 1, "around the median"


def test_threshold_and_band_draw_only_rows_inside():
    scores, keys = np.arange(20.0), keys_of(20)
    assert set(pick.threshold(scores, keys, at_least=15.0)) == {15, 16, 17, 18, 19}
    assert set(pick.threshold(scores, keys, at_least=3.0, at_most=4.0)) == {3, 4}
    inside = pick.band(scores, keys, low=0.25, high=0.5)
    assert set(inside) == {5, 6, 7, 8, 9}
    assert inside.tolist() == sorted(inside, key=keys.__getitem__)


@given(group_numbers, seeds)
def test_proportional_shares_are_right_to_within_a_row_or_two_at_every_budget(groups: list[int], seed: int):
    numbers = np.array(groups)
    keys = keys_of(len(groups), seed)
    sizes = np.bincount(numbers)
    order = pick.proportional(pick.lowest_hash(keys), numbers, sizes.astype(float), keys)
    assert sorted(order) == list(range(len(groups)))
    for budget in range(1, len(groups) + 1):
        got = np.bincount(numbers[order[:budget]], minlength=len(sizes))
        # Webster's rule can leave the quota, but never by as much as half a row per group.
        assert np.abs(got - sizes * budget / len(groups)).max() <= max(1, len(sizes) / 2)


def test_groups_of_share_zero_come_last_and_exhausted_groups_leave_their_part():
    groups, keys = np.array([0] * 2 + [1] * 10 + [2] * 3), keys_of(15)
    order = pick.proportional(pick.lowest_hash(keys), groups, np.array([10.0, 1.0, 0.0]), keys)
    assert set(groups[order[:2]]) == {0}
    assert set(groups[order[-3:]]) == {2}


@given(st.integers(1, 4), st.integers(1, 15), seeds)
def test_round_robin_lets_queries_choose_in_turn(queries: int, rows: int, seed: int):
    keys = keys_of(rows, seed)
    scores = np.random.default_rng(seed).integers(0, 4, (queries, rows)).astype(float)
    left, expected = set(range(rows)), []
    turn = 0
    while left:
        best = min(left, key=lambda i: (-scores[turn % queries, i], keys[i]))
        expected.append(best)
        left.remove(best)
        turn += 1
    assert pick.round_robin(scores, keys).tolist() == expected


@given(st.integers(1, 12), seeds)
def test_an_intersection_is_what_all_orders_have_within_one_depth(rows: int, seed: int):
    rng = np.random.default_rng(seed)
    orders = [rng.permutation(rows) for _ in range(3)]
    agreed = pick.intersection(orders, keys_of(rows)).tolist()
    for depth in range(rows + 1):
        common = set.intersection(*(set(order[:depth].tolist()) for order in orders))
        assert set(agreed[: len(common)]) == common


@given(st.integers(2, 60), st.integers(1, 5), seeds)
def test_a_choice_by_hash_is_the_same_from_shards(rows: int, shards: int, seed: int):
    keys = keys_of(rows, seed)
    budget = rows // 2
    whole = set(pick.lowest_hash(keys)[:budget])
    owner = np.arange(rows) % shards
    candidates = np.concatenate(
        [np.flatnonzero(owner == s)[pick.lowest_hash(keys[owner == s])][:budget] for s in range(shards)]
    )
    assert set(candidates[pick.lowest_hash(keys[candidates])][:budget]) == whole


@pytest.mark.parametrize("groups", [70_000, 3])
def test_ranks_in_groups_count_each_group_on_its_own(groups: int):
    rng = np.random.default_rng(0)
    numbers = rng.integers(0, groups, 80_000)
    order = rng.permutation(80_000)
    ranks = pick.ranks_in_groups(order, numbers)
    seen: dict[int, int] = {}
    for row in order.tolist():
        group = int(numbers[row])
        assert ranks[row] == seen.get(group, 0)
        seen[group] = seen.get(group, 0) + 1
