"""Rows that share words with queries, against the formula written out."""

import re
from math import log

import numpy as np
import pytest

from cotmill.core.errors import EvidenceError
from cotmill.data.pool import Pool
from cotmill.select import BM25, Extras
from cotmill.select.bm25 import bm25

TEXTS = [
    "Ann has 3 pens and 4 pens more",
    "Bob reads a book",
    "A train leaves at 4",
    "Ann reads and Ann writes",
    "",
]
QUERIES = ["How many pens has Ann?", "When does the train leave?", "nothing shared zzz"]


def written_out(texts: list[str], query: str, k1: float, b: float) -> list[float]:
    """Robertson's formula with Lucene's idf, a word at a time."""
    words = [re.findall(r"[^\W_]+", text.lower()) for text in texts]
    mean = sum(map(len, words)) / len(words)
    scores = []
    for row in words:
        score = 0.0
        for word in re.findall(r"[^\W_]+", query.lower()):
            n, f = sum(word in other for other in words), row.count(word)
            idf = log(1 + (len(texts) - n + 0.5) / (n + 0.5))
            score += idf * f * (k1 + 1) / (f + k1 * (1 - b + b * len(row) / mean))
        scores.append(score)
    return scores


@pytest.mark.parametrize(("k1", "b"), [(1.5, 0.75), (0.9, 0.4), (2.0, 0.0)])
def test_scores_are_those_of_the_formula(k1, b):
    expected = [written_out(TEXTS, query, k1, b) for query in QUERIES]
    np.testing.assert_allclose(bm25(TEXTS, QUERIES, k1=k1, b=b), expected, rtol=1e-5)


def test_rows_that_share_rare_words_are_taken_and_queries_are_needed():
    pool = Pool.from_rows({"question": text or "-", "trace": f"#### {i}"} for i, text in enumerate(TEXTS))
    asked = Pool.from_rows({"question": query, "trace": ""} for query in QUERIES[:2])
    selection = BM25()(pool, budget=2, seed=0, extras=Extras(queries=asked))
    assert np.flatnonzero(selection.taken).tolist() == [0, 2]
    with pytest.raises(EvidenceError, match="bm25 needs queries; give them with --queries"):
        BM25()(pool, budget=2, seed=0)
