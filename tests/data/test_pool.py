from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cotmill.core.errors import DataError
from cotmill.core.ids import content_id
from cotmill.data import Example, Message, Pool, Trace
from cotmill.data.identity import RowIds, example_ids
from cotmill.data.rejects import RejectLog
from cotmill.data.table import table_of_rows
from cotmill.data.types import FIXED
from cotmill.data.write import PoolWriter, common_schema
from cotmill.execute.local import map_processes

ROWS = [
    {
        "question": f"Q{n % 7}",
        "trace": f"T{n % 5}",
        "gold": str(n),
        "source": f"s{n % 3}",
        "lab_bad": n % 2,
        "n": n,
    }
    for n in range(40)
]


def test_ids_are_those_of_core() -> None:
    context = (Message("system", "S"), Message("user", "Ü"))
    pool = Pool.from_rows([{"question": "Q", "gold": "1", "trace": "T", "origin": "m", "context": context}])
    row = next(pool.rows())
    assert (
        row["example_id"] == Example("Q", "1", context).id == content_id("Q", "1", "system", "S", "user", "Ü")
    )
    assert row["row_id"] == content_id(row["example_id"], "T", "m")
    assert next(pool.examples()) == (Example("Q", "1", context), Trace("T", "m"))


@given(st.lists(st.tuples(st.text(max_size=6), st.none() | st.text(max_size=3)), max_size=20))
def test_batched_ids_equal_single_ones(pairs: list[tuple[str, str | None]]) -> None:
    questions, golds = [q for q, _ in pairs], [g for _, g in pairs]
    ids = example_ids(questions, golds, [()] * len(pairs))
    assert ids == [Example(q, g).id for q, g in pairs]
    rows = RowIds()(ids, questions, ["human"] * len(pairs))
    first = {}
    for row_id, example, question in zip(rows, ids, questions, strict=True):
        if (example, question) not in first:
            assert row_id == content_id(example, question, "human")
            first[example, question] = row_id


@given(st.lists(st.integers(0, 5), max_size=60), st.integers(1, 9))
def test_repeats_are_numbered_alike_however_the_rows_are_cut(kinds: list[int], size: int) -> None:
    def ids(cut: int) -> list[str]:
        number = RowIds()
        parts = [kinds[at : at + cut] for at in range(0, len(kinds), cut)]
        return [
            row
            for part in parts
            for row in number([str(k) for k in part], ["t"] * len(part), ["o"] * len(part))
        ]

    whole = ids(max(1, len(kinds)))
    assert ids(size) == whole
    assert len(set(whole)) == len(kinds)


def test_the_third_of_equal_rows_takes_its_number_into_the_hash() -> None:
    pool = Pool.from_rows([{"question": "Q", "trace": "T"}] * 3)
    example = Example("Q").id
    expected = [content_id(example, "T", "human", *more) for more in ((), ("1",), ("2",))]
    assert pool.ids.tolist() == expected
    assert set(pool.column("example_id").to_pylist()) == {example}


def test_a_pool_goes_to_disk_and_back(tmp_path: Path) -> None:
    pool = Pool.from_rows(ROWS)
    stored = pool.write(tmp_path / "pool")
    assert stored.table().equals(pool.table())
    assert stored.fingerprint == pool.fingerprint
    assert stored.schema.field("row_id") == FIXED.field("row_id")
    assert len(stored) == len(pool) == 40
    assert list(map_processes(Pool.__len__, [stored, pool], workers=2)) == [
        40,
        40,
    ]  # a Pool crosses processes


def test_writing_twice_gives_the_same_bytes(tmp_path: Path) -> None:
    for name in "ab":
        Pool.from_rows(ROWS).write(tmp_path / name)
    files = sorted(path.name for path in (tmp_path / "a").iterdir())
    assert files == ["part-00000.parquet", "pool.json"]
    for name in files:
        assert (tmp_path / "a" / name).read_bytes() == (tmp_path / "b" / name).read_bytes()


def test_batches_and_columns_stream_in_order(tmp_path: Path) -> None:
    for pool in (Pool.from_rows(ROWS), Pool.from_rows(ROWS).write(tmp_path / "pool")):
        batches = list(pool.batches(["n", "row_id"], rows=7))
        assert max(map(len, batches)) <= 7
        assert [value for batch in batches for value in batch.column("n").to_pylist()] == list(range(40))
        assert pool.column("n").to_pylist() == list(range(40))
        with pytest.raises(DataError, match="no column 'colour'; it has row_id"):
            pool.column("colour")


def test_taking_keeps_the_order_and_the_ids(tmp_path: Path) -> None:
    for pool in (Pool.from_rows(ROWS), Pool.from_rows(ROWS).write(tmp_path / "pool")):
        wanted = pool.ids[[30, 2, 17]]
        for form in (wanted, list(wanted), pa.array(wanted.tolist()), pa.chunked_array([wanted.tolist()])):
            taken = pool.take(form, why="a test")
            assert taken.ids.tolist() == pool.ids[[2, 17, 30]].tolist()
            assert taken.column("n").to_pylist() == [2, 17, 30]
        assert taken.about["filters"] == [{"filter": "a test", "before": 40, "after": 3}]
        assert len(pool.take([])) == 0


def test_an_unknown_id_is_counted_and_named() -> None:
    pool = Pool.from_rows(ROWS)
    with pytest.raises(DataError, match=r"2 of 3 row ids are not in this pool \(first: 'x'\)"):
        pool.take([pool.ids[0], "x", "y"])


def test_a_repeat_that_is_taken_alone_keeps_its_id(tmp_path: Path) -> None:
    pool = Pool.from_rows([{"question": "Q", "trace": "T"}] * 2)
    stored = pool.take(pool.ids[1:]).write(tmp_path / "pool")
    assert stored.ids.tolist() == [pool.ids[1]]


def test_labels_can_be_left_behind(tmp_path: Path) -> None:
    for pool in (Pool.from_rows(ROWS), Pool.from_rows(ROWS).write(tmp_path / "pool")):
        bare = pool.without_labels()
        assert (pool.has_labels, bare.has_labels) == (True, False)
        assert bare.fingerprint == pool.fingerprint
        assert "lab_bad" not in next(bare.rows())


def test_the_fingerprint_knows_order_and_source_and_not_other_columns() -> None:
    prints = {
        Pool.from_rows(rows).fingerprint
        for rows in (ROWS, ROWS[::-1], [{**row, "source": "x"} for row in ROWS], ROWS[1:])
    }
    assert len(prints) == 4
    assert Pool.from_rows([{**row, "n": 0} for row in ROWS]).fingerprint in prints


def test_an_empty_pool_is_a_pool(tmp_path: Path) -> None:
    pool = Pool.from_rows([])
    assert (len(pool), pool.columns, pool.ids.shape) == (0, FIXED.names, (0,))
    assert len(pool.write(tmp_path / "pool")) == 0


def test_ids_are_a_numpy_array_of_text() -> None:
    ids = Pool.from_rows(ROWS).ids
    assert (ids.dtype, ids.shape) == (np.dtype("<U32"), (40,))


@pytest.mark.parametrize(
    ("table", "message"),
    [
        (pa.table({"row_id": ["a"]}), "lacks the columns example_id"),
        (
            table_of_rows([{"question": "Q"}]).append_column("x", [["y"]]).drop_columns(["trace"]),
            "lacks the columns trace",
        ),
        (
            pa.concat_tables([table_of_rows([{"question": "Q"}])] * 2),
            "1 of 2 rows have the row_id of another row",
        ),
    ],
)
def test_a_table_that_is_no_pool_is_refused(table: pa.Table, message: str) -> None:
    with pytest.raises(DataError, match=message):
        Pool.from_table(table)


def test_what_is_not_a_pool_on_disk_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"holds no pool\.json"):
        Pool.open(tmp_path)
    Pool.from_rows(ROWS).write(tmp_path / "pool")
    (tmp_path / "pool" / "part-00000.parquet").unlink()
    with pytest.raises(DataError, match="1 of 1 files are missing"):
        Pool.open(tmp_path / "pool")
    (tmp_path / "pool" / "pool.json").write_text('{"schema_version": 99}')
    with pytest.raises(DataError, match="version 99"):
        Pool.open(tmp_path / "pool")


def test_a_folder_with_other_things_is_not_written_over(tmp_path: Path) -> None:
    (tmp_path / "thesis.txt").write_text("years of work")
    with pytest.raises(DataError, match="is not a Pool; name a new folder"):
        Pool.from_rows(ROWS).write(tmp_path)
    assert (tmp_path / "thesis.txt").exists()


def test_rows_need_a_question_and_valid_text() -> None:
    with pytest.raises(DataError, match="row 1 has no question: its keys are frage"):
        Pool.from_rows([{"question": "Q"}, {"frage": "Q"}])
    with pytest.raises(DataError, match="not valid Unicode"):
        Pool.from_rows([{"question": "Q\ud800"}])


def test_shards_agree_on_types_in_the_end(tmp_path: Path) -> None:
    writer = PoolWriter(tmp_path, shard_rows=2)
    extras = [{"a": 1, "b": 1}, {"a": 2, "b": 2.5}, {"a": "x", "b": 3}, {"c": [1], "b": None}, {"a": True}]
    for number, extra in enumerate(extras):
        writer.add(table_of_rows([{"question": f"Q{number}", **extra}]))
    with RejectLog(writer.place) as log:
        pass
    pool = writer.finish(log, {})
    assert pool.column("a").to_pylist() == ["1", "2", "x", None, "true"]
    assert pool.column("b").to_pylist() == [1.0, 2.5, 3.0, None, None]
    assert pool.column("c").to_pylist() == [None, None, None, [1], None]
    assert pool.about["promoted"] == {"a": 3}
    assert len(list(tmp_path.glob("*.parquet"))) == 3


def test_types_that_conflict_become_text_and_numbers_floats() -> None:
    def common(*types: pa.DataType) -> pa.DataType:
        return common_schema(pa.schema([("x", kind)]) for kind in types).field("x").type

    assert common(pa.int64(), pa.null(), pa.int64()) == pa.int64()
    assert common(pa.int64(), pa.float64()) == pa.float64()
    assert (
        common(pa.int64(), pa.string()) == common(pa.bool_(), pa.int64()) == common(pa.null()) == pa.string()
    )
