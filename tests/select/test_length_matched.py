"""Random rows with a given distribution of lengths."""

import numpy as np
import pytest

from cotmill.core.errors import DataError
from cotmill.evidence import Lengths
from cotmill.select import LengthMatched, Longest, Random
from cotmill.select.length_matched import length_strata


def lengths_of(pool, seed: int = 0) -> Lengths:
    tokens = np.random.default_rng(seed).gamma(2, 40, len(pool)).astype(int) + 1
    return Lengths(row_ids=pool.ids, tokens=tokens)


def test_every_stratum_gives_its_share_to_within_a_row(make_pool):
    pool = make_pool(1000)
    lengths = lengths_of(pool)
    strata, names = length_strata(lengths.tokens, 20)
    taken = LengthMatched()(pool, lengths, budget=100, seed=0).taken
    expected = np.bincount(strata) * 0.1
    assert np.abs(np.bincount(strata[taken], minlength=len(names)) - expected).max() <= 1


def test_strata_are_nearly_equal_in_size_and_equal_lengths_share_one():
    strata, names = length_strata(np.array([5] * 50 + list(range(6, 56))), 10)
    assert np.bincount(strata).tolist() == [50, 10, 10, 10, 10, 10]
    assert names[0] == "up to 5 tokens"
    assert names[-1] == "up to 55 tokens"


def test_it_matches_another_selection_without_being_it(make_pool, tmp_path):
    pool = make_pool(1000)
    lengths = lengths_of(pool)
    longish = Longest()(pool, lengths, budget=400, seed=0)
    middle = Random()(longish.apply(pool), budget=100, seed=0).write(tmp_path / "other")
    matched = LengthMatched(like=middle)(pool, lengths, budget=100, seed=1)
    plain = LengthMatched()(pool, lengths, budget=100, seed=1)
    other = lengths.of(longish.apply(pool).take(Random()(longish.apply(pool), budget=100, seed=0).row_ids))
    goal = other.tokens.mean()
    assert abs(lengths.tokens[matched.taken].mean() - goal) < 5
    assert abs(lengths.tokens[plain.taken].mean() - goal) > 30


def test_matching_a_changed_selection_is_another_selection(make_pool, tmp_path):
    pool = make_pool(50)
    lengths = lengths_of(pool)
    keys = []
    for seed in (0, 1):
        like = Random()(pool, budget=9, seed=seed).write(tmp_path / "like")
        keys.append(LengthMatched(like=like).key(pool, lengths, budget=9, seed=0))
    assert keys[0] != keys[1]


def test_a_selection_from_another_pool_cannot_be_matched(make_pool, tmp_path):
    like = Random()(make_pool(60), budget=60, seed=0).write(tmp_path / "like")
    pool = make_pool(50)
    with pytest.raises(DataError, match="10 of 60 rows"):
        LengthMatched(like=like)(pool, lengths_of(pool), budget=9, seed=0)
