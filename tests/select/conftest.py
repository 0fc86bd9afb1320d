"""Small pools and evidence for the tests of selectors."""

from collections.abc import Callable

import numpy as np
import pytest

from cotmill.data.pool import Pool
from cotmill.evidence import Embeddings, Readings, Trajectories


@pytest.fixture
def make_pool() -> Callable[..., Pool]:
    def make(rows: int, sources: str = "ab") -> Pool:
        return Pool.from_rows(
            {"question": f"q{i}", "trace": "s " * (i % 9) + f"#### {i}", "source": sources[i % len(sources)]}
            for i in range(rows)
        )

    return make


@pytest.fixture
def make_trajectories() -> Callable[..., Trajectories]:
    def make(pool: Pool, means: np.ndarray, tokens: np.ndarray | None = None) -> Trajectories:
        tokens = np.full(len(pool), 10) if tokens is None else tokens
        return Trajectories(
            row_ids=pool.ids,
            pool_fingerprint=pool.fingerprint,
            model_fingerprint="proxy",
            loss_sum=means * tokens[:, None],
            tokens=tokens,
            steps=np.arange(1, means.shape[1] + 1) * 100,
            truncated=np.zeros(len(pool), dtype=bool),
        )

    return make


@pytest.fixture
def make_readings() -> Callable[..., Readings]:
    def make(pool: Pool, **columns: np.ndarray) -> Readings:
        tokens = columns.pop("tokens", np.full(len(pool), 10))
        given = {name: np.asarray(values, dtype=float) for name, values in columns.items()}
        blank = dict.fromkeys(("loss_sum", "confidence_sum", "top_sum", "rank_sum"), tokens * 1.0)
        blank |= {"end_loss": np.zeros(len(pool)), "truncated": np.zeros(len(pool), dtype=bool)}
        if "bare_tokens" in given:
            given["bare_tokens"] = given["bare_tokens"].astype(int)
        return Readings(row_ids=pool.ids, tokens=tokens, **(blank | given))

    return make


@pytest.fixture
def make_embeddings() -> Callable[..., Embeddings]:
    def make(pool: Pool, vectors: np.ndarray, pooling: str = "mean") -> Embeddings:
        return Embeddings(
            row_ids=pool.ids, vectors=np.asarray(vectors, dtype=float), about={"pooling": pooling}
        )

    return make
