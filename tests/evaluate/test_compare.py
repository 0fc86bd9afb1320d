"""Two tables of items: only what both answered counts, and what flipped is listed."""

from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from cotmill.core.errors import DataError, RunError
from cotmill.core.files import write_json
from cotmill.evaluate.compare import compare_items
from cotmill.evaluate.grade import METRICS, grade, write_graded
from cotmill.evaluate.items import ASKED, Layout
from cotmill.evaluate.runs import compare_runs
from cotmill.evaluate.show import comparison_lines, seed_lines


def items_of(right: dict[str, list[bool]], name: str = "gsm8k") -> pa.Table:
    rows = [
        {
            "row_id": row_id,
            "example_id": row_id,
            "sample": sample,
            "question": f"What is {row_id}?",
            "gold": "18",
            "output": "#### 18" if one else "#### 3",
            "tokens": 3,
            "finish_reason": "stop",
        }
        for row_id, rights in right.items()
        for sample, one in enumerate(rights)
    ]
    return grade(pa.Table.from_pylist(rows, schema=ASKED), Layout(name))


def table(first: int, rights: list[bool]) -> pa.Table:
    return items_of({f"row{first + at}": [one] for at, one in enumerate(rights)})


def test_only_questions_in_both_are_compared_and_the_others_counted() -> None:
    a, b = table(0, [True, False, True, False]), table(2, [True, True, True])
    found = compare_items(a, b)
    assert (found.questions, found.only_a, found.only_b) == (2, 2, 1)
    assert found.difference.value == pytest.approx(0.5)
    assert found.mcnemar is not None
    assert (found.mcnemar.only_a, found.mcnemar.only_b) == (0, 1)


def test_flips_are_listed_with_both_answers_losses_first() -> None:
    found = compare_items(table(0, [True, False, True]), table(0, [False, True, True]))
    assert [(flip.row_id, flip.gain) for flip in found.flips] == [("row0", -1.0), ("row1", 1.0)]
    assert (found.flips[0].answer_a, found.flips[0].answer_b) == ("18", "3")
    assert not found.decided


def test_a_clear_difference_is_said_to_be_one() -> None:
    a, b = table(0, [False] * 40 + [True] * 40), table(0, [True] * 25 + [False] * 15 + [True] * 40)
    found = compare_items(a, b)
    assert found.decided
    assert any(line == "b is better" for line in comparison_lines(found))


def test_samples_of_a_question_count_as_one_question_without_mcnemar() -> None:
    a, b = (
        items_of({"x": [True, False], "y": [False, False]}),
        items_of({"x": [True, True], "y": [True, False]}),
    )
    found = compare_items(a, b)
    assert found.questions == 2
    assert found.difference.value == pytest.approx(0.5)
    assert found.mcnemar is None


def test_tables_that_share_nothing_are_refused_by_name() -> None:
    with pytest.raises(DataError, match="share no question: a is gsm8k"):
        compare_items(table(0, [True]), table(5, [True]))


def make_run(folder: Path, arms: dict[str, dict[int, list[bool]]]) -> Path:
    cells = []
    for arm, seeds in arms.items():
        for seed, rights in seeds.items():
            step = f"evaluate-{arm}{seed}"
            write_graded(table(0, rights), folder / "steps" / step)
            cells.append({"arm": arm, "seed": seed, "evaluate.in domain": step})
    pq.write_table(pa.Table.from_pylist(cells), folder / "cells.parquet")
    return folder


def test_runs_are_compared_arm_by_arm_over_questions_and_seeds(tmp_path: Path) -> None:
    a = make_run(tmp_path / "a", {"x": {0: [True, False], 1: [False, False]}, "y": {0: [True, True]}})
    b = make_run(tmp_path / "b", {"x": {0: [True, True], 1: [True, False], 2: [True, True]}})
    (found,) = compare_runs(str(a), str(b))
    assert found.title == "x: in domain"
    assert found.seeds.difference.value == pytest.approx(0.5)
    assert (found.seeds.seeds, found.seeds.only_b) == ((0, 1), (2,))
    assert found.items.difference.value == pytest.approx(0.5)
    assert any("over 2 seeds" in line for line in seed_lines(found.seeds, ("a", "b")))


def test_two_arms_of_one_run_are_compared_by_name(tmp_path: Path) -> None:
    run = make_run(tmp_path, {"all rows": {0: [True, True]}, "half": {0: [True, False]}})
    (found,) = compare_runs(f"{run}:half", f"{run}:all rows")
    assert found.items.difference.value == pytest.approx(0.5)
    assert found.names == ("half", "all rows")
    assert list(seed_lines(found.seeds, found.names)) == [
        "one seed in both (0): how much seeds differ is not known"
    ]


def test_an_arm_that_is_not_there_is_named(tmp_path: Path) -> None:
    run = make_run(tmp_path, {"half": {0: [True]}})
    with pytest.raises(RunError, match="no evaluated arm 'quarter'"):
        list(compare_runs(f"{run}:quarter", f"{run}:half"))


def test_a_folder_that_is_no_evaluation_says_what_to_name(tmp_path: Path) -> None:
    from cotmill.evaluate.run import EvalResult

    with pytest.raises(DataError, match="cotmill evaluate"):
        EvalResult.read(tmp_path)
    write_json(tmp_path / METRICS, {"accuracy": {"value": 0.5, "low": 0.4, "high": 0.6, "n": 10}, "n": 10})
    found = EvalResult.read(tmp_path)
    assert found.row() == {"accuracy": 0.5, "accuracy_low": 0.4, "accuracy_high": 0.6, "n": 10}
