"""Who found what, and what is covered."""

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from cotmill.augment.pooling import PATHS, QUESTIONS, coverage, curves, shares
from cotmill.augment.rft import make_rft


def paths_of(*rows):
    names = ("example_id", "path", "writer", "count", "given")
    return pa.Table.from_pylist([dict(zip(names, row, strict=True)) for row in rows], schema=PATHS)


def questions_of(*rows):
    names = ("example_id", "writer", "steps", "samples", "right")
    filled = {"gold_paths": 1, "accepted": 1, "kept": 1, "usable": 1, "tokens": 1}
    return pa.Table.from_pylist(
        [dict(zip(names, row, strict=True)) | filled for row in rows], schema=QUESTIONS
    )


TABLE = paths_of(
    ("q1", "p1", "a", 3, True), ("q1", "p1", "b", 1, True), ("q1", "p2", "a", 1, False),
    ("q2", "p1", "b", 2, False),
)  # fmt: skip
ASKED = questions_of(("q1", "a", 2, 4, 4), ("q1", "b", 2, 4, 1), ("q2", "a", 3, 4, 0), ("q2", "b", 3, 4, 2))


def test_a_path_belongs_to_its_question_and_is_exclusive_when_nobody_else_found_it():
    found = {row["writer"]: row for row in shares(TABLE)}
    assert (found["a"]["paths"], found["a"]["exclusive"], found["a"]["all_paths"]) == (2, 1, 3)
    assert (found["b"]["paths"], found["b"]["exclusive"]) == (2, 1)
    assert found["a"]["share"] == pytest.approx(1 / 3)
    assert found["a"]["low"] <= found["a"]["share"] <= found["a"]["high"]


def test_yield_curves_end_at_what_was_found_and_new_paths_leave_out_given_ones():
    rows = curves(ASKED, TABLE)
    ends = {(row["writer"], row["paths"], row["samples"]): row["mean"] for row in rows}
    assert ends["a", "distinct", 4] == pytest.approx(1.0)
    assert ends["all writers", "distinct", 8] == pytest.approx(1.5)
    assert ends["all writers", "new", 8] == pytest.approx(1.0)
    assert all(row["low"] <= row["mean"] + 1e-12 and row["mean"] <= row["high"] + 1e-12 for row in rows)


def test_coverage_is_told_by_pass_rate_and_by_steps():
    rows = {(row["by"], row["group"]): row for row in coverage(ASKED, TABLE)}
    assert rows["all", "all"]["questions"] == 2
    assert rows["steps", "3"]["solved"] == 1
    assert rows["pass rate", "60% to 80%"]["paths"] == 2


def test_nothing_found_is_told_as_nothing():
    assert shares(paths_of()) == []
    never = coverage(questions_of(("q1", "a", 2, 4, 0)), paths_of())
    assert {row["group"] for row in never} == {"all", "never", "2"}
    assert curves(questions_of(("q1", "a", 2, 4, 0)), paths_of())[-1]["mean"] == 0


def test_pooling_two_models_finds_at_least_what_each_finds(world, tmp_path):
    make_rft(world["stores"], world["pool"], tmp_path / "both")
    make_rft(world["stores"][:1], world["pool"], tmp_path / "one")
    both, one = (pq.read_table(tmp_path / name / "paths.parquet").to_pylist() for name in ("both", "one"))
    assert {(row["example_id"], row["path"]) for row in one} < {
        (row["example_id"], row["path"]) for row in both
    }
