"""How many paths of a question are still unseen, and how many a smaller sample would have found.

Sources: the probability that the next sample is a new path is f1/n (Good 1953, after Turing); the number
of paths that exist is bounded from below by the bias-corrected Chao1 (Chao 1984, 2005), with the variance
and log-normal interval of EstimateS (Colwell 2013); the expected number of paths in m of n samples is exact
rarefaction (Hurlbert 1971), which is the mean over all orders of the samples. f1 and f2 are the numbers of
paths seen once and twice.

A sample that is wrong brings no path but was paid for: `samples` counts those too, wherever they count.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from jaxtyping import Float, Int
from scipy.special import gammaln

from cotmill.core.errors import DataError
from cotmill.core.ids import rng_of

Z95 = 1.959964
SIZES = (1, 2, 3, 6, 12, 25, 50, 100, 200, 400, 1000)
"""Sizes of a yield curve: the paper's 1, 3, 6, 12, 25, 50, 100 among them."""


def unseen_probability(counts: Iterable[int], samples: int | None = None) -> float:
    """Estimate the probability that one more sample brings a path that has not been seen.

    `counts` says how often each path was seen; `samples` how many samples were drawn, if more. Nothing drawn
    gives 1: everything is unseen. Nothing but failures gives the rule of succession, 1/(n + 2), because
    f1/n would be 0 after one wrong sample and stop for good.

    >>> unseen_probability([5, 1, 1, 3]), unseen_probability([]), unseen_probability([], samples=8)
    (0.2, 1.0, 0.1)
    """
    seen = [count for count in counts if count > 0]
    total = _total(seen, samples)
    if not total:
        return 1.0
    if not seen:
        return 1 / (total + 2)
    return seen.count(1) / total


def _total(seen: Sequence[int], samples: int | None) -> int:
    found = sum(seen)
    if samples is not None and samples < found:
        raise DataError(
            f"{found} traces were counted among {samples} samples; give the number of all samples"
        )
    return found if samples is None else samples


class Richness(NamedTuple):
    """How many paths there are: seen, estimated, its variance, and a 95 % interval."""

    seen: int
    estimate: float
    variance: float
    low: float
    high: float

    @property
    def unseen(self) -> float:
        """Estimated number of paths that have not been seen."""
        return self.estimate - self.seen


def chao1(counts: Iterable[int]) -> Richness:
    """Estimate the number of paths, seen and unseen; a lower bound in expectation.

    >>> found = chao1([5, 1, 1, 3, 1, 2])
    >>> found.seen, round(found.estimate, 2), round(found.low, 1), round(found.high, 1)
    (6, 7.38, 6.1, 20.1)
    """
    seen = [count for count in counts if count > 0]
    distinct, n = len(seen), sum(seen)
    f1, f2 = seen.count(1), seen.count(2)
    if not distinct:
        return Richness(0, 0.0, 0.0, 0.0, 0.0)
    share = (n - 1) / n
    estimate = distinct + share * f1 * (f1 - 1) / (2 * (f2 + 1))
    if not f1:
        return _all_seen_twice(distinct, n)
    if f2:
        variance = (
            share * f1 * (f1 - 1) / (2 * (f2 + 1))
            + share**2 * f1 * (2 * f1 - 1) ** 2 / (4 * (f2 + 1) ** 2)
            + share**2 * f1**2 * f2 * (f1 - 1) ** 2 / (4 * (f2 + 1) ** 4)
        )
    else:
        variance = (
            share * f1 * (f1 - 1) / 2
            + share**2 * f1 * (2 * f1 - 1) ** 2 / 4
            - share**2 * f1**4 / (4 * estimate)
        )
    variance = max(0.0, variance)
    return Richness(distinct, estimate, variance, *_interval(distinct, estimate, variance))


def _all_seen_twice(distinct: int, n: int) -> Richness:
    """Without paths seen once nothing points to unseen ones; the interval comes from Poisson counts."""
    missed = math.exp(-n / distinct)
    variance = distinct * missed * (1 - missed)
    centre, spread = distinct / (1 - missed), Z95 * math.sqrt(distinct * missed) / (1 - missed)
    return Richness(
        distinct, float(distinct), variance, max(float(distinct), centre - spread), centre + spread
    )


def _interval(distinct: int, estimate: float, variance: float) -> tuple[float, float]:
    """Log-normal interval of the unseen part: it never falls below what was seen."""
    unseen = estimate - distinct
    if unseen <= 0:
        # One path seen once: the estimate says none is unseen, its variance that this is hardly known.
        return float(distinct), distinct + Z95 * math.sqrt(variance)
    factor = math.exp(Z95 * math.sqrt(math.log1p(variance / unseen**2)))
    return distinct + unseen / factor, distinct + unseen * factor


def expected_distinct(counts: Iterable[int], size: int, samples: int | None = None) -> float:
    """Expected number of distinct paths among `size` of the samples: the mean over all their orders.

    A size above the number of samples gives what all of them have.

    >>> expected_distinct([2, 1], 2), expected_distinct([2, 1], 3)
    (1.6666666666666665, 2.0)
    """
    seen = [count for count in counts if count > 0]
    total = _total(seen, samples)
    if not seen or not size:
        return 0.0
    return float(_presence(np.array(seen), np.full(len(seen), total), np.array([size]))[:, 0].sum())


def _presence(
    counts: Int[np.ndarray, " path"], samples: Int[np.ndarray, " path"], sizes: Int[np.ndarray, " size"]
) -> Float[np.ndarray, "path size"]:
    """Probability that a path seen c times in n samples is among m of them: 1 - C(n-c, m) / C(n, m)."""
    n, c = samples[:, None].astype(float), counts[:, None].astype(float)
    m = np.minimum(sizes[None, :].astype(float), n)
    possible = n - c >= m
    rest = np.where(possible, n - c - m, 0.0)
    absent = gammaln(n - c + 1) - gammaln(rest + 1) - gammaln(n + 1) + gammaln(n - m + 1)
    return np.where(possible, -np.expm1(np.minimum(absent, 0.0)), 1.0)


class Counted(NamedTuple):
    """One question: how often each of its paths was seen, among how many samples."""

    counts: tuple[int, ...]
    samples: int


@dataclass(frozen=True)
class YieldCurve:
    """Mean distinct paths per question after so many samples of each, with an interval over questions."""

    sizes: tuple[int, ...]
    mean: tuple[float, ...]
    low: tuple[float, ...]
    high: tuple[float, ...]
    questions: int
    """How many questions the mean is over; one with fewer samples than a size counts with all it has."""


def yield_curve(
    questions: Sequence[Counted],
    sizes: Sequence[int] | None = None,
    *,
    seed: int = 0,
    resamples: int = 1000,
    level: float = 0.95,
) -> YieldCurve:
    """Compute the yield curve: exact over orders of samples, bootstrap over questions.

    >>> curve = yield_curve([Counted((2, 1), 4), Counted((), 4)], [1, 4])
    >>> [round(mean, 3) for mean in curve.mean], curve.questions
    ([0.375, 1.0], 2)
    """
    most = max((question.samples for question in questions), default=0)
    asked = tuple(sizes) if sizes is not None else _sizes_up_to(most)
    if not questions or not asked:
        return YieldCurve(
            asked, (0.0,) * len(asked), (0.0,) * len(asked), (0.0,) * len(asked), len(questions)
        )
    table = _per_question(questions, np.array(asked))
    means = _resampled_means(table, seed, resamples)
    tail = (1 - level) / 2
    low, high = np.quantile(means, [tail, 1 - tail], axis=0)
    mean, low, high = (tuple(map(float, values)) for values in (table.mean(axis=0), low, high))
    return YieldCurve(asked, mean, low, high, len(questions))


def _sizes_up_to(most: int) -> tuple[int, ...]:
    return (*(size for size in SIZES if size < most), most) if most else ()


def _per_question(
    questions: Sequence[Counted], sizes: Int[np.ndarray, " size"]
) -> Float[np.ndarray, "example size"]:
    """Expected distinct paths of every question at every size."""
    counts = np.array([count for question in questions for count in question.counts], dtype=np.int64)
    samples = np.repeat([question.samples for question in questions], [len(q.counts) for q in questions])
    owner = np.repeat(np.arange(len(questions)), [len(question.counts) for question in questions])
    table = np.zeros((len(questions), len(sizes)))
    if len(counts):
        # Few pairs (count, samples) are distinct: the logarithms are computed once for each.
        pairs, where = np.unique(np.stack([counts, samples], axis=1), axis=0, return_inverse=True)
        presence = _presence(pairs[:, 0], pairs[:, 1], sizes)
        np.add.at(table, owner, presence[where.reshape(-1)])
    return table


def _resampled_means(
    table: Float[np.ndarray, "example size"], seed: int, resamples: int
) -> Float[np.ndarray, "resample size"]:
    rng = rng_of(seed, "yield curve")
    rows = len(table)
    means = np.empty((resamples, table.shape[1]))
    for number in range(resamples):
        weights = np.bincount(rng.integers(rows, size=rows), minlength=rows)
        means[number] = weights @ table / rows
    return means
