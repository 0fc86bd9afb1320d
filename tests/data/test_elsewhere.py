"""Data at addresses of fsspec: here a store in memory, and files named by an address."""

from __future__ import annotations

from pathlib import Path

import pytest

from cotmill.core.errors import DataError
from cotmill.data.pool import Pool
from cotmill.data.read import read_pool

fsspec = pytest.importorskip("fsspec", reason="FSSPEC ABSENT: pip install 'cotmill[stores]'")

ROWS = [{"question": f"What is {n} + 1?", "gold": str(n + 1), "trace": f"#### {n + 1}"} for n in range(5)]


@pytest.fixture
def store():
    made = fsspec.filesystem("memory")
    yield made
    made.rm("/", recursive=True)


def test_a_pool_is_written_to_a_store_and_read_back(store) -> None:
    written = Pool.from_rows(ROWS).write("memory://bucket/pools/one")
    assert store.exists("/bucket/pools/one/pool.json")
    found = read_pool("memory://bucket/pools/one")
    assert found.fingerprint == written.fingerprint == Pool.from_rows(ROWS).fingerprint
    assert [row["question"] for row in found.rows()] == [row["question"] for row in ROWS]


def test_a_file_of_a_store_is_read_by_its_format_and_called_by_its_address(store, tmp_path: Path) -> None:
    line = '{"question": "What is 1 + 1?", "answer": "It is 2.\\n#### 2"}\n'
    store.pipe_file("/bucket/gsm.jsonl", line.encode())
    pool = read_pool("memory://bucket/gsm.jsonl", out=tmp_path / "pool")
    assert pool.about["read_from"] == "memory://bucket/gsm.jsonl"
    assert pool.column("gold").to_pylist() == ["2"]
    beside = tmp_path / "beside.jsonl"
    beside.write_text(line, encoding="utf-8")
    assert read_pool(beside.as_uri()).fingerprint == pool.fingerprint


def test_a_pool_whose_writing_was_cut_short_is_none(store) -> None:
    Pool.from_rows(ROWS).write("memory://bucket/pool")
    store.rm_file("/bucket/pool/pool.json")
    assert len(read_pool("memory://bucket/pool")) == 5  # plain Parquet files are data as any other
    with pytest.raises(DataError, match="memory://bucket/none does not exist"):
        read_pool("memory://bucket/none")
    with pytest.raises(DataError, match="no address that fsspec knows"):
        read_pool("nosuch://bucket/pool")
