"""A tiny model in a folder, a pool, and a Ray cluster of three nodes on this machine."""

from __future__ import annotations

import pytest

from cotmill.data.pool import Pool


@pytest.fixture(scope="session")
def pool() -> Pool:
    """Give 150 sums."""
    return Pool.from_rows(
        {"question": f"Ann has {n} pens.", "gold": str(2 * n), "trace": f"{n}+{n}={2 * n}\n#### {2 * n}"}
        for n in range(150)
    )
