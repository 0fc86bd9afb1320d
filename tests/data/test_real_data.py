from __future__ import annotations

import csv
from pathlib import Path

import pytest

from cotmill.data import Pool, read_pool
from cotmill.data.describe import NO_GOLD, OTHER_ANSWER, describe
from cotmill.data.overlap import overlaps

FORMS = {
    "gsm8k": "gsm8k",
    "gsm8k-model-solutions": "question-ground-truth",
    "gsm8k-multi-path": "paths",
    "gsm8k-rho-outputs": "gsm8k",
    "gsm-plus": "gsm-plus",
    "gsm8k-distractors": "problemathic",
    "gsm8k-backward": "question-answer",
    "gsm-hard": "input-target",
    "mgsm": "unnamed-pair",
    "svamp": "svamp",
    "aqua-rat": "aqua-rat",
    "imo-answerbench": "problem-short-answer",
    "imo-proofbench": "math",
    "deepmind-mathematics": "question-answer",
    "theoremqa-self": "question-answer",
    "mathdial": "question-ground-truth",
}


def test_every_file_is_known_and_every_row_is_read_or_set_aside(shared_data: Path) -> None:
    with (shared_data / "MANIFEST.tsv").open(encoding="utf-8", newline="") as handle:
        files = list(csv.DictReader(handle, delimiter="\t"))
    assert len(files) > 40
    for file in files:
        pool = read_pool(shared_data / file["folder"] / file["file"])
        assert list(pool.about["forms"].values()) == [FORMS[file["folder"]]], file["file"]
        assert len(pool) + pool.rejects.count == int(file["rows"]), file["file"]
        aside = 35 if file["folder"] == "gsm8k-distractors" else 0
        assert pool.rejects.count == aside, file["file"]
        without_gold = 25 if file["folder"] == "imo-proofbench" else 0
        assert pool.column("gold").null_count == without_gold, file["file"]


@pytest.fixture(scope="module")
def train(shared_data: Path) -> Pool:
    return read_pool(shared_data / "gsm8k" / "train.jsonl.gz")


def test_gsm8k_has_a_gold_answer_in_every_row_and_they_agree_with_the_solutions(train: Pool) -> None:
    found = describe(train)
    assert (found.rows, found.with_gold, found.with_trace) == (7473, 7473, 7473)
    assert NO_GOLD not in found.findings
    assert OTHER_ANSWER not in found.findings
    assert found.steps is not None
    assert found.steps.median == 3
    assert found.near_questions.groups == 1


def test_the_licence_of_a_real_set_is_found(train: Pool) -> None:
    assert train.about["licences"]["train.jsonl.gz"] == {"name": "mit", "said_by": "LICENSE"}


def test_backward_questions_overlap_with_the_test_set_they_come_from(shared_data: Path, train: Pool) -> None:
    tests = {"test": read_pool(shared_data / "gsm8k" / "test.first660.jsonl")}
    (backward,) = overlaps(read_pool(shared_data / "gsm8k-backward"), tests)
    assert len(backward.rows) > 600
    (clean,) = overlaps(train, tests)
    assert len(clean.rows) < 10


def test_a_folder_of_real_files_names_its_sources(shared_data: Path) -> None:
    pool = read_pool(shared_data / "gsm8k")
    assert len(pool) == 8793
    assert set(pool.column("source").to_pylist()) == {"test.first660", "test_socratic.first660", "train"}
