"""BM25 to queries: rows that share rare words with questions of the kind that will be asked; a baseline.

Source: Robertson and Zaragoza 2009, with Lucene's idf, log(1 + (N - n + 1/2) / (n + 1/2)), which is never
negative; k1 = 1.5, b = 0.75. A control for every method that compares embeddings or gradients with queries
(LESS, arXiv 2402.04333, reports it). Exact, by one sparse product; checked against the formula written out.
"""

from __future__ import annotations

from typing import Any, Literal

import numpy as np
from jaxtyping import Float
from pydantic import Field
from scipy.sparse import csr_array
from sklearn.feature_extraction.text import CountVectorizer

from cotmill.data.pool import Pool
from cotmill.select import pick
from cotmill.select.drawing import Drawing
from cotmill.select.protocol import Candidates, Method

WORDS = r"(?u)[^\W_]+"
"""Runs of letters and digits, in lower case; single letters and digits count."""


class BM25(Method):
    """Rows that share rare words with the queries."""

    name = "bm25"
    asks = Pool

    text: Literal["question", "trace", "both"] = Field(
        default="question", description="what of a row is compared with the questions of the queries"
    )
    combine: Literal["round_robin", "max", "mean"] = Field(
        default="round_robin", description="how several queries choose"
    )
    k1: float = Field(default=1.5, ge=0, description="how soon a repeated word stops counting")
    b: float = Field(default=0.75, ge=0, le=1, description="how much length is made up for")

    def draw(self, rows: Candidates) -> Drawing:
        """Let the queries choose, or order by their scores."""
        assert isinstance(rows.extras.queries, Pool)
        queries = rows.extras.queries.column("question").to_pylist()
        scores = bm25(self._texts(rows.pool), queries, k1=self.k1, b=self.b)
        best = scores.mean(axis=0) if self.combine == "mean" else scores.max(axis=0)
        if self.combine == "round_robin":
            order = pick.round_robin(scores, rows.keys, rows.most)
        else:
            order = pick.top(best, rows.keys)
        return Drawing(
            order=order,
            why="shares rare words with a query",
            scores=best.astype(np.float64),
            details={"queries": len(queries)},
        )

    def _texts(self, pool: Pool) -> list[str]:
        """Give what is compared of every row."""
        names = ("question", "trace") if self.text == "both" else (self.text,)
        columns = [pool.column(name).to_pylist() for name in names]
        return [" ".join(parts) for parts in zip(*columns, strict=True)]


def bm25(texts: list[str], queries: list[str], *, k1: float, b: float) -> Float[np.ndarray, "query row"]:
    """Score every text for every query; a word that a query repeats counts as often.

    >>> bm25(["two pens", "two cats"], ["pens"], k1=1.5, b=0.75).argmax()
    np.int64(0)
    """
    vectorizer = CountVectorizer(token_pattern=WORDS)
    counts: Any = csr_array(vectorizer.fit_transform(texts), dtype=np.float32)
    asked: Any = csr_array(vectorizer.transform(queries), dtype=np.float32)
    lengths = counts.sum(axis=1)
    having = np.bincount(counts.indices, minlength=counts.shape[1])
    idf = np.log1p((len(texts) - having + 0.5) / (having + 0.5))
    row = np.repeat(np.arange(len(texts)), np.diff(counts.indptr))
    relative = 1 - b + b * lengths / max(float(lengths.mean()), 1e-12)
    weights = counts.data * (k1 + 1) / (counts.data + k1 * relative[row]) * idf[counts.indices]
    counts.data = weights.astype(np.float32)
    return np.asarray((asked @ counts.T).todense())
