"""A model of the lab's smallest shape with fresh weights, and a small pool to ask it."""

from __future__ import annotations

import pytest

from cotmill.data.pool import Pool
from cotmill.evaluate.benchmark import Benchmark


@pytest.fixture(scope="session")
def tiny():
    from cotmill.model.load import load

    return load("lab:llama-0.25m@random")


@pytest.fixture(scope="session")
def sums() -> Benchmark:
    rows = [
        {
            "question": f"Ann has {a} pens and buys {b} more. How many pens has Ann?",
            "gold": str(a + b),
            "trace": f"{a} + {b} = <<{a}+{b}={a + b}>>{a + b}\n#### {a + b}" if a < 6 else "",
            "kind": "small" if a < 4 else "large",
        }
        for a in range(2, 10)
        for b in range(3, 8)
    ]
    return Benchmark("sums", Pool.from_rows(rows), groups=("kind",))
