"""A tiny model, a pool longer than a shard, and a short training with snapshots."""

from __future__ import annotations

import pytest

from cotmill.data.pool import Pool
from cotmill.model.load import LanguageModel, load


@pytest.fixture(scope="session")
def lm(model_folder) -> LanguageModel:
    """Load it."""
    return load(str(model_folder))


@pytest.fixture(scope="session")
def pool() -> Pool:
    """Give 70 sums; one has no trace, one has a prompt longer than the model."""
    rows = [{"question": f"Ann has {n} pens.", "trace": f"{n}+{n}={2 * n}\n#### {2 * n}"} for n in range(68)]
    rows[9] = {"question": "What now?", "trace": ""}
    rows += [{"question": "Ann buys 2 pens. " * 40, "trace": "#### 80"}]
    rows += [{"question": "Ann buys 2 pens.", "trace": "2+2=4\n" * 40}]
    return Pool.from_rows(rows)


@pytest.fixture(autouse=True)
def short_shards(monkeypatch) -> None:
    """Cut the pool into five shards."""
    monkeypatch.setattr("cotmill.measure.shards.SHARD_ROWS", 16)
