"""The three commands, called as from a shell."""

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from cotmill.cli.main import app

CALL = CliRunner()


def call(*words: object) -> str:
    result = CALL.invoke(app, [str(word) for word in words])
    assert result.exit_code == 0, result.output
    return result.output


@pytest.fixture
def questions(tmp_path: Path) -> Path:
    file = tmp_path / "mine.jsonl"
    rows = [
        {"question": f"{a} + 4 = ?", "answer": f"{a}+4=<<{a}+4={a + 4}>>{a + 4}\n#### {a + 4}"}
        for a in range(9)
    ]
    file.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return file


def test_evaluate_says_what_it_will_do_and_what_came_of_it(questions: Path, tmp_path: Path) -> None:
    words = (
        "evaluate",
        "--model",
        "lab:llama-0.25m@random",
        "--benchmark",
        questions,
        "--out",
        tmp_path / "out",
    )
    said = call(*words, "--max-new-tokens", 5, "--loss")
    assert "mine.jsonl: 9 questions" in said
    assert "9 answers, greedy, at most 5 tokens each" in said
    assert "first prompt" in said
    assert "no answer" in said
    assert "nats per token" in said
    again = call(*words, "--max-new-tokens", 5, "--loss")
    assert "9 are there" in again
    said = call("compare", tmp_path / "out", tmp_path / "out")
    assert "9 questions in both" in said
    assert "within chance" in said
    assert "accuracy" in call("grade", tmp_path / "out")


def test_evaluate_over_several_sets_writes_a_folder_each(shared_data: Path, tmp_path: Path) -> None:
    call(
        *("evaluate", "--model", "lab:llama-0.25m@random", "--benchmark", "svamp", "--benchmark", "mgsm:de"),
        *("--out", tmp_path, "--data", shared_data, "--limit", 3, "--max-new-tokens", 4),
    )
    assert {path.name for path in tmp_path.iterdir()} == {"svamp", "mgsm-de"}


def test_grade_reads_anybodys_file(tmp_path: Path) -> None:
    file = tmp_path / "theirs.jsonl"
    file.write_text('{"problem": "2+2?", "out": ["#### 4", "#### 5"], "gold": "4"}\n')
    said = call("grade", file, "--text", "out", "--gold", "gold")
    assert "50.0 %" in said
    assert "pass@k" in said


def test_a_task_for_the_harness_is_exported(questions: Path, tmp_path: Path) -> None:
    said = call("evaluate", "--benchmark", questions, "--out", tmp_path / "tasks", "--export-task")
    assert "lm_eval --model hf" in said
    assert (tmp_path / "tasks" / "cotmill_mine_jsonl.yaml").is_file()


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("--samples", 3), "set a temperature"),
        (("--form", "xml"), "--form"),
        ((), "name the model with --model"),
    ],
)
def test_a_wrong_option_is_one_sentence_and_exit_code_two(
    questions: Path, tmp_path: Path, words, told: str
) -> None:
    result = CALL.invoke(
        app, ["evaluate", "--benchmark", str(questions), "--out", str(tmp_path / "o"), *map(str, words)]
    )
    assert result.exit_code == 2
    assert told in result.output
    assert "Traceback" not in result.output
