from __future__ import annotations

import json
from pathlib import Path

import pytest
from made_files import GSM8K, document, jsonl

from cotmill.data import read_pool
from cotmill.data.rejects import RAW_LIMIT

GOOD = json.dumps(GSM8K[0]).encode()
BAD: list[tuple[bytes, str]] = [
    (b'{"question": "Q", "answer": "A"', "broken JSON"),
    (b"not JSON at all", "broken JSON"),
    (b"[1, 2]", "not a JSON object"),
    (b"null", "not a JSON object"),
    (b'{"question": "Q"}', "missing field: answer"),
    (b'{"answer": "#### 1"}', "missing field: question"),
    (b'{"question": "", "answer": "#### 1"}', "empty field: question"),
    (b'{"question": "  ", "answer": "#### 1"}', "empty field: question"),
    (b'{"question": "Q", "answer": ""}', "empty field: answer"),
    (b'{"question": "Q", "answer": null}', "missing field: answer"),
    (b'{"question": "Q", "answer": ["A"]}', "field answer is list, not text"),
    (b'{"question": "Q\xff", "answer": "#### 1"}', "not UTF-8"),
    (b'{"question": "Q\\ud800", "answer": "#### 1"}', "a lone surrogate: half of a character"),
    (b'{"question": "Q", "answer": "#### 1", "more": "\\udfff"}', "a lone surrogate: half of a character"),
    (b"[" * 5000 + b"]" * 5000, "broken JSON"),
    (b'{"question": "Q", "answer": "#### 1", "z": ' + b"[" * 300 + b"]" * 300 + b"}", "nested too deeply"),
    (b'{"question": "Q", "answer": ' + b"9" * 5000 + b"}", "broken JSON"),
]


@pytest.mark.parametrize(("line", "reason"), BAD, ids=[f"{i}: {reason}" for i, (_, reason) in enumerate(BAD)])
def test_a_bad_line_is_set_aside_with_its_number_and_the_others_go_on(
    tmp_path: Path, line: bytes, reason: str
) -> None:
    path = jsonl(tmp_path / "x.jsonl", [GOOD, b"", line, GOOD])
    pool = read_pool(path, out=tmp_path / "pool")
    assert len(pool) == 2
    assert dict(pool.rejects.reasons) == {reason: 1}
    assert pool.rejects.path is not None
    record = json.loads(pool.rejects.path.read_text())
    assert (record["file"], record["line"], record["reason"]) == ("x.jsonl", 3, reason)
    assert len(record["raw"]) <= RAW_LIMIT


@pytest.mark.parametrize("position", [0, 1, 2])
@pytest.mark.parametrize("fault", ['{"question": "Q" "answer": 1}', '{"question": }', '"just text"', "{,}"])
def test_a_bad_element_of_an_array_is_set_aside_with_its_line(
    tmp_path: Path, position: int, fault: str
) -> None:
    elements = [json.dumps(row) for row in GSM8K[:2]]
    elements.insert(position, fault)
    (tmp_path / "x.json").write_text("[\n" + ",\n".join(elements) + "\n]\n")
    pool = read_pool(tmp_path / "x.json", out=tmp_path / "pool")
    assert pool.column("gold").to_pylist() == ["7", "30"]
    assert pool.rejects.path is not None
    assert json.loads(pool.rejects.path.read_text().splitlines()[0])["line"] == position + 2


def test_an_array_that_ends_too_early_keeps_its_whole_rows(tmp_path: Path) -> None:
    path = document(tmp_path / "x.json", GSM8K, indent=1)
    path.write_text(path.read_text()[:-30])
    pool = read_pool(path)
    assert pool.column("gold").to_pylist() == ["7", "30"]
    assert pool.rejects.count == 1


def test_bytes_that_are_not_utf8_in_an_array_cost_one_row(tmp_path: Path) -> None:
    data = json.dumps([*GSM8K]).encode().replace(b"eggs", b"eg\xffs", 1)
    (tmp_path / "x.json").write_bytes(data)
    pool = read_pool(tmp_path / "x.json")
    assert (len(pool), dict(pool.rejects.reasons)) == (2, {"not UTF-8": 1})


def test_bytes_that_are_not_utf8_in_a_csv_cost_one_row(tmp_path: Path) -> None:
    (tmp_path / "x.csv").write_bytes(b"question,answer\n1+1?,2\n\xff?,3\n2+2?,4\n")
    pool = read_pool(tmp_path / "x.csv")
    assert (pool.column("gold").to_pylist(), dict(pool.rejects.reasons)) == (["2", "4"], {"not UTF-8": 1})


def test_rejects_in_memory_live_as_long_as_the_pool(tmp_path: Path) -> None:
    pool = read_pool(jsonl(tmp_path / "x.jsonl", [GOOD, b"broken"]))
    path = pool.rejects.path
    assert path is not None
    assert path.is_file()
    del pool
    assert not path.exists()


def test_a_conversation_without_an_answer_is_set_aside(tmp_path: Path) -> None:
    user, assistant = {"role": "user", "content": "Q"}, {"role": "assistant", "content": "A"}
    image = {"role": "user", "content": [{"type": "image_url", "image_url": {"url": "x"}}]}
    rows = [
        [user, assistant],
        [user],
        [assistant],
        [],
        [user, {"role": "assistant", "content": None}],
        [image, assistant],
    ]
    pool = read_pool(jsonl(tmp_path / "x.jsonl", [{"messages": turns} for turns in rows]))
    assert len(pool) == 1
    assert dict(pool.rejects.reasons) == {
        "no answer: the last turn of messages is by user": 1,
        "missing field: no user turn before the last answer in messages": 1,
        "empty field: messages": 1,
        "a turn in messages lacks its role or its text": 1,
        "a turn in messages has a part that is not text": 1,
    }


def test_a_solution_without_a_final_answer_stays_and_has_no_gold(tmp_path: Path) -> None:
    rows = [*GSM8K, {"question": "Q", "answer": "I do not know"}]
    pool = read_pool(jsonl(tmp_path / "x.jsonl", rows))
    assert (len(pool), pool.column("gold").null_count, pool.rejects.count) == (4, 1, 0)
