"""Somebody else's outputs: fields by path, lists as samples, and the recorded labels as a check on ours."""

import json
from pathlib import Path

import pytest

from cotmill.core.errors import DataError
from cotmill.evaluate.benchmarks import benchmark
from cotmill.evaluate.items import correct_of
from cotmill.evaluate.outputs import OutputFields, field_of, grade_outputs

MODELS = ("6b_finetuning", "6b_verification", "175b_finetuning", "175b_verification")


@pytest.mark.parametrize("model", MODELS)
def test_recorded_labels_of_openai_are_met_item_by_item(shared_data: Path, model: str) -> None:
    file = shared_data / "gsm8k-model-solutions" / "example_model_solutions.first660.jsonl.gz"
    label = f"{model}.is_correct"
    items = grade_outputs(file, OutputFields(f"{model}.solution", "ground_truth", keep=(label,)))
    theirs = [value == "True" for value in items.column(label).to_pylist()]
    assert correct_of(items).tolist() == theirs


@pytest.mark.parametrize("size", ["1b", "7b"])
def test_labels_of_rho_are_met_but_for_a_handful(shared_data: Path, size: str) -> None:
    """Theirs are automatic: 100 cents for $1 counts as right there, and '30 + 5 = 35' is not read."""
    file = shared_data / "gsm8k-rho-outputs" / f"rho-math-{size}-v0.1.cot.first660.jsonl.gz"
    items = grade_outputs(file, OutputFields("code", "gt", keep=("score.0",)))
    theirs = [value == "True" for value in items.column("score.0").to_pylist()]
    assert sum(a != b for a, b in zip(correct_of(items).tolist(), theirs, strict=True)) <= 7


def test_gold_answers_and_groups_can_come_from_a_benchmark(shared_data: Path) -> None:
    file = shared_data / "gsm8k-model-solutions" / "example_model_solutions.first660.jsonl.gz"
    gsm8k = benchmark("gsm8k", shared_data)
    items = grade_outputs(file, OutputFields("6b_verification.solution"), benchmark=gsm8k)
    assert len(items) == 660
    assert set(items.column("row_id").to_pylist()) == set(gsm8k.pool.ids)
    assert "steps" in items.column_names


def test_a_list_of_texts_is_several_samples(tmp_path: Path) -> None:
    file = tmp_path / "samples.jsonl"
    row = {"doc": {"question": "9*2?"}, "target": "18", "resps": [["#### 18", "#### 17"]]}
    file.write_text(json.dumps(row) + "\n")
    items = grade_outputs(file, OutputFields("resps.0", "target"), out=tmp_path / "graded")
    assert items.column("sample").to_pylist() == [0, 1]
    assert correct_of(items).tolist() == [True, False]
    assert (tmp_path / "graded" / "metrics.json").is_file()


def test_a_missing_field_is_named_with_what_is_there() -> None:
    with pytest.raises(DataError, match=r"no field 'a\.c'.*'c' is not in \(b\)"):
        field_of({"a": {"b": 1}}, "a.c")


def test_without_gold_or_benchmark_nothing_can_be_judged(tmp_path: Path) -> None:
    file = tmp_path / "texts.jsonl"
    file.write_text('{"question": "2+2?", "text": "4"}\n')
    with pytest.raises(DataError, match="--gold"):
        grade_outputs(file, OutputFields("text"))


def test_outputs_of_other_questions_are_refused(tmp_path: Path, shared_data: Path) -> None:
    file = tmp_path / "texts.jsonl"
    file.write_text('{"question": "2+2?", "text": "4"}\n')
    with pytest.raises(DataError, match="none of the 1 questions"):
        grade_outputs(file, OutputFields("text"), benchmark=benchmark("gsm8k", shared_data))
