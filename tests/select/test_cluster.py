"""k-means that does not depend on order, batches or threads."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from cotmill.core.ids import content_id, order_keys
from cotmill.select import cluster as module
from cotmill.select.cluster import assign, cluster, purity


def blobs(rows: int, kinds: int = 4, seed: int = 0) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    kind = np.arange(rows) % kinds
    centres = rng.normal(0, 5, (kinds, 6))
    features = (centres[kind] + rng.normal(0, 0.1, (rows, 6))).astype(np.float32)
    return features, kind, order_keys(seed, [content_id(str(i)) for i in range(rows)])


def test_clear_groups_are_found():
    features, kind, keys = blobs(400)
    found = cluster(features, keys, clusters=4, restarts=3, seed=0)
    assert purity(found.labels, kind) == 1.0
    assert purity(kind, found.labels) == 1.0
    assert found.inertia < 0.1


def test_the_order_of_rows_changes_nothing_at_all():
    features, _, keys = blobs(3000, kinds=40)
    mixed = np.random.default_rng(1).permutation(3000)
    straight = cluster(features, keys, clusters=25, restarts=2, seed=3)
    shuffled = cluster(features[mixed], keys[mixed], clusters=25, restarts=2, seed=3)
    assert np.array_equal(straight.centres, shuffled.centres)
    assert np.array_equal(straight.labels[mixed], shuffled.labels)


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 2**32 - 1), st.integers(1, 400))
def test_every_batch_size_assigns_alike_even_on_the_border(seed: int, batch: int):
    rng = np.random.default_rng(seed)
    # Small whole numbers: many rows lie exactly half-way between two centres.
    features = rng.integers(-2, 3, (400, 3)).astype(np.float32)
    centres = np.unique(rng.integers(-2, 3, (9, 3)), axis=0).astype(np.float32)
    whole, inertia = assign(features, centres)
    parts = np.concatenate([assign(features[i : i + batch], centres)[0] for i in range(0, 400, batch)])
    assert np.array_equal(whole, parts)
    distances = ((features[:, None].astype(float) - centres) ** 2).sum(axis=2)
    assert np.array_equal(whole, distances.argmin(axis=1))
    assert abs(inertia - distances.min(axis=1).mean()) < 1e-9


def test_batches_inside_one_call_assign_like_one_batch(monkeypatch):
    features, _, _ = blobs(1000)
    centres = features[:7]
    expected = assign(features, centres)[0]
    monkeypatch.setattr(module, "BATCH", 33)
    assert np.array_equal(assign(features, centres)[0], expected)


def test_more_clusters_than_distinct_rows_is_no_error():
    features = np.repeat(np.arange(3, dtype=np.float32)[:, None], 20, axis=0)
    found = cluster(features, order_keys(0, [str(i) for i in range(60)]), clusters=10, restarts=1, seed=0)
    assert len(np.unique(found.labels)) == 3
    assert found.inertia == 0
