"""How we draw: every rule is an order of rows, and a budget is where the order is cut.

A rule ranks all rows before it knows the budget. So a larger budget keeps every row of a smaller one,
the same budget is met exactly by every rule, and a token budget needs no second algorithm. Ties and
chance are settled by `core.ids.order_keys`, a hash of (seed, row id): the choice does not depend on the
order of the rows, on shards or on machines.

A score that is NaN is unknown: its row comes after all others. Groups are numbers 0..K-1.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from jaxtyping import Bool, Float, Int, UInt64

Positions = Int[np.ndarray, " drawn"]
Keys = UInt64[np.ndarray, " row"]
Groups = Int[np.ndarray, " row"]


def lowest_hash(keys: Keys, first: int | None = None) -> Positions:
    """Order by hash: the first n are a uniform random sample without replacement, for every n.

    With `first`, only that many of the order are found, in linear time.
    """
    if first is None or first >= len(keys):
        return np.argsort(keys)
    lowest = np.argpartition(keys, first)[:first]
    return lowest[np.argsort(keys[lowest])]


def top(scores: Float[np.ndarray, " row"], keys: Keys) -> Positions:
    """Highest score first."""
    return np.lexsort((keys, -scores))


def bottom(scores: Float[np.ndarray, " row"], keys: Keys) -> Positions:
    """Lowest score first."""
    return np.lexsort((keys, scores))


def middle(scores: Float[np.ndarray, " row"], keys: Keys) -> Positions:
    """Nearest to the median rank first, so that any budget takes a contiguous band around the median.

    With ranks 0..n-1 the distance to the median is |2 rank - (n - 1)|; of two rows at one distance the
    lower hash goes first.
    """
    known = int(np.isfinite(scores).sum())
    distance = np.abs(2 * ranks_of(bottom(scores, keys)) - (known - 1))
    return np.lexsort((keys, np.where(np.isfinite(scores), distance, 2 * len(scores))))


def threshold(
    scores: Float[np.ndarray, " row"], keys: Keys, *, at_least: float = -np.inf, at_most: float = np.inf
) -> Positions:
    """Rows with a score inside the limits, by hash; the others are not drawn at any budget."""
    order = lowest_hash(keys)
    passing: Bool[np.ndarray, " row"] = (scores >= at_least) & (scores <= at_most)
    return order[passing[order]]


def band(scores: Float[np.ndarray, " row"], keys: Keys, *, low: float, high: float) -> Positions:
    """Rows ranked in [low, high) of the way to the top, by hash; 0.25, 0.75 is the middle half."""
    ranks = ranks_of(bottom(scores, keys)) / len(scores)
    return threshold(np.where((ranks >= low) & (ranks < high), 1.0, 0.0), keys, at_least=1.0)


def ranks_of(order: Positions) -> Int[np.ndarray, " row"]:
    """Turn an order of all rows into each row's place in it."""
    ranks = np.empty(len(order), dtype=np.int64)
    ranks[order] = np.arange(len(order))
    return ranks


def ranks_in_groups(order: Positions, groups: Groups) -> Int[np.ndarray, " row"]:
    """Each row's place among the rows of its own group, in the given order of all rows."""
    # Group numbers of 16 bits are sorted by radix, four times as fast as 64 bits by comparison.
    narrow = groups.astype(np.uint16) if groups.max(initial=0) < 1 << 16 else groups
    by_group = order[np.argsort(narrow[order], kind="stable")]
    counts = np.bincount(groups)
    starts = np.repeat(np.cumsum(counts) - counts, counts)
    ranks = np.empty(len(groups), dtype=np.int64)
    ranks[by_group] = np.arange(len(groups)) - starts
    return ranks


def water_fill(counts: Int[np.ndarray, " group"], budget: int) -> Int[np.ndarray, " group"]:
    """Share a budget evenly over groups of limited size: min(size, level), the rest to the largest.

    The largest level L with sum(min(size, L)) <= budget is found in O(K log K); the budget that remains
    goes one each to the largest groups (of equal ones, to the later). This equals S2L's loop over groups
    from small to large with R = (budget - taken) // groups left (Yang et al. 2024, algorithm 1; its loop
    run from large to small would leave budget unused).

    >>> water_fill(np.array([1, 10, 4]), 9).tolist()
    [1, 4, 4]
    """
    by_size = np.argsort(counts, kind="stable")
    sizes = counts[by_size].astype(np.int64)
    below = np.cumsum(sizes) - sizes
    left = len(sizes) - np.arange(len(sizes))
    # Group i in order of size is taken whole when even sharing after the smaller ones still covers it.
    whole = int(np.searchsorted(below + sizes * left > budget, True))  # noqa: FBT003 (searchsorted's value)
    shares = sizes.copy()
    if whole < len(sizes):
        level, rest = divmod(budget - int(below[whole]), len(sizes) - whole)
        shares[whole:] = level
        shares[len(sizes) - rest :] += 1
    allocation = np.empty_like(shares)
    allocation[by_size] = shares
    return allocation


def balanced(order: Positions, groups: Groups, *, last: Bool[np.ndarray, " row"] | None = None) -> Positions:
    """Draw evenly over groups: everyone's first row, everyone's second …, each group in the given order.

    The first n rows are exactly `water_fill(group sizes, n)` of every group, for every n. Rows marked
    `last` come after all others, balanced among themselves.
    """
    if last is not None and last.any():
        parts = [order[~last[order]], order[last[order]]]
        return np.concatenate([part[balanced(np.arange(len(part)), groups[part])] for part in parts])
    counts = np.bincount(groups)
    # A group that is larger comes earlier in each round: what remains of the budget goes to the largest.
    turn = ranks_of(np.argsort(counts, kind="stable")[::-1])
    return np.argsort(ranks_in_groups(order, groups) * len(counts) + turn[groups])


def proportional(
    order: Positions, groups: Groups, shares: Float[np.ndarray, " group"], keys: Keys
) -> Positions:
    """Draw in proportion to given shares: a group's r-th row has priority (r + 1/2) / share.

    This is Webster's apportionment: exact in total, within rounding of the shares, and monotone in the
    budget (largest remainders are not: a larger budget can cost a group a row). A group that runs out
    leaves its part to the others; groups of share zero come last.
    """
    with np.errstate(divide="ignore"):
        return np.lexsort((keys, (ranks_in_groups(order, groups) + 0.5) / shares[groups]))


def round_robin(scores: Float[np.ndarray, "query row"], keys: Keys, first: int | None = None) -> Positions:
    """Let queries choose in turn, each its best row that is still there, until no row is left.

    With `first`, only that many are chosen so; the others follow by hash. Source: the round-robin rule of
    RDS+ (Ivison et al. 2025, arXiv 2503.01807).
    """
    rows = scores.shape[1]
    most = rows if first is None else min(first, rows)
    # A query's turn comes at most `most` times, and of its best `most` rows as many at most are taken.
    preferences = [best(row, keys, most) for row in scores]
    taken = np.zeros(rows, dtype=bool)
    places = [0] * len(preferences)
    chosen: list[int] = []
    while len(chosen) < most:
        for query, preference in enumerate(preferences):
            while places[query] < most and taken[preference[places[query]]]:
                places[query] += 1
            if places[query] < most and len(chosen) < most:
                taken[preference[places[query]]] = True
                chosen.append(int(preference[places[query]]))
    order = lowest_hash(keys) if most < rows else np.zeros(0, dtype=np.int64)
    return np.concatenate([np.array(chosen, dtype=np.int64), order[~taken[order]]])


def best(scores: Float[np.ndarray, " row"], keys: Keys, first: int) -> Positions:
    """Find the highest scores, in order, without sorting the others; ties by hash."""
    if first >= len(scores):
        return top(scores, keys)
    edge = np.partition(scores, len(scores) - first)[len(scores) - first]
    above = np.flatnonzero(scores >= edge)
    return above[top(scores[above], keys[above])][:first]


def intersection(orders: Sequence[Positions], keys: Keys) -> Positions:
    """Rows that all orders agree on first: by the worst of a row's places, for orders of all rows.

    The first n rows are those that every order has within the smallest common depth that yields n.
    """
    return np.lexsort((keys, np.max([ranks_of(order) for order in orders], axis=0)))
