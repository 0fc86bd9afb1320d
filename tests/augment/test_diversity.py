"""Which trace of a key is kept: the paper's rule against its transcription, ours against brute force."""

from itertools import permutations, product

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rapidfuzz.distance import Levenshtein

from cotmill.augment.diversity import Candidate, first_of_each_key, greedy, objective, spread

WORDS = st.text(alphabet="abc ", min_size=0, max_size=8)
TRACES = st.lists(st.tuples(st.sampled_from("pqr"), WORDS), max_size=12).map(
    lambda rows: [Candidate(f"{place:03d}", key, text) for place, (key, text) in enumerate(rows)]
)


def transcribed(traces):
    """Algorithm 1 word for word, each sum computed when it is asked for."""
    kept = []
    for r in traces:
        same = [s for s in kept if s.key == r.key]
        if not same:
            kept.append(r)
            continue
        r_s = same[0]
        others = [s for s in kept if s is not r_s]
        mine = sum(Levenshtein.distance(r.text, s.text) for s in others)
        its = sum(Levenshtein.distance(r_s.text, s.text) for s in others)
        if mine > its:
            kept[kept.index(r_s)] = r
    return kept


@settings(max_examples=200, deadline=None)
@given(TRACES)
def test_greedy_is_the_algorithm_as_written(traces):
    assert [traces[place] for place in greedy(traces)] == transcribed(traces)


@settings(max_examples=50, deadline=None)
@given(TRACES, st.lists(WORDS, max_size=2), st.randoms(use_true_random=False))
def test_spread_does_not_depend_on_the_order_of_the_samples(traces, fixed, chance):
    mixed = chance.sample(traces, len(traces))
    one = {traces[place] for place in spread(traces, fixed)}
    assert one == {mixed[place] for place in spread(mixed, fixed)}


def test_greedy_depends_on_the_order_of_the_samples():
    traces = [Candidate("1", "p", "aaaa"), Candidate("2", "p", "bb"), Candidate("3", "q", "aaab")]
    kept = {tuple(sorted(order[place].id for place in greedy(order))) for order in permutations(traces)}
    assert len(kept) > 1


@settings(max_examples=60, deadline=None)
@given(TRACES, st.lists(WORDS, max_size=1))
def test_spread_keeps_one_trace_of_every_key_and_no_single_exchange_is_better(traces, fixed):
    kept = [traces[place] for place in spread(traces, fixed, candidates=100)]
    assert [trace.key for trace in kept] == sorted({trace.key for trace in traces})
    reached = objective([trace.text for trace in kept], fixed)
    for place, trace in product(range(len(kept)), traces):
        if trace.key == kept[place].key:
            other = [*kept[:place], trace, *kept[place + 1 :]]
            assert objective([one.text for one in other], fixed) <= reached + 1e-6


def test_spread_is_close_to_the_best_there_is():
    texts = {"p": ["aaaa", "abcd", "aabb"], "q": ["aaab", "dcba", "a"], "r": ["bbbb", "abba", "cccc"]}
    traces = [
        Candidate(f"{key}{n}", key, text) for key, group in texts.items() for n, text in enumerate(group)
    ]
    best = max(objective(choice) for choice in product(*texts.values()))
    reached = objective([traces[place].text for place in spread(traces)])
    assert reached >= 0.95 * best


def test_the_number_of_candidates_bounds_what_is_looked_at():
    traces = [Candidate(f"{n:04d}", "p", "x" * n) for n in range(500)] + [Candidate("zz", "q", "")]
    kept = spread(traces, candidates=3)
    assert kept[0] < 3
    many = [Candidate(f"{n:05d}-{k}", str(n), f"{n} {k}") for n in range(400) for k in range(3)]
    assert len(spread(many)) == 400


def test_without_a_choice_nothing_is_computed():
    assert spread([]) == []
    assert greedy([]) == []
    assert first_of_each_key([]) == []
    assert spread([Candidate("1", "a", "x"), Candidate("2", "b", "y")]) == [0, 1]


def test_the_objective_counts_every_pair_once():
    assert objective([]) == 0
    assert objective(["a"], ["b"]) == pytest.approx(1.0)
    assert objective(["ab", "ac"], ["ad"]) == pytest.approx(1.5)
