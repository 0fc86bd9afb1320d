"""Parquet files that promise what they do not hold, and mutated files for every reader."""

import sys
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from made_files import GSM8K, jsonl

from cotmill.core.errors import DataError, EvidenceError
from cotmill.data import read_pool
from cotmill.evidence import Evidence

sys.path.insert(0, str(Path(__file__).parents[2] / "benchmarks"))
from fuzz import TARGETS, fuzz


@pytest.mark.parametrize(
    "name", [name for name in TARGETS if name not in ("answers", "grounding", "setting")]
)
def test_mutated_input_ends_in_a_result_or_a_sentence(tmp_path: Path, name: str) -> None:
    assert fuzz(name, 40 if name in ("recipe", "parquet", "evidence") else 200, tmp_path, seed=1) == []


def test_a_parquet_file_that_promises_more_rows_than_fit_is_refused(tmp_path: Path) -> None:
    path, rows = tmp_path / "bomb.parquet", 20_000_000
    one = pa.DictionaryArray.from_arrays(pa.array([0] * 100_000, pa.int8()), pa.array(["#### 1"]))
    table = pa.table({"question": one, "answer": one})
    with pq.ParquetWriter(path, table.schema) as writer:
        writer.write_table(pa.concat_tables([table] * (rows // len(table))), row_group_size=rows)
    assert path.stat().st_size < 1_000_000
    with pytest.raises(DataError, match=r"bomb\.parquet promises 20,000,000 rows in [\d,]+ bytes"):
        read_pool(path)


def test_a_key_that_is_not_unicode_costs_its_row_only(tmp_path: Path) -> None:
    path = tmp_path / "x.json"
    path.write_bytes(
        b'[{"question": "Q", "answer": "#### 1"}, {"question": "R", "answer": "#### 2", "x\xff": 1}]'
    )
    pool = read_pool(path)
    assert pool.column("question").to_pylist() == ["Q"]
    assert dict(pool.rejects.reasons) == {"not UTF-8": 1}
    assert not [name for name in pool.columns if name.startswith("x")]


@pytest.mark.parametrize("about", [b"{", b"[1]", b'{"kind": 3}', b'{"about": []}', b"\xff"])
def test_provenance_that_is_damaged_is_named(tmp_path: Path, about: bytes) -> None:
    table = pa.table({"row_id": ["a"], "loss_sum": [1.0], "tokens": [1], "truncated": [False]})
    pq.write_table(table.replace_schema_metadata({b"cotmill": about}), tmp_path / "losses.parquet")
    with pytest.raises(EvidenceError, match=r"losses\.parquet is damaged: its provenance"):
        Evidence.read(tmp_path / "losses.parquet")


def test_a_link_in_a_folder_of_data_that_leads_nowhere_is_named(tmp_path: Path) -> None:
    folder = tmp_path / "data"
    folder.mkdir()
    jsonl(folder / "a.jsonl", [GSM8K[0]])
    (folder / "b.jsonl").symlink_to(tmp_path / "absent.jsonl")
    (folder / "round").symlink_to(folder)
    with pytest.raises(DataError, match=r"b\.jsonl"):
        read_pool(folder)
    (folder / "b.jsonl").unlink()
    assert len(read_pool(folder)) == 1
