"""Even over clusters of embeddings."""

import numpy as np

from cotmill.select import EmbeddingBalanced


def test_a_rare_direction_gets_its_even_share(make_pool, make_embeddings):
    pool = make_pool(200)
    kind = (np.arange(200) % 20 == 0).astype(int)
    vectors = np.eye(2)[kind] + np.random.default_rng(0).normal(0, 0.01, (200, 2))
    selection = EmbeddingBalanced(clusters=2)(pool, make_embeddings(pool, vectors), budget=20, seed=0)
    assert np.bincount(kind[selection.taken]).tolist() == [10, 10]
    assert selection.summary["details"]["clusters"] == 2
