"""Raw outputs in, verdicts and numbers out; stored outputs are judged again without a model."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from cotmill.core.errors import DataError
from cotmill.core.files import read_json
from cotmill.evaluate.grade import METRICS, grade, regrade, write_graded
from cotmill.evaluate.items import ASKED, Layout, layout_of, read_items
from cotmill.evaluate.summary import summarise

LAYOUT = Layout("hand-made", groups=("steps",))


def asked(rows: list[dict[str, Any]], **kept: pa.DataType) -> pa.Table:
    defaults = {"sample": 0, "tokens": 5, "finish_reason": "stop", "gold": "18", "steps": "1"}
    filled = [
        {"row_id": f"row{at}", "example_id": f"example{at}", "question": f"q{at}?", **defaults, **row}
        for at, row in enumerate(rows)
    ]
    fields = {"steps": pa.string(), **kept}
    schema = pa.schema([*ASKED, *(pa.field(name, kind) for name, kind in fields.items())])
    return pa.Table.from_pylist(filled, schema=schema)


OUTPUTS = [
    {"output": "9 * 2 = 18\n#### 18"},
    {"output": "The answer is $18."},
    {"output": "#### 17", "steps": "2"},
    {"output": "I cannot say", "steps": "2"},
    {"output": "so we add 9 and", "finish_reason": "length", "steps": "2"},
]


def test_strict_flexible_no_answer_and_truncated_are_counted_apart() -> None:
    found = summarise(grade(asked(OUTPUTS), LAYOUT))
    assert (found["n"], found["correct"], found["strict_correct"]) == (5, 2, 1)
    assert found["no_answer"] == 1
    assert found["truncated"] == 1
    assert found["accuracy"]["value"] == pytest.approx(0.4)
    assert found["rules"]["hash"] == 2


def test_groups_bring_the_same_numbers_and_add_up() -> None:
    found = summarise(grade(asked(OUTPUTS), LAYOUT))
    groups = found["groups"]["steps"]
    assert {label: (numbers["n"], numbers["correct"]) for label, numbers in groups.items()} == {
        "1": (2, 2),
        "2": (3, 0),
    }
    assert groups["2"]["truncated"] == 1


def test_the_whole_output_is_kept_though_it_is_graded_up_to_the_stop_text() -> None:
    ran_on = asked([{"output": "#### 18\n\nQuestion: what is 1+1?\nThe answer is \\boxed{2}"}])
    layout = replace(LAYOUT, stop=("Question:",))
    items = grade(ran_on, layout)
    assert items.column("verdict").to_pylist() == ["correct"]
    assert "boxed{2}" in items.column("output")[0].as_py()


def test_stored_outputs_are_judged_again_by_another_rule(tmp_path: Path) -> None:
    write_graded(grade(asked(OUTPUTS), LAYOUT), tmp_path, loss={"value": 1.5})
    assert read_json(tmp_path / METRICS)["strict_correct"] == 1
    found = regrade(tmp_path, strict_rule="last_number")
    assert found["strict_correct"] == 2
    assert layout_of(read_items(tmp_path)).strict_rule == "last_number"
    assert read_json(tmp_path / METRICS)["loss"] == {"value": 1.5}


def test_grading_again_changes_nothing_when_the_rules_are_the_same(tmp_path: Path) -> None:
    write_graded(grade(asked(OUTPUTS), LAYOUT), tmp_path)
    before = {file.name: file.read_bytes() for file in tmp_path.iterdir()}
    regrade(tmp_path)
    assert before == {file.name: file.read_bytes() for file in tmp_path.iterdir()}


def test_texts_are_scored_against_their_references() -> None:
    layout = replace(LAYOUT, metric="text", groups=())
    rows = [
        {"gold": "No acute disease in the chest.", "output": "No acute disease in the chest."},
        {"gold": "Small left effusion.", "output": "Normal heart size."},
    ]
    items = grade(asked(rows), layout)
    assert items.column("rouge_l").to_pylist() == pytest.approx([1.0, 0.0])
    found = summarise(items)
    assert found["rouge_l"]["value"] == pytest.approx(0.5)
    assert 0 < found["corpus_bleu"] < 1
    assert "accuracy" not in found


def test_a_hostile_output_costs_only_itself() -> None:
    rows = [
        {"gold": r"\frac{1}{\sqrt{2}}", "output": output, "steps": "1"}
        for output in (r"\boxed{9^{9^{9^{9}}}}", r"\boxed{\frac{\sqrt{2}}{2}}", "\\boxed{" * 10_000)
    ]
    items = grade(asked(rows), LAYOUT)
    assert items.column("verdict").to_pylist()[1] == "correct"
    assert "correct" not in items.column("verdict").to_pylist()[::2]


def test_the_unit_that_the_question_asks_for_counts() -> None:
    rows = [
        {"question": "A film lasts 3 hours. How many minutes is that?", "gold": "3 hours", "output": output}
        for output in ("#### 180", "#### 3")
    ]
    assert grade(asked(rows), LAYOUT).column("verdict").to_pylist() == ["correct", "wrong"]


def test_an_empty_table_is_refused() -> None:
    with pytest.raises(DataError, match="no items"):
        summarise(grade(asked([]), LAYOUT))


def samples(row_id: str, outputs: list[str]) -> list[dict[str, Any]]:
    return [{"row_id": row_id, "sample": at, "output": output} for at, output in enumerate(outputs)]


def test_several_samples_give_their_mean_and_pass_and_majority() -> None:
    rows = samples("r1", ["#### 18", "#### 18", "#### 3", "#### 18"])
    rows += samples("r2", ["#### 5", "#### 5", "#### 18", "nothing"])
    found = summarise(grade(asked(rows), LAYOUT))
    assert (found["n"], found["items"], found["samples"]) == (2, 8, 4)
    assert found["accuracy"]["value"] == pytest.approx(0.5)
    assert found["accuracy"]["n"] == 2
    assert {k: estimate["value"] for k, estimate in found["pass_at"].items()} == pytest.approx(
        {"1": 0.5, "2": 0.75, "4": 1.0}
    )
    assert found["maj_at"]["4"]["value"] == pytest.approx(0.5)


VARIED = Layout("varied", cluster="seed", base="is_base")


def varied(seed: str, *, base: bool, right: list[bool]) -> list[dict[str, Any]]:
    rows = [{"output": "#### 18" if base else "#### 1", "is_base": True, "seed": seed}]
    rows += [{"output": "#### 18" if one else "#### 1", "is_base": False, "seed": seed} for one in right]
    return rows


def test_micro_macro_and_normalised_accuracy_are_those_of_the_paper() -> None:
    rows = varied("s1", base=True, right=[True, True])
    rows += varied("s2", base=True, right=[True, False])
    rows += varied("s3", base=False, right=[False, False])
    rows += varied("s4", base=True, right=[False, False])
    items = grade(asked(rows, seed=pa.string(), is_base=pa.bool_()), VARIED)
    found = summarise(items)
    assert (found["n"], found["correct"]) == (8, 3)
    robust = found["robustness"]
    values = {name: robust[name]["value"] for name in ("base", "micro", "macro")}
    assert values == {"base": 0.75, "micro": 0.375, "macro": 0.25}
    assert robust["normalised_micro"]["value"] == pytest.approx(0.5)
    assert robust["normalised_macro"]["value"] == pytest.approx(1 / 3)
    assert robust["drop"]["value"] == pytest.approx(0.5)
    assert robust["micro"]["n"] == 4


def test_a_model_that_solves_no_base_question_has_no_normalised_accuracy() -> None:
    rows = varied("s1", base=False, right=[False, True])
    items = grade(asked(rows, seed=pa.string(), is_base=pa.bool_()), VARIED)
    assert "normalised_micro" not in summarise(items)["robustness"]
