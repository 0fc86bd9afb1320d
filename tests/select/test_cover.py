"""Facility location and farthest-first, against plain greedy loops."""

import numpy as np
import pytest

from cotmill.core.ids import order_keys
from cotmill.select.cover import cosine, facility_location, farthest_first, nearness


def vectors(rows: int, width: int = 4) -> np.ndarray:
    made = np.random.default_rng(0).normal(size=(rows, width))
    return (made / np.linalg.norm(made, axis=1, keepdims=True)).astype(np.float32)


def plain_greedy(likeness: np.ndarray, count: int) -> list[int]:
    """The definition: the row that raises the sum of the best likenesses most."""
    chosen: list[int] = []
    for _ in range(count):
        value = [likeness[:, [*chosen, row]].max(axis=1).sum() for row in range(len(likeness))]
        chosen.append(max((row for row in range(len(likeness)) if row not in chosen), key=value.__getitem__))
    return chosen


@pytest.mark.parametrize("likeness", [cosine, nearness])
def test_lazy_greedy_is_greedy(likeness):
    rows = vectors(60)
    keys = order_keys(0, [str(i) for i in range(60)])
    assert facility_location(rows, keys, most=12, likeness=likeness)[:12].tolist() == plain_greedy(
        likeness(rows), 12
    )


def test_farthest_first_is_farthest_first():
    rows = vectors(60)
    keys = order_keys(0, [str(i) for i in range(60)])
    chosen = [int(keys.argmin())]
    for _ in range(9):
        distances = np.linalg.norm(rows[:, None] - rows[chosen][None], axis=2).min(axis=1)
        chosen.append(int(distances.argmax()))
    assert farthest_first(rows, keys, most=10)[:10].tolist() == chosen


@pytest.mark.parametrize("rule", [facility_location, farthest_first])
def test_blocks_take_turns_and_neither_order_nor_bound_changes_the_first_rows(rule):
    rows = vectors(100)
    keys = order_keys(3, [str(i) for i in range(100)])
    whole = rule(rows, keys, block=16)
    assert sorted(whole) == list(range(100))
    assert rule(rows, keys, most=30, block=16)[:30].tolist() == whole[:30].tolist()
    mixed = np.random.default_rng(1).permutation(100)
    assert mixed[rule(rows[mixed], keys[mixed], block=16)].tolist() == whole.tolist()
