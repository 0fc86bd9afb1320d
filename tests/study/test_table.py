"""Plain tables, and the paper's among them."""

import json

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from cotmill.core.errors import DataError
from cotmill.study.points import of_test
from cotmill.study.table import find_table, published, read_table

ROWS = [
    {"model": "a", "rows": 100, "accuracy": 0.2, "seed": 0, "items": 50, "loss": 1.5},
    {"model": "a", "rows": 100, "accuracy": 0.3, "seed": 1, "items": 50, "loss": 1.5},
    {"model": "a", "rows": 200, "accuracy": 0.4, "seed": 0, "items": 50, "note": "words are left out"},
]


def test_csv_jsonl_and_parquet_say_the_same(tmp_path):
    lines = ["model,rows,accuracy_percent,seed,items,loss,note"]
    lines += [
        ",".join(str(one.get(name, "")) for name in ("model", "rows", "percent", "seed", "items", "loss"))
        + ",x"
        for one in ({**row, "percent": 100 * row["accuracy"]} for row in ROWS)
    ]
    (tmp_path / "t.csv").write_text("# a remark\n" + "\n".join(lines))
    (tmp_path / "t.jsonl").write_text("\n".join(json.dumps(one) for one in ROWS))
    pq.write_table(pa.Table.from_pylist(ROWS), tmp_path / "t.parquet")
    for name in ("t.csv", "t.jsonl", "t.parquet"):
        first, second = read_table(tmp_path / name)
        assert first.accuracy == pytest.approx(0.25)
        assert first.seeds == (0, 1)
        assert first.facts["seed_variance"] == pytest.approx(0.005)
        assert first.facts["loss"] == 1.5
        assert (second.rows, second.method, second.items) == (200.0, "SFT", 50)


@pytest.mark.parametrize(
    ("row", "words"),
    [
        ({"model": "a", "accuracy": 0.2}, "rows is missing"),
        ({"model": "a", "rows": 1}, "accuracy is missing"),
        ({"model": "a", "rows": 1, "accuracy": 42}, "accuracy_percent"),
        ({"model": "a", "rows": "many", "accuracy": 0.2}, "rows is 'many', which is no number"),
    ],
)
def test_a_row_that_cannot_be_read_is_named(tmp_path, row, words):
    path = tmp_path / "t.jsonl"
    path.write_text(json.dumps(row))
    with pytest.raises(DataError, match=words):
        read_table(path)


def test_two_rows_of_one_setting_need_two_seeds(tmp_path):
    path = tmp_path / "t.jsonl"
    path.write_text("\n".join(json.dumps({"model": "a", "rows": 1, "accuracy": 0.2}) for _ in range(2)))
    with pytest.raises(DataError, match="is there 2 times"):
        read_table(path)


def test_an_unknown_table_or_test_is_answered_with_those_there_are():
    with pytest.raises(DataError, match="rft"):
        find_table("nothing")
    with pytest.raises(DataError, match="the tests are GSM8K"):
        of_test(read_table(find_table("rft")), "MATH")


def test_the_published_sft_is_the_better_of_both_regimes():
    assert published() == ("rft", "rft_regimes")
    better = {}
    for point in read_table(find_table("rft_regimes")):
        key = point.model, point.rows
        better[key] = max(better.get(key, 0.0), point.accuracy)
    sft = {(p.model, p.rows): p.accuracy for p in read_table(find_table("rft")) if p.method == "SFT"}
    assert sft == better
    assert len(sft) == 42
