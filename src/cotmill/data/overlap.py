"""Overlap of a pool with benchmarks: rows that share an n-gram of words with a benchmark's question.

13-grams are the rule of Brown et al. 2020 (GPT-3, appendix C), 8-grams that of open-r1 and Llama 2; a
question shorter than n words must agree as a whole. Hashes of 64 bits are compared: a chance hit among
10^8 n-grams and 10^5 of a benchmark has probability 10^-6.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from jaxtyping import Int

from cotmill.core.errors import DataError
from cotmill.data.ngrams import Grams, Vocabulary, grams
from cotmill.data.pool import Pool

DEFAULT_N = 13


@dataclass(frozen=True)
class Overlap:
    """Rows of a pool that share an n-gram with a benchmark, each with the benchmark row it met first."""

    name: str
    n: int
    rows: tuple[str, ...]
    """Row ids in pool order."""
    met: tuple[str, ...]
    """For each of them, the row id of the benchmark's question."""
    benchmark_rows: int
    touched: int
    """Benchmark questions that share an n-gram with the pool."""


class Index:
    """The n-grams of several benchmarks' questions, sorted."""

    def __init__(self, benchmarks: Mapping[str, Pool], n: int) -> None:
        """Hash all questions.

        Raises:
            DataError: a benchmark without a single question.
        """
        self.n, self._vocabulary = n, Vocabulary()
        self.names = list(benchmarks)
        hashes, owners, rows = [], [], []
        self.ids: list[str] = []
        self.sizes: dict[str, int] = {}
        for number, (name, pool) in enumerate(benchmarks.items()):
            questions = pool.column("question").to_pylist()
            found = grams(questions, n, self._vocabulary)
            if not len(found.hashes):
                raise DataError(f"{name} has no questions to compare with")
            hashes.append(found.hashes)
            owners.append(np.full(len(found.hashes), number))
            rows.append(np.repeat(np.arange(len(questions)) + len(self.ids), found.counts()))
            self.ids += pool.column("row_id").to_pylist()
            self.sizes[name] = len(questions)
        every = np.concatenate(hashes)
        order = np.argsort(every, kind="stable")
        self.hashes = every[order]
        self.owners, self.rows = np.concatenate(owners)[order], np.concatenate(rows)[order]

    def grams(self, texts: list[str]) -> Grams:
        """Hash texts as the questions were."""
        return grams(texts, self.n, self._vocabulary)

    def hits(self, found: Grams) -> tuple[Int[np.ndarray, " hit"], Int[np.ndarray, " hit"]]:
        """Return (text, entry of this index) for every n-gram that agrees."""
        low = np.searchsorted(self.hashes, found.hashes, side="left")
        high = np.searchsorted(self.hashes, found.hashes, side="right")
        at = np.flatnonzero(high > low)
        counts = high[at] - low[at]
        texts = np.repeat(np.searchsorted(found.starts, at, side="right") - 1, counts)
        steps = np.arange(counts.sum()) - np.repeat(np.cumsum(counts) - counts, counts)
        return texts, np.repeat(low[at], counts) + steps


def overlaps(pool: Pool, benchmarks: Mapping[str, Pool], *, n: int = DEFAULT_N) -> list[Overlap]:
    """Compare question and trace of every row with every benchmark's questions, in one pass."""
    index = Index(benchmarks, n)
    met: list[dict[str, str]] = [{} for _ in index.names]
    touched: list[set[int]] = [set() for _ in index.names]
    for batch in pool.batches(["row_id", "question", "trace"]):
        ids = batch.column("row_id").to_pylist()
        pairs = zip(batch.column("question").to_pylist(), batch.column("trace").to_pylist(), strict=True)
        texts, entries = index.hits(index.grams([f"{question}\n{trace}" for question, trace in pairs]))
        for text, entry in zip(texts.tolist(), entries.tolist(), strict=True):
            owner, row = int(index.owners[entry]), int(index.rows[entry])
            met[owner].setdefault(ids[text], index.ids[row])
            touched[owner].add(row)
    return [
        Overlap(name, n, tuple(met[at]), tuple(met[at].values()), index.sizes[name], len(touched[at]))
        for at, name in enumerate(index.names)
    ]


def decontaminated(
    pool: Pool, benchmarks: Mapping[str, Pool], *, n: int = DEFAULT_N
) -> tuple[Pool, list[Overlap]]:
    """Drop the rows that overlap with any benchmark; returns what is left and what was found."""
    found = overlaps(pool, benchmarks, n=n)
    dropped = {row for overlap in found for row in overlap.rows}
    why = f"decontaminated by {n}-grams against {', '.join(benchmarks)}"
    return pool.take([row_id for row_id in pool.ids.tolist() if row_id not in dropped], why=why), found
