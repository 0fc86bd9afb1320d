"""Answers are read as their table says they are to be read."""

import json
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from make_run import Made, make_run

from cotmill.report.answers import answers, crossed, measure_of
from cotmill.report.groups import groups_section
from cotmill.report.read import LoadedRun, read_run
from cotmill.report.scores import scores

ONE = Made(rows=20, items=8, seeds=(0, 1), tests=("t",), arms={"all": {}}, compare_to="all")
IDS = ["a", "a", "b", "b", "c", "c", "d", "d"]
VERDICTS = ["correct", "wrong", "correct", "correct", "wrong", "wrong", "correct", "unparsed"]


def rewritten(folder: Path, columns: dict[str, list[object]], layout: dict[str, object]) -> LoadedRun:
    """Give every evaluation of a made-up Run this table of items."""
    run = make_run(folder, ONE)
    table = pa.table(columns).replace_schema_metadata({b"cotmill_items": json.dumps(layout).encode()})
    for path in run.glob("steps/*/items.parquet"):
        pq.write_table(table, path)
    return read_run(run)


def test_several_samples_of_a_question_are_one_unit(tmp_path: Path) -> None:
    run = rewritten(tmp_path, {"row_id": IDS, "verdict": VERDICTS}, {})
    found = answers(run, run.cells[0])
    assert found is not None
    assert found.by_unit() == {"a": 0.5, "b": 1.0, "c": 0.0, "d": 0.5}


def test_base_questions_stay_out(tmp_path: Path) -> None:
    base = [False, False, True, True, False, False, True, True]
    run = rewritten(tmp_path, {"row_id": IDS, "verdict": VERDICTS, "plain": base}, {"base": "plain"})
    found = answers(run, run.cells[0])
    assert found is not None
    assert set(found.by_unit()) == {"a", "c"}


def test_variations_of_one_question_are_one_unit(tmp_path: Path) -> None:
    family = ["x"] * 4 + ["y"] * 4
    run = rewritten(tmp_path, {"row_id": IDS, "verdict": VERDICTS, "family": family}, {"cluster": "family"})
    found = answers(run, run.cells[0])
    assert found is not None
    assert found.by_unit() == {"x": 0.75, "y": 0.25}


def test_texts_are_scored_by_rouge(tmp_path: Path) -> None:
    run = rewritten(tmp_path, {"row_id": IDS[::2], "rouge_l": [0.1, 0.2, 0.3, 0.4]}, {})
    results = pq.read_table(tmp_path / "results.parquet").drop_columns(["accuracy", "low", "high", "correct"])
    pq.write_table(
        results.append_column("rouge_l", pa.array([0.25] * len(results))), tmp_path / "results.parquet"
    )
    run = read_run(tmp_path)
    assert measure_of(run, "t") == "rouge_l"
    score = scores(run)[0]
    assert score.interval.mean == pytest.approx(0.25)
    assert score.interval.low < 0.25 < score.interval.high


def test_the_mean_is_that_of_the_results_even_where_families_differ_in_size(tmp_path: Path) -> None:
    family = ["x"] * 6 + ["y"] * 2
    run = rewritten(tmp_path, {"row_id": IDS, "verdict": VERDICTS, "family": family}, {"cluster": "family"})
    score = scores(run)[0]
    assert score.interval.mean == pytest.approx(np.mean(score.by_seed))


def test_kinds_of_questions_are_tabulated_in_their_natural_order(tmp_path: Path) -> None:
    steps = [10, 10, 2, 2, 10, 10, 2, 2]
    run = rewritten(tmp_path, {"row_id": IDS, "verdict": VERDICTS, "steps": steps}, {"groups": ["steps"]})
    section = groups_section(run, "r1")
    assert section is not None
    assert "95 % interval" in section.paragraphs[0]
    (table,) = section.folded
    assert [row[:2] for row in table.rows] == [("2", "2"), ("10", "2")]
    assert [row[2].split()[0] for row in table.rows] == ["75.0", "25.0"]


def test_a_column_with_one_kind_or_hundreds_is_no_grouping(tmp_path: Path) -> None:
    columns = {"row_id": IDS, "verdict": VERDICTS, "same": ["x"] * 8, "free": list("abcdefgh")}
    run = rewritten(tmp_path, columns, {"groups": ["same"]})
    assert groups_section(run, "r1") is None


def test_seeds_that_answered_other_questions_are_compared_as_seeds() -> None:
    found = crossed({"one": [{"a": 1.0, "b": 0.0}, {"c": 1.0, "d": 1.0}], "none": [{}, {"a": 1.0}]})
    assert set(found) == {"one"}
    assert found["one"].mean == 0.75
