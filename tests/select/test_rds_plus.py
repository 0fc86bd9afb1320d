"""Rows like queries, in hidden states."""

from dataclasses import replace

import numpy as np
import pytest

from cotmill.core.errors import EvidenceError
from cotmill.select import Extras, RDSPlus


@pytest.fixture
def world(make_pool, make_embeddings):
    pool, asked = make_pool(6), make_pool(2, sources="q")
    angles = np.array([0.0, 0.1, 0.2, 1.4, 1.5, 3.0])
    vectors = np.column_stack([np.cos(angles), np.sin(angles)]) * np.arange(1, 7)[:, None]
    queries = make_embeddings(asked, [[1.0, 0.0], [0.0, 1.0]], "weighted")
    return pool, make_embeddings(pool, vectors, "weighted"), queries


def test_queries_choose_in_turn_by_cosine(world):
    pool, rows, queries = world
    selection = RDSPlus()(pool, rows, budget=4, seed=0, extras=Extras(queries=queries))
    places = selection.table["place"].to_pylist()
    assert [places.index(number) for number in range(4)] == [0, 4, 1, 3]
    highest = RDSPlus(combine="max")(pool, rows, budget=3, seed=0, extras=Extras(queries=queries))
    assert np.flatnonzero(highest.taken).tolist() == [0, 1, 4]


def test_queries_that_are_missing_or_embedded_otherwise_are_refused(world):
    pool, rows, queries = world
    with pytest.raises(EvidenceError, match="needs the embeddings of queries; give them with --queries"):
        RDSPlus()(pool, rows, budget=2, seed=0)
    other = replace(queries, about={"pooling": "mean"})
    with pytest.raises(EvidenceError, match="pooling mean for weighted"):
        RDSPlus()(pool, rows, budget=2, seed=0, extras=Extras(queries=other))
