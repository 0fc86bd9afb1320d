"""A model of the lab's smallest shape with fresh weights, and a small pool to ask it."""

from __future__ import annotations

from pathlib import Path

import pytest

from cotmill.data.pool import Pool
from cotmill.evaluate.benchmark import Benchmark


@pytest.fixture(scope="session")
def tiny_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with shape and tokenizer, without weights."""
    from cotmill.lab.models import config_of
    from cotmill.lab.tokenizer import write_tokenizer

    folder = tmp_path_factory.mktemp("tiny")
    config_of("llama-0.25m").save_pretrained(folder)
    write_tokenizer(folder)
    return folder


@pytest.fixture(scope="session")
def tiny(tiny_folder: Path):
    from cotmill.model.load import load

    return load(f"{tiny_folder}@random")


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
