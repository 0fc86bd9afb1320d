from __future__ import annotations

import gzip
import json
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from made_files import GSM8K, jsonl

from cotmill.core.errors import DataError
from cotmill.data import read_pool
from cotmill.data.convert import MORE_COLUMNS, MOST_COLUMNS
from cotmill.data.records_json import Document
from cotmill.data.rejects import BadRowError
from cotmill.data.stream import BLOCK, BOMB_FREE, LONGEST_LINE, blocks, opened

GOOD = json.dumps(GSM8K[0]).encode()


def test_a_line_that_is_too_long_is_skipped_in_bounded_memory(tmp_path: Path) -> None:
    with (tmp_path / "x.jsonl").open("wb") as handle:
        handle.write(GOOD + b"\n")
        for _ in range(LONGEST_LINE // 2**20 + 8):
            handle.write(b"x" * 2**20)
        handle.write(b"\n" + GOOD + b"\n")
    pool = read_pool(tmp_path / "x.jsonl")
    assert len(pool) == 2
    assert dict(pool.rejects.reasons) == {f"line longer than {LONGEST_LINE:,} bytes": 1}


def test_a_gzip_bomb_is_refused_before_it_fills_anything(tmp_path: Path) -> None:
    path = tmp_path / "x.jsonl.gz"
    with gzip.open(path, "wb", compresslevel=1) as handle:
        for _ in range(2 * BOMB_FREE // 2**20):
            handle.write(b" " * 2**20)
    with pytest.raises(DataError, match="unpacks to more than"):
        read_pool(path)


def test_deep_nesting_crashes_nothing(tmp_path: Path) -> None:
    deep = b'{"question": "Q", "answer": ' + b'{"a":' * 200_000 + b"1" + b"}" * 200_001
    pool = read_pool(jsonl(tmp_path / "x.jsonl", [GOOD, deep, b"[" * 300_000, GOOD]))
    assert (len(pool), pool.rejects.count) == (2, 2)
    array = b"[" + GOOD + b"," + deep + b",\n" + GOOD + b"]"
    (tmp_path / "y.json").write_bytes(array)
    assert len(read_pool(tmp_path / "y.json")) == 2


def test_lines_that_are_values_but_not_objects_crash_nothing(tmp_path: Path) -> None:
    odd = [b"null", b"1", b'"x"', b"true", b"[]", b"{}", b'{"question": "Q"} null', b"\x00", b"NaN"]
    rows = [GOOD] * 50 + [line for value in odd for line in (value, GOOD)]
    pool = read_pool(jsonl(tmp_path / "x.jsonl", rows))
    assert (len(pool), pool.rejects.count) == (50 + len(odd), len(odd))


def test_whole_numbers_beyond_64_bits_keep_their_digits(tmp_path: Path) -> None:
    huge = 123456789012345678901234567890
    rows = [
        {"question": "Q", "answer": huge},
        {"question": "R", "answer": 5, "id": huge},
        {"question": "S", "answer": 6, "id": 1},
    ]
    pool = read_pool(jsonl(tmp_path / "x.jsonl", rows))
    assert pool.column("gold").to_pylist() == [str(huge), "5", "6"]
    assert pool.column("id").to_pylist() == [None, str(huge), "1"]
    assert pool.about["promoted"] == {"id": 2}


def test_nul_and_control_characters_are_kept_as_they_are(tmp_path: Path) -> None:
    row = {"question": "Q\u0000\u0007\u2028", "answer": "A\u0000\n#### 1"}
    assert read_pool(jsonl(tmp_path / "x.jsonl", [row])).column("question").to_pylist() == [
        "Q\u0000\u0007\u2028"
    ]


def test_thousands_of_columns_become_one(tmp_path: Path) -> None:
    row = {**GSM8K[0], **{f"c{number}": number for number in range(1000)}}
    pool = read_pool(jsonl(tmp_path / "x.jsonl", [row]))
    assert len(pool.columns) <= MOST_COLUMNS + 12
    assert json.loads(pool.column(MORE_COLUMNS)[0].as_py())["c999"] == 999


def test_a_type_that_changes_after_a_million_bytes_becomes_text_everywhere(tmp_path: Path) -> None:
    rows = [{**GSM8K[0], "level": 3, "question": f"Q{n}" + "x" * 2000} for n in range(2500)]
    rows.append({**GSM8K[0], "level": "Level 4"})
    assert len(list(blocks(jsonl(tmp_path / "x.jsonl", rows)))) > 1
    for out in (None, tmp_path / "pool"):
        pool = read_pool(tmp_path / "x.jsonl", out=out)
        assert set(pool.column("level").to_pylist()) == {"3", "Level 4"}
        assert pool.about["promoted"]["level"] >= 2500


def test_a_process_survives_the_worst_lines(tmp_path: Path) -> None:
    # In a process of its own: a crash in C code would take the test run with it.
    lines = [GOOD, b"null", b"[" * 10**6, b'{"a":' * 10**5, b"\xff" * 10**6, b"{" * 10**6, b'"' * 10**6, GOOD]
    path = jsonl(tmp_path / "x.jsonl", lines)
    code = f"from cotmill.data import read_pool; print(len(read_pool({str(path)!r})))"
    run = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=100, check=False
    )
    assert (run.returncode, run.stdout.strip()) == (0, "2"), run.stderr


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=6,
)
ROW = st.dictionaries(st.sampled_from(["question", "answer", "id", "source", "trace", "x"]), JSON, max_size=6)
LINE = ROW.map(lambda row: json.dumps(row).encode()) | st.binary(max_size=40) | st.just(GOOD)


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(lines=st.lists(LINE, max_size=12), name=st.sampled_from(["x.jsonl", "x.json", "x.csv", "x.tsv"]))
def test_any_bytes_are_a_pool_or_an_error_in_words(tmp_path: Path, lines: list[bytes], name: str) -> None:
    path = tmp_path / name
    path.write_bytes(b"\n".join([GOOD, *lines]))
    try:
        pool = read_pool(path, form="gsm8k" if "json" in name else "auto")
    except DataError as error:
        assert str(error)  # noqa: PT017 - an error is one of the two good ends
        return
    assert len(set(pool.ids.tolist())) == len(pool)
    if name == "x.jsonl":
        filled = [line for line in path.read_bytes().split(b"\n") if line.strip(b" \t\r\n\x0b\x0c")]
        assert len(pool) + pool.rejects.count == len(filled)


@given(data=st.binary(max_size=300), block=st.integers(1, 40), longest=st.integers(1, 60))
def test_blocks_cut_at_line_ends_and_lose_nothing(
    tmp_path_factory: pytest.TempPathFactory, data: bytes, block: int, longest: int
) -> None:
    if data.startswith(
        (b"\xef\xbb\xbf", b"\x1f\x8b", b"\xff\xfe", b"\xfe\xff", b"\x28\xb5", b"BZh", b"\xfd7z", b"PK")
    ):
        return
    path = tmp_path_factory.getbasetemp() / "blocks.bin"
    path.write_bytes(data)
    lines = data.split(b"\n")
    for got in blocks(path, block=block, longest=longest):
        if got.skipped:
            assert got.skipped == len(lines[got.first - 1])
            assert lines[got.first - 1].startswith(got.data)
            continue
        found = got.data.removesuffix(b"\n").split(b"\n")
        assert lines[got.first - 1 : got.first - 1 + len(found)] == found


def test_blocks_cover_the_whole_file(tmp_path: Path) -> None:
    data = b"".join(b"%d %s\n" % (n, b"x" * (n % 97)) for n in range(200_000))
    (tmp_path / "x").write_bytes(data)
    got = list(blocks(tmp_path / "x"))
    assert b"".join(block.data for block in got) == data
    assert len(got) >= len(data) // BLOCK


@settings(deadline=None)
@given(rows=st.lists(ROW, max_size=6), block=st.integers(1, 50), indent=st.none() | st.integers(0, 2))
def test_a_document_is_the_same_through_any_window(
    tmp_path_factory: pytest.TempPathFactory, rows: list[dict], block: int, indent: int | None
) -> None:
    path = tmp_path_factory.getbasetemp() / "window.json"
    path.write_text(
        json.dumps(rows, indent=indent, ensure_ascii=block % 2 == 0), encoding="utf-8", errors="replace"
    )
    with opened(path) as source:
        got = [element for element in Document(source, block=block) if not isinstance(element, BadRowError)]
    expected = json.loads(path.read_text(encoding="utf-8"))
    unwrapped = [
        {"entry": name, **row[name]} if len(row) == 1 and isinstance(row[name], dict) else row
        for row in expected
        for name in [next(iter(row), "")]
    ]
    assert repr([row for _, row in got]) == repr(unwrapped)
    lines = path.read_text(encoding="utf-8").split("\n")
    assert all(lines[line - 1].lstrip(" [,")[:1] == "{" for line, _ in got)
