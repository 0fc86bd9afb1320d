"""Which of the traces with one key to keep: the one whose words differ most from the other kept ones.

`greedy` is the rule of Yuan et al. 2023 (arXiv 2308.01825, algorithm 1), exactly: walk over the traces in
order; a new key is kept; a known key's trace is replaced when the new one has the larger sum of
Levenshtein distances to the other kept traces. What it keeps depends on the order of the samples, and the
plain distance grows with length, so that it leans to the longest trace.

`spread` is ours. Objective: the sum over all pairs of kept traces, gold ones included, of the Levenshtein
distance divided by the longer length (0 the same, 1 nothing in common). One candidate of every key is
chosen by coordinate ascent from the candidates that are farthest from all others, until no single exchange
helps. Candidates are taken by the hash of their id, at most `candidates` of a key, and at most `MOST` of a
question: so cost does not grow with the number of samples, and their order does not matter.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import NamedTuple

import numpy as np
from jaxtyping import Float, Int
from rapidfuzz.distance import Levenshtein
from rapidfuzz.process import cdist

CANDIDATES = 4
"""Traces of one key that are looked at; what more of them would gain is measured in docs/rft.md."""
MOST = 96
"""Candidates of one question, over all its keys; the distances grow with its square."""
SWEEPS = 20
"""Bound on passes of coordinate ascent; it ends after two to four."""
TIE = 1e-9


class Candidate(NamedTuple):
    """A trace that may be kept: its id, which decides draws and ties, its key, and its text."""

    id: str
    key: str
    text: str


def first_of_each_key(traces: Sequence[Candidate]) -> list[int]:
    """Keep the first trace of every key; return their places.

    >>> first_of_each_key([Candidate("1", "a", "x"), Candidate("2", "a", "y"), Candidate("3", "b", "z")])
    [0, 2]
    """
    return sorted({trace.key: place for place, trace in reversed(list(enumerate(traces)))}.values())


class _Greedy:
    """The kept traces while the paper's rule walks on: their places, and each one's sum of distances.

    The sums are kept up to date instead of being computed anew for every trace; that changes nothing but
    the time.
    """

    def __init__(self, traces: Sequence[Candidate]) -> None:
        self.traces = traces
        self.places: dict[str, int] = {}
        self.sums: dict[str, int] = {}
        self.known: dict[tuple[str, str], int] = {}

    def distance(self, one: str, other: str) -> int:
        """Levenshtein distance, each pair computed once."""
        found = self.known.get((one, other))
        if found is None:
            found = self.known[one, other] = Levenshtein.distance(one, other)
        return found

    def take(self, place: int) -> None:
        """Look at the next trace."""
        _, key, text = self.traces[place]
        old = self.traces[self.places[key]].text if key in self.places else None
        if old == text:
            return  # equal sums: the one that was first stays
        others = {
            name: self.distance(text, self.traces[at].text) for name, at in self.places.items() if name != key
        }
        total = sum(others.values())
        if old is not None and total <= self.sums[key]:
            return
        for name, far in others.items():
            before = self.distance(old, self.traces[self.places[name]].text) if old is not None else 0
            self.sums[name] += far - before
        self.places[key], self.sums[key] = place, total


def greedy(traces: Sequence[Candidate]) -> list[int]:
    """Apply the paper's rule in the order given; return the places of the traces that are kept.

    The kept traces stand in the order in which their keys came up.

    >>> greedy([Candidate("1", "a", "xx"), Candidate("2", "b", "xy"), Candidate("3", "a", "zzzz")])
    [2, 1]
    """
    walk = _Greedy(traces)
    for place in range(len(traces)):
        walk.take(place)
    return list(walk.places.values())


def spread(
    traces: Sequence[Candidate], fixed: Sequence[str] = (), *, candidates: int = CANDIDATES
) -> list[int]:
    """Choose one trace of every key so that they lie far apart; return their places, by key.

    `fixed` are texts that stay whatever is chosen: the gold solutions of the question. The result does not
    depend on the order of the traces.

    >>> spread([Candidate("1", "a", "xx"), Candidate("2", "b", "xy"), Candidate("3", "a", "zz")])
    [2, 1]
    """
    groups = _candidates(traces, candidates)
    if len(groups) + len(fixed) < 2 or all(len(group) == 1 for group in groups):
        return [group[0] for group in groups]
    members = [place for group in groups for place in group]
    owner = np.repeat(np.arange(len(groups)), [len(group) for group in groups])
    texts = [traces[place].text for place in members]
    far = _distances(texts, texts)
    to_fixed = _distances(texts, fixed).sum(axis=1) if fixed else np.zeros(len(texts))
    return [members[at] for at in _ascend(far, to_fixed, owner)]


def _distances(one: Sequence[str], other: Sequence[str]) -> Float[np.ndarray, "one other"]:
    return cdist(one, other, scorer=Levenshtein.normalized_distance, dtype=np.float64)


def _candidates(traces: Sequence[Candidate], most: int) -> list[list[int]]:
    """Places of at most so many different texts of every key, the lowest ids first; keys in order."""
    groups: dict[str, dict[str, int]] = {}
    for place in sorted(range(len(traces)), key=lambda at: traces[at].id):
        group = groups.setdefault(traces[place].key, {})
        if len(group) < most:
            group.setdefault(traces[place].text, place)
    allowed = max(1, MOST // max(1, len(groups)))
    return [list(groups[key].values())[:allowed] for key in sorted(groups)]


def _ascend(
    far: Float[np.ndarray, "candidate candidate"],
    to_fixed: Float[np.ndarray, " candidate"],
    owner: Int[np.ndarray, " candidate"],
) -> list[int]:
    """Choose one candidate of each owner; no exchange of a single one makes the sum of distances larger."""
    starts = np.searchsorted(owner, np.arange(int(owner[-1]) + 2))
    sizes = np.diff(starts)
    # Mean distance to the candidates of every other owner, each owner counting once.
    means = np.add.reduceat(far, starts[:-1], axis=1) / sizes
    means[np.arange(len(owner)), owner] = 0.0
    first = means.sum(axis=1) + to_fixed
    ranges = [slice(int(start), int(end)) for start, end in pairwise(starts)]
    chosen = [mine.start + _best(first[mine]) for mine in ranges]
    total = far[:, chosen].sum(axis=1) + to_fixed
    for _ in range(SWEEPS):
        changed = False
        for g, mine in enumerate(ranges):
            if sizes[g] == 1:
                continue
            gains = total[mine] - far[mine, chosen[g]]
            best = mine.start + _best(gains)
            if gains[best - mine.start] > gains[chosen[g] - mine.start] + TIE:
                total += far[:, best] - far[:, chosen[g]]
                chosen[g], changed = best, True
        if not changed:
            break
    return chosen


def _best(values: Float[np.ndarray, " candidate"]) -> int:
    """Place of the largest value; of equal ones the first, which has the lowest id."""
    return int(np.argmax(values >= values.max() - TIE))


def objective(texts: Sequence[str], fixed: Sequence[str] = ()) -> float:
    """Sum of normalised distances over all pairs of texts, fixed ones included.

    >>> objective(["ab", "ab", "cd"])
    2.0
    """
    everything = [*texts, *fixed]
    return float(_distances(everything, everything).sum() / 2) if len(everything) > 1 else 0.0
