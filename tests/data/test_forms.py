from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from made_files import GSM8K, jsonl

from cotmill.core.errors import DataError
from cotmill.data import Message, read_pool
from cotmill.data.detect import columns_of, detect
from cotmill.data.forms import FORMS

CASES: list[tuple[str, dict[str, Any], dict[str, Any]]] = [
    (
        "gsm8k",
        GSM8K[0],
        {"question": "Tom has 3 pens and buys 4. How many?", "gold": "7", "trace": GSM8K[0]["answer"]},
    ),
    (
        "math",
        {
            "problem": "Half of 1?",
            "level": "Level 1",
            "type": "Algebra",
            "solution": r"It is $\boxed{\frac{1}{2}}$.",
        },
        {
            "question": "Half of 1?",
            "gold": r"\frac{1}{2}",
            "source": "Algebra",
            "level": "Level 1",
            "type": "Algebra",
        },
    ),
    (
        "math",
        {"problem": "2+2?", "solution": "Four.", "answer": "4", "unique_id": "x"},
        {"gold": "4", "trace": "Four.", "unique_id": "x"},
    ),
    (
        "messages",
        {
            "messages": [
                {"role": "system", "content": "Be brief."},
                {"role": "user", "content": "1+1?"},
                {"role": "assistant", "content": "#### 2"},
                {"role": "user", "content": "2+2?"},
                {"role": "assistant", "content": [{"type": "text", "text": "So #### 4"}]},
            ]
        },
        {
            "question": "2+2?",
            "trace": "So #### 4",
            "gold": "4",
            "context": [
                {"role": "system", "content": "Be brief."},
                {"role": "user", "content": "1+1?"},
                {"role": "assistant", "content": "#### 2"},
            ],
        },
    ),
    (
        "prompt-completion",
        {"prompt": "Q", "completion": "A #### 3"},
        {"question": "Q", "trace": "A #### 3", "gold": "3"},
    ),
    (
        "prompt-completion",
        {"prompt": [{"role": "user", "content": "Q"}], "completion": [{"role": "assistant", "content": "A"}]},
        {"question": "Q", "trace": "A", "gold": None},
    ),
    (
        "text",
        {"text": "Some words. The answer is 5."},
        {"question": "", "trace": "Some words. The answer is 5.", "gold": "5"},
    ),
    (
        "alpaca",
        {"instruction": "Add.", "input": "1 and 2", "output": "3", "system": "S", "history": [["a", "b"]]},
        {
            "question": "Add.\n1 and 2",
            "trace": "3",
            "context": [
                {"role": "system", "content": "S"},
                {"role": "user", "content": "a"},
                {"role": "assistant", "content": "b"},
            ],
        },
    ),
    ("alpaca", {"instruction": "Add.", "input": "", "output": "3"}, {"question": "Add.", "trace": "3"}),
    (
        "sharegpt",
        {
            "conversations": [{"from": "human", "value": "Q"}, {"from": "gpt", "value": "A"}],
            "system": "S",
            "id": 4,
        },
        {"question": "Q", "trace": "A", "context": [{"role": "system", "content": "S"}], "id": 4},
    ),
    (
        "mathinstruct",
        {"source": "data/CoT/aqua_rat.json", "instruction": "Q", "output": "So. The answer is B."},
        {"question": "Q", "gold": "B", "source": "data/CoT/aqua_rat.json"},
    ),
    (
        "metamathqa",
        {
            "type": "GSM_Rephrased",
            "query": "Q",
            "original_question": "O",
            "response": "R\n#### 12\nThe answer is: 12",
        },
        {
            "question": "Q",
            "gold": "12",
            "source": "GSM_Rephrased",
            "type": "GSM_Rephrased",
            "original_question": "O",
        },
    ),
    (
        "svamp",
        {
            "ID": "chal-1",
            "Body": "Each pack costs 76",
            "Question": "How much?",
            "Equation": "( 76.0 - 25.0 )",
            "Answer": 51.0,
            "Type": "Subtraction",
        },
        {
            "question": "Each pack costs 76. How much?",
            "gold": "51",
            "trace": "",
            "Equation": "( 76.0 - 25.0 )",
        },
    ),
    (
        "aqua-rat",
        {"question": "Speed?", "options": ["A)1", "B)2"], "rationale": "Because.", "correct": "B"},
        {
            "question": "Speed?\nOptions:\nA)1\nB)2",
            "gold": "B",
            "trace": "Because.",
            "options": ["A)1", "B)2"],
        },
    ),
    (
        "gsm-ic",
        {
            "original_question": "O",
            "new_question": "N",
            "answer": "13",
            "n_steps": 2,
            "role_label": "overlapped",
            "number_label": "in_range",
            "sentence_label": "in_topic",
        },
        {
            "question": "N",
            "gold": "13",
            "trace": "",
            "original_question": "O",
            "n_steps": 2,
            "role_label": "overlapped",
        },
    ),
    (
        "gsm-plus",
        {
            "question": "Q",
            "solution": "S",
            "answer": "None",
            "perturbation_type": "critical thinking",
            "seed_question": "SQ",
            "seed_solution": "SS",
            "seed_answer": "4",
        },
        {
            "question": "Q",
            "trace": "S",
            "gold": "None",
            "source": "critical thinking",
            "perturbation_type": "critical thinking",
            "seed_answer": "4",
        },
    ),
    ("question-answer", {"question": "Q", "answer": 7}, {"question": "Q", "gold": "7", "trace": ""}),
    (
        "input-target",
        {"input": "Q", "target": -9867630.0},
        {"question": "Q", "gold": "-9867630", "trace": ""},
    ),
    ("problem-short-answer", {"Problem": "P", "Short Answer": "$3$"}, {"question": "P", "gold": "$3$"}),
]


@pytest.mark.parametrize(
    ("form", "row", "expected"), CASES, ids=[f"{i}-{case[0]}" for i, case in enumerate(CASES)]
)
def test_every_schema_is_known_without_a_flag(
    tmp_path: Path, form: str, row: dict[str, Any], expected: dict[str, Any]
) -> None:
    pool = read_pool(jsonl(tmp_path / "data.jsonl", [row]))
    assert pool.about["forms"] == {"data.jsonl": form}
    read = next(pool.rows())
    assert {name: read[name] for name in expected} == expected


def test_every_form_but_those_of_single_files_has_a_case() -> None:
    tried = {form for form, _, _ in CASES}
    rare = {"pool", "problemathic", "paths", "unnamed-pair"}
    general = {name for name in (form.name for form in FORMS) if name.startswith(("question-", "problem-"))}
    assert {form.name for form in FORMS} - tried - rare - general == set()


def test_origin_of_model_written_paths_is_not_human(tmp_path: Path) -> None:
    row = {"problem": "P", "questions": "Q1", "answers": "A1", "answer": 18.0}
    read = next(read_pool(jsonl(tmp_path / "x.jsonl", [row])).rows())
    assert (read["origin"], read["trace"], read["gold"], read["questions"]) == ("model", "A1", "18", "Q1")


def test_a_wrong_guess_names_columns_attempts_and_flags(tmp_path: Path) -> None:
    path = jsonl(tmp_path / "odd.jsonl", [{"frage": "Q", "answer": "A"}])
    with pytest.raises(DataError) as caught:
        read_pool(path)
    said = str(caught.value)
    for part in (
        "odd.jsonl",
        "'frage'",
        "'answer'",
        "gsm8k (lacks question)",
        "--form",
        "--columns question=",
    ):
        assert part in said


def test_columns_settle_what_cannot_be_guessed(tmp_path: Path) -> None:
    rows = [
        {"Frage": "1+1?", "Antwort": "2", "Nr": 1},
        {"Frage": "2+2?", "Antwort": "2+2=4\n#### 4", "Nr": 2},
    ]
    pool = read_pool(jsonl(tmp_path / "x.jsonl", rows), columns=columns_of("question=Frage,answer=Antwort"))
    assert [(row["gold"], row["trace"], row["Nr"]) for row in pool.rows()] == [
        ("2", "", 1),
        ("4", "2+2=4\n#### 4", 2),
    ]


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ("question", "not of the form"),
        ("question=a,colour=b", "no part 'colour'"),
        ("question=a", "where the answers are"),
    ],
)
def test_columns_that_make_no_sense_are_refused(tmp_path: Path, words: str, message: str) -> None:
    path = jsonl(tmp_path / "x.jsonl", GSM8K)
    with pytest.raises(DataError, match=message):
        read_pool(path, columns=columns_of(words))


def test_columns_that_are_not_there_are_named(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"no column 'frage'.*its columns are 'question', 'answer'"):
        read_pool(jsonl(tmp_path / "x.jsonl", GSM8K), columns={"question": "Frage", "answer": "answer"})


def test_a_form_may_be_forced(tmp_path: Path) -> None:
    path = jsonl(tmp_path / "x.jsonl", [{"question": "Q", "answer": "no mark here"}])
    assert read_pool(path, form="gsm8k").column("trace").to_pylist() == ["no mark here"]
    with pytest.raises(DataError, match="no form 'gsm9k'"):
        read_pool(path, form="gsm9k")
    with pytest.raises(DataError, match="form 'alpaca' needs"):
        read_pool(path, form="alpaca")


def test_answers_decide_between_forms_with_the_same_columns() -> None:
    def of(answer: Any) -> str:
        return detect(["question", "answer"], [{"question": "Q", "answer": answer}]).name

    assert of("2+2=4\n#### 4") == "gsm8k"
    assert of("4") == "question-answer"
    assert of("First we add two and two, which makes four of them.") == "question-worked"


def test_unknown_columns_are_kept_and_clashes_renamed(tmp_path: Path) -> None:
    row = {**GSM8K[0], "difficulty": 3, "trace": "mine", "tags": ["a", "b"], "meta": {"k": [1]}}
    read = next(read_pool(jsonl(tmp_path / "x.jsonl", [row])).rows())
    assert (read["difficulty"], read["raw_trace"], read["tags"]) == (3, "mine", ["a", "b"])
    assert read["meta"] == '{"k": [1]}'


def test_a_conversation_keeps_its_turns_as_messages(tmp_path: Path) -> None:
    turns = [{"from": name, "value": name} for name in ("human", "gpt", "human", "gpt")]
    pool = read_pool(jsonl(tmp_path / "x.jsonl", [{"conversations": turns}]))
    example, trace = next(pool.examples())
    assert example.context == (Message("user", "human"), Message("assistant", "gpt"))
    assert (example.question, trace.text) == ("human", "gpt")


def test_the_documentation_names_every_form() -> None:
    page = (Path(__file__).parents[2] / "docs" / "data.md").read_text(encoding="utf-8")
    assert [form.name for form in FORMS if f"`{form.name}`" not in page] == []
