from __future__ import annotations

import gzip
import json
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from made_files import GSM8K, document, jsonl

from cotmill.core.errors import DataError
from cotmill.data import Pool, read_pool
from cotmill.data.hub import hub_chunks


def golds(pool: Pool) -> list[str | None]:
    return pool.column("gold").to_pylist()


def csv_text(separator: str = ",") -> str:
    lines = ["question" + separator + "answer"]
    lines += ['"{}"{}"{}"'.format(row["question"], separator, row["answer"]) for row in GSM8K]
    return "\n".join(lines) + "\n"


@pytest.mark.parametrize("suffix", [".jsonl", ".ndjson", ".json", ".jsonl.gz", ".json.gz"])
def test_json_lines_under_any_name(tmp_path: Path, suffix: str) -> None:
    assert golds(read_pool(jsonl(tmp_path / f"train{suffix}", GSM8K))) == ["7", "30", "1,000"]


@pytest.mark.parametrize("suffix", [".json", ".json.gz", ".jsonl"])
@pytest.mark.parametrize("indent", [None, 2])
def test_an_array_under_any_name(tmp_path: Path, suffix: str, indent: int | None) -> None:
    assert golds(read_pool(document(tmp_path / f"train{suffix}", GSM8K, indent=indent))) == [
        "7",
        "30",
        "1,000",
    ]


@pytest.mark.parametrize(
    "value",
    [
        {"data": GSM8K},
        {"version": 2, "rows": GSM8K},
        {"first": GSM8K[0], "second": GSM8K[1], "third": GSM8K[2]},
        {name: [row[name] for row in GSM8K] for name in ("question", "answer")},
        [{f"entry_{number}": row} for number, row in enumerate(GSM8K)],
    ],
    ids=["under data", "beside a version", "by id", "by column", "each in its own object"],
)
def test_one_object_may_hold_the_rows(tmp_path: Path, value: object) -> None:
    assert golds(read_pool(document(tmp_path / "x.json", value, indent=1))) == ["7", "30", "1,000"]


def test_one_object_with_two_tables_is_refused_with_their_names(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"several tables \(train, test\)"):
        read_pool(document(tmp_path / "x.json", {"train": GSM8K, "test": GSM8K}, indent=1))


def test_a_single_row_on_several_lines_is_a_row(tmp_path: Path) -> None:
    row = {"messages": [{"role": "user", "content": "Q"}, {"role": "assistant", "content": "A"}]}
    assert len(read_pool(document(tmp_path / "x.json", row, indent=2))) == 1


@pytest.mark.parametrize("name", ["x.csv", "x.csv.gz", "x.tsv", "x.tsv.gz"])
def test_csv_and_tsv(tmp_path: Path, name: str) -> None:
    data = csv_text("\t" if ".tsv" in name else ",").encode()
    (tmp_path / name).write_bytes(gzip.compress(data, mtime=0) if name.endswith("gz") else data)
    pool = read_pool(tmp_path / name)
    assert golds(pool) == ["7", "30", "1,000"]
    assert pool.column("trace").to_pylist() == [row["answer"] for row in GSM8K]


def test_csv_with_a_byte_order_mark_and_windows_lines(tmp_path: Path) -> None:
    (tmp_path / "x.csv").write_bytes(b"\xef\xbb\xbfquestion,answer\r\n1+1?,2\r\n2+2?,4\r\n")
    assert golds(read_pool(tmp_path / "x.csv")) == ["2", "4"]


def test_tsv_without_names_and_with_stray_quotes(tmp_path: Path) -> None:
    (tmp_path / "mgsm.tsv").write_text(
        'Sie sagt "drei" und "vier.\t7\n"Eins" und zwei?\t3\n', encoding="utf-8"
    )
    pool = read_pool(tmp_path / "mgsm.tsv")
    assert golds(pool) == ["7", "3"]
    assert pool.column("question")[0].as_py() == 'Sie sagt "drei" und "vier.'


def test_a_csv_row_of_another_width_is_set_aside(tmp_path: Path) -> None:
    (tmp_path / "x.csv").write_text("question,answer\n1+1?,2\n2+2?\n3+3?,6,7\n4+4?,8\n")
    pool = read_pool(tmp_path / "x.csv")
    assert golds(pool) == ["2", "8"]
    assert dict(pool.rejects.reasons) == {"wrong number of cells": 2}


def test_a_column_named_twice_is_refused(tmp_path: Path) -> None:
    (tmp_path / "x.csv").write_text("question,answer,answer\na,b,c\n")
    with pytest.raises(DataError, match="'answer' twice"):
        read_pool(tmp_path / "x.csv")


def test_parquet_keeps_nested_columns_and_dictionaries(tmp_path: Path) -> None:
    table = pa.table(
        {
            "question": pa.array([row["question"] for row in GSM8K]).dictionary_encode(),
            "answer": pa.array([row["answer"] for row in GSM8K], pa.large_string()),
            "meta": [{"a": 1}, {"a": 2}, None],
        }
    )
    pq.write_table(table, tmp_path / "x.parquet")
    pool = read_pool(tmp_path / "x.parquet")
    assert golds(pool) == ["7", "30", "1,000"]
    assert pool.column("meta").to_pylist() == [{"a": 1}, {"a": 2}, None]


@pytest.mark.parametrize("file_format", [True, False])
def test_arrow_files_as_datasets_saves_them(tmp_path: Path, file_format: bool) -> None:
    table = pa.Table.from_pylist(GSM8K)
    new = pa.ipc.new_file if file_format else pa.ipc.new_stream
    with (
        pa.OSFile(str(tmp_path / "data-00000-of-00001.arrow"), "wb") as sink,
        new(sink, table.schema) as writer,
    ):
        writer.write_table(table)
    (tmp_path / "dataset_info.json").write_text("{}")
    (tmp_path / "state.json").write_text("{}")
    assert golds(read_pool(tmp_path)) == ["7", "30", "1,000"]


def test_packed_parquet_is_unpacked_first(tmp_path: Path) -> None:
    pq.write_table(pa.Table.from_pylist(GSM8K), tmp_path / "x.parquet")
    (tmp_path / "x.parquet.gz").write_bytes(gzip.compress((tmp_path / "x.parquet").read_bytes()))
    assert golds(read_pool(tmp_path / "x.parquet.gz")) == ["7", "30", "1,000"]


def test_arrays_may_follow_each_other(tmp_path: Path) -> None:
    text = json.dumps(GSM8K[:1], indent=1) + "\n" + json.dumps([GSM8K[1:]])
    (tmp_path / "x.json").write_text(text)
    assert golds(read_pool(tmp_path / "x.json")) == ["7", "30", "1,000"]


def test_lines_after_a_stray_list_are_not_lost(tmp_path: Path) -> None:
    pool = read_pool(jsonl(tmp_path / "x.jsonl", ["[1]", *GSM8K]))
    assert (golds(pool), pool.rejects.count) == (["7", "30", "1,000"], 1)


def test_parquet_that_is_none_is_refused(tmp_path: Path) -> None:
    (tmp_path / "x.parquet").write_bytes(b"PAR1 not really")
    with pytest.raises(DataError, match="not a readable Parquet"):
        read_pool(tmp_path / "x.parquet")


def test_a_folder_mixes_formats_and_schemas_and_names_sources(tmp_path: Path) -> None:
    jsonl(tmp_path / "gsm8k-00000-of-00002.jsonl", GSM8K[:1])
    jsonl(tmp_path / "gsm8k-00001-of-00002.jsonl.gz", GSM8K[1:])
    (tmp_path / "more").mkdir()
    document(tmp_path / "more" / "alpaca.json", [{"instruction": "Q", "input": "", "output": "A"}])
    (tmp_path / "README.md").write_text("not data")
    (tmp_path / "half.jsonl.part").write_text("{")
    pool = read_pool(tmp_path)
    assert pool.column("source").to_pylist() == ["gsm8k", "gsm8k", "gsm8k", "more/alpaca"]
    assert set(pool.about["forms"].values()) == {"gsm8k", "alpaca"}
    assert len(set(pool.ids.tolist())) == 4


def test_one_sharded_set_has_no_made_up_source(tmp_path: Path) -> None:
    jsonl(tmp_path / "train-00000-of-00002.jsonl", GSM8K[:1])
    jsonl(tmp_path / "train-00001-of-00002.jsonl", GSM8K[1:])
    assert set(read_pool(tmp_path).column("source").to_pylist()) == {""}


def test_a_file_in_a_folder_that_is_not_known_is_named(tmp_path: Path) -> None:
    jsonl(tmp_path / "a.jsonl", GSM8K)
    jsonl(tmp_path / "b.jsonl", [{"x": 1}])
    with pytest.raises(DataError, match=r"cannot tell what b\.jsonl is"):
        read_pool(tmp_path)


def test_a_source_may_be_given_for_all_rows(tmp_path: Path) -> None:
    rows = [{**GSM8K[0], "source": "mine"}, GSM8K[1]]
    path = jsonl(tmp_path / "x.jsonl", rows)
    assert read_pool(path).column("source").to_pylist() == ["mine", ""]
    assert read_pool(path, source_name="s").column("source").to_pylist() == ["s", "s"]


@pytest.mark.parametrize(
    ("name", "data", "message"),
    [
        ("x.xyz", b"hello", "suffix '.xyz'"),
        ("x.jsonl", b"", "holds no rows"),
        ("x.jsonl", b"\n\n", "holds no rows"),
        ("x.jsonl", "{}".encode("utf-16"), "UTF-16"),
        ("x.jsonl", "{}".encode("utf-32"), "UTF-32"),
        ("x.jsonl", b"PK\x03\x04", "zip archive"),
        ("x.jsonl", b"\x28\xb5\x2f\xfd", "zstd"),
        ("x.jsonl", b"nonsense\nmore\n", r"no usable row: all 2 were set aside: broken JSON \(2\)"),
        ("x.jsonl.gz", gzip.compress(b'{"a": 1}\n', mtime=0)[:-9], "not whole"),
    ],
)
def test_what_cannot_be_read_is_said_in_words(tmp_path: Path, name: str, data: bytes, message: str) -> None:
    (tmp_path / name).write_bytes(data)
    with pytest.raises(DataError, match=message):
        read_pool(tmp_path / name)


def test_what_is_not_there_is_said_with_what_could_be(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"does not exist; expected a file"):
        read_pool(tmp_path / "nothing.jsonl")
    with pytest.raises(DataError, match="holds no data files"):
        read_pool(tmp_path)


def test_a_hub_name_is_looked_up_and_its_absence_explained(monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("datasets", reason="the extra train is not installed")
    import datasets

    monkeypatch.setattr(datasets.config, "HF_HUB_OFFLINE", True)
    with pytest.raises(DataError, match=r"no file 'nobody/nothing', and the hub says"):
        read_pool("nobody/nothing")


def test_what_datasets_loads_streams_in(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("datasets", reason="the extra train is not installed")
    import datasets

    (tmp_path / "owner" / "set").mkdir(parents=True)
    jsonl(tmp_path / "owner" / "set" / "train.jsonl", GSM8K)
    jsonl(tmp_path / "owner" / "set" / "test.jsonl", GSM8K[:1])
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(datasets.config, "HF_DATASETS_CACHE", tmp_path / "cache")
    datasets.disable_progress_bars()
    assert [len(chunk) for chunk in hub_chunks("owner/set")] == [3]
    assert [chunk.row(0)["question"] for chunk in hub_chunks("owner/set:test")] == [GSM8K[0]["question"]]
    with pytest.raises(DataError, match="the hub says"):
        list(hub_chunks("owner/set:dev"))


def test_reading_the_same_bytes_packed_or_not_gives_the_same_pool(tmp_path: Path) -> None:
    rows = [{**GSM8K[0], "question": f"Q{number}"} for number in range(500)]
    plain = read_pool(jsonl(tmp_path / "a.jsonl", rows))
    packed = read_pool(jsonl(tmp_path / "b.jsonl.gz", rows))
    array = read_pool(document(tmp_path / "c.json", rows))
    assert plain.fingerprint == packed.fingerprint == array.fingerprint


def test_a_pool_written_as_json_lines_is_read_back_as_it_was(tmp_path: Path) -> None:
    rows = [
        {"question": "Q", "trace": "T", "gold": "1", "extra": 5, "lab_wrong": True},
        {"question": "Q", "trace": "T", "gold": "1", "extra": 6, "lab_wrong": False},
    ]
    pool = Pool.from_rows(rows)
    path = tmp_path / "pool.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in pool.rows()))
    again = read_pool(path)
    assert again.ids.tolist() == pool.ids.tolist()
    assert again.table().equals(pool.table())
