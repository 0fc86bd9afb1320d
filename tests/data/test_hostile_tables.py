"""Parquet files that promise what they do not hold, and mutated files for every reader."""

import json
import sys
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from made_files import GSM8K, jsonl

from cotmill.core.errors import DataError, EvidenceError
from cotmill.data import Pool, read_pool
from cotmill.data.export import export
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


def bad_text(*values: bytes) -> pa.Array:
    """Bytes that a file calls text."""
    return pa.Array.from_buffers(pa.string(), len(values), pa.array(values, pa.binary()).buffers())


def read(tmp_path: Path, table: pa.Table) -> Pool:
    """Write a Parquet file as another tool might, and read it."""
    pq.write_table(table, tmp_path / "x.parquet")
    return read_pool(tmp_path / "x.parquet")


def test_text_in_parquet_that_is_not_utf8_costs_its_row_only(tmp_path: Path) -> None:
    for name in ("question", "answer", "own"):
        columns = {"question": ["Q", "R"], "answer": ["#### 1", "#### 2"], "own": ["a", "b"]}
        pool = read(tmp_path, pa.table(columns | {name: bad_text(b"a\xffb", b"R")}))
        assert len(pool) == 1
        assert dict(pool.rejects.reasons) == {"not UTF-8": 1}


def test_what_in_parquet_is_not_utf8_elsewhere_is_refused_with_the_files_name(tmp_path: Path) -> None:
    columns = {"question": ["Q"], "answer": ["#### 1"]}
    inner = pa.StructArray.from_arrays([bad_text(b"\xff")], ["x"])
    with pytest.raises(DataError, match=r"x\.parquet is not a readable Parquet file.*UTF8"):
        read(tmp_path, pa.table(columns | {"inner": inner}))
    read(tmp_path, pa.table(columns | {"mmmm": ["a"]}))
    path = tmp_path / "x.parquet"
    path.write_bytes(path.read_bytes().replace(b"mmmm", b"m\xff\xffm"))
    with pytest.raises(DataError, match=r"x\.parquet is not a readable Parquet file.*utf-8"):
        read_pool(path)
    with pytest.raises(EvidenceError, match=r"x\.parquet .*utf-8"):
        Evidence.read(path)


def test_evidence_whose_ids_are_not_utf8_is_damaged(tmp_path: Path) -> None:
    pq.write_table(pa.table({"row_id": bad_text(b"\xff"), "values": [1.0]}), tmp_path / "x.parquet")
    with pytest.raises(EvidenceError, match=r"x\.parquet is damaged"):
        Evidence.read(tmp_path / "x.parquet")


def test_text_that_parquet_calls_bytes_is_read_as_text(tmp_path: Path) -> None:
    table = pa.table({"question": ["Wie heißt \u00e9?".encode(), b"\xff"], "answer": [b"#### 1", b"#### 2"]})
    pool = read(tmp_path, table)
    assert pool.column("question").to_pylist() == ["Wie heißt \u00e9?"]
    assert pool.column("gold").to_pylist() == ["1"]
    assert dict(pool.rejects.reasons) == {"not UTF-8": 1}


def test_a_column_that_is_there_twice_is_refused(tmp_path: Path) -> None:
    columns = [pa.array(["Q"]), pa.array(["R"]), pa.array(["#### 1"])]
    with pytest.raises(DataError, match="names the column 'question' twice"):
        read(tmp_path, pa.Table.from_arrays(columns, names=["question", "question", "answer"]))


def test_numbers_that_are_none_are_no_answers(tmp_path: Path) -> None:
    pool = read(
        tmp_path, pa.table({"question": ["Q", "R", "S"], "answer": [1.0, float("nan"), float("inf")]})
    )
    assert pool.column("gold").to_pylist() == ["1"]
    assert pool.rejects.count == 2


def test_the_largest_numbers_of_one_file_are_not_bent_to_those_of_another(tmp_path: Path) -> None:
    for name, numbers in (("a", pa.array([2**64 - 1], pa.uint64())), ("b", pa.array([-1]))):
        table = pa.table({"question": [name], "answer": ["#### 1"], "n": numbers})
        pq.write_table(table, tmp_path / f"{name}.parquet")
    assert read_pool(tmp_path).column("n").to_pylist() == [str(2**64 - 1), "-1"]


def test_exported_json_lines_hold_no_numbers_that_json_has_not(tmp_path: Path) -> None:
    table = pa.table({"question": ["Q"], "answer": ["#### 1"], "own": [float("nan")]})
    export(read(tmp_path, table), "jsonl", tmp_path / "out")
    line = (tmp_path / "out" / "train.jsonl").read_text()
    assert json.loads(line, parse_constant=pytest.fail)["own"] is None


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
