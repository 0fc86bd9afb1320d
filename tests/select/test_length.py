"""Longest and shortest."""

import numpy as np

from cotmill.evidence import Lengths
from cotmill.select import Longest, Shortest


def test_longest_and_shortest_take_the_ends_and_never_an_empty_row_first(make_pool):
    pool = make_pool(10)
    lengths = Lengths(row_ids=pool.ids, tokens=np.array([0, 4, 9, 1, 7, 7, 3, 2, 8, 5]))
    assert np.flatnonzero(Longest()(pool, lengths, budget=3, seed=0).taken).tolist()[0::2] == [2, 8]
    assert np.flatnonzero(Shortest()(pool, lengths, budget=3, seed=0).taken).tolist() == [3, 6, 7]


def test_equal_lengths_are_settled_by_the_seed(make_pool):
    pool = make_pool(40)
    lengths = Lengths(row_ids=pool.ids, tokens=np.full(40, 6))
    choices = {tuple(Longest()(pool, lengths, budget=5, seed=seed).row_ids) for seed in range(5)}
    assert len(choices) == 5


def test_lengths_passed_for_the_budget_serve_as_evidence(make_pool):
    pool = make_pool(10)
    lengths = Lengths(row_ids=pool.ids, tokens=np.arange(10) + 1)
    selection = Longest()(pool, budget="19tok", seed=0, lengths=lengths)
    assert np.flatnonzero(selection.taken).tolist() == [8, 9]
