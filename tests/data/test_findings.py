from __future__ import annotations

import itertools
import random

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from made_files import GSM8K

from cotmill.core.errors import DataError
from cotmill.data import Pool
from cotmill.data import describe as d
from cotmill.data.duplicates import SHINGLE, near_duplicates
from cotmill.data.ngrams import Vocabulary, grams, words
from cotmill.data.overlap import decontaminated, overlaps

WORD = st.sampled_from(["a", "b", "c", "d", "e", "f", "g"])
TEXT = st.lists(WORD, max_size=14).map(" ".join)


def plain_grams(text: str, n: int) -> list[tuple[str, ...]]:
    found = words(text)
    if not found:
        return []
    return [tuple(found[at : at + n]) for at in range(max(1, len(found) - n + 1))]


def similarity(left: str, right: str) -> float:
    a, b = set(plain_grams(left, SHINGLE)), set(plain_grams(right, SHINGLE))
    return len(a & b) / len(a | b) if a | b else 0.0


@given(st.lists(TEXT, max_size=12), st.integers(1, 6))
def test_hashed_n_grams_are_equal_exactly_when_the_words_are(texts: list[str], n: int) -> None:
    found = grams(texts, n, Vocabulary())
    names: dict[int, tuple[str, ...]] = {}
    for number, text in enumerate(texts):
        plain = plain_grams(text, n)
        hashes = found.of(number).tolist()
        assert len(hashes) == len(plain)
        for value, gram in zip(hashes, plain, strict=True):
            assert names.setdefault(value, gram) == gram
    assert len(names) == len({gram for text in texts for gram in plain_grams(text, n)})


@settings(deadline=None)
@given(st.lists(TEXT, max_size=10))
def test_groups_hold_only_pairs_that_are_similar(texts: list[str]) -> None:
    for group in near_duplicates(texts, threshold=0.6).groups:
        for member in group[1:]:
            assert max(similarity(texts[member], texts[other]) for other in group if other != member) >= 0.6


def test_nearly_all_similar_pairs_are_found() -> None:
    draw = random.Random(5)
    vocabulary = [f"w{number}" for number in range(400)]
    texts = []
    for _ in range(40):
        text = draw.choices(vocabulary, k=60)
        changed = list(text)
        changed[draw.randrange(60)] = "new"
        texts += [" ".join(text), " ".join(changed)]
    pairs = {
        pair
        for pair in itertools.combinations(range(len(texts)), 2)
        if similarity(*(texts[at] for at in pair)) >= 0.8
    }
    found = {pair for group in near_duplicates(texts).groups for pair in itertools.combinations(group, 2)}
    assert found == pairs
    assert len(pairs) >= 35


def test_near_duplicates_do_not_depend_on_the_process() -> None:
    texts = [row["question"] for row in GSM8K] + [row["question"].upper() for row in GSM8K]
    assert near_duplicates(texts).groups == ((0, 3), (1, 4), (2, 5))
    assert near_duplicates([]).groups == near_duplicates(["", "", "!"]).groups == ()


def test_overlap_equals_a_plain_search() -> None:
    draw = np.random.default_rng(3)
    letters = np.array(list("abcdef"))
    pool = Pool.from_rows([{"question": " ".join(draw.choice(letters, 12)), "trace": ""} for _ in range(60)])
    bench = Pool.from_rows([{"question": " ".join(draw.choice(letters, 9)), "gold": "1"} for _ in range(30)])
    for n in (3, 5, 9, 20):
        (found,) = overlaps(pool, {"b": bench}, n=n)
        known = {
            gram for question in bench.column("question").to_pylist() for gram in plain_grams(question, n)
        }
        rows = zip(pool.ids.tolist(), pool.column("question").to_pylist(), strict=True)
        assert list(found.rows) == [row for row, text in rows if known.intersection(plain_grams(text, n))]
        assert found.touched <= found.benchmark_rows == 30
        assert set(found.met) <= set(bench.ids.tolist())


def test_layout_and_punctuation_do_not_hide_an_overlap() -> None:
    pool = Pool.from_rows(
        [{"question": "TOM has three pens,\n and buys four! How many?", "trace": "7"}, {"question": "Other?"}]
    )
    bench = Pool.from_rows([{"question": "Tom has three pens and buys four. How many?", "gold": "7"}])
    left, found = decontaminated(pool, {"bench": bench}, n=8)
    assert (len(found[0].rows), left.column("question").to_pylist()) == (1, ["Other?"])
    assert left.about["filters"][0]["filter"] == "decontaminated by 8-grams against bench"


def test_a_benchmark_without_questions_is_refused() -> None:
    with pytest.raises(DataError, match="no questions"):
        overlaps(Pool.from_rows([{"question": "Q"}]), {"bench": Pool.from_rows([{"question": ""}])})


def test_every_finding_is_counted_with_its_rows() -> None:
    good = {"question": "Tom has 3 pens and buys 4.", "trace": "<<3+4=7>>7\n#### 7", "gold": "7"}
    rows = [
        good,
        good,
        {**good, "gold": "8"},
        {"question": "A", "trace": "no answer here", "gold": None},
        {"question": "B", "trace": "<<1+1=2>>2 <<2+", "gold": "2"},
        {"question": "C\x07", "trace": "#### 1", "gold": "1"},
        {"question": "D\ufffd", "trace": "#### 1", "gold": "1"},
        {"question": "E", "trace": "So it is B because of C=3", "gold": "B"},
    ]
    pool = Pool.from_rows(rows)
    found = d.describe(pool)
    where = {name: finding.first for name, finding in found.findings.items()}
    ids = pool.ids.tolist()
    assert where == {
        d.REPEATED: [ids[1]],
        d.OTHER_ANSWER: [ids[2]],
        d.TWO_GOLDS: [ids[2]],
        d.NO_GOLD: [ids[3]],
        d.CUT: [ids[4]],
        d.CONTROL: [ids[5]],
        d.REPLACED: [ids[6]],
    }
    assert (found.rows, found.questions, found.with_gold, found.with_trace) == (8, 6, 7, 8)
    assert found.steps_histogram == {1: 8}
    assert found.steps is not None
    assert (found.steps.least, found.steps.most, found.steps.mean) == (1, 1, 1.0)


def test_a_pool_of_bare_questions_can_be_described() -> None:
    found = d.describe(Pool.from_rows([{"question": "Q", "gold": "1"}]))
    assert (found.steps, found.trace_characters, found.with_trace) == (None, None, 0)
    assert d.describe(Pool.from_rows([])).rows == 0


def test_near_duplicates_are_looked_for_in_bounded_many_rows() -> None:
    pool = Pool.from_rows([{"question": f"q{n}", "trace": "t"} for n in range(30)])
    assert d.describe(pool, near_limit=10).near_rows.looked_at == 10
