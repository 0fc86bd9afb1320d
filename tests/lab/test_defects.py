"""Every defect is what its label says, and every test set what its name says."""

from __future__ import annotations

import re
from collections import Counter

import pytest

from cotmill.core.errors import DataError
from cotmill.lab import TEST_SETS, check_solution, clinical_rows, corrupt, generate, make_pool_rows
from cotmill.lab.defects import DEFAULT_SHARES, KINDS
from cotmill.lab.graph import Graph
from cotmill.lab.mistakes import MISTAKES
from cotmill.lab.problems import side_of
from cotmill.lab.words import NAMES

ROWS = list(make_pool_rows(0, 1200, defects=0.5))


def report_of(row):
    return check_solution(Graph.from_json(row["lab_graph"]), row["answer"])


def of(kind):
    return [row for row in ROWS if row["lab_defect"] == kind]


def test_a_row_does_not_depend_on_how_many_are_asked_for():
    assert list(make_pool_rows(0, 200, defects=0.5)) == ROWS[:200]


def test_clean_rows_stay_the_same_when_the_rate_rises():
    for clean, row in zip(make_pool_rows(0, 300), ROWS[:300], strict=True):
        if row["lab_defect"] == "none":
            assert row == clean


def test_the_rate_and_the_shares_are_met():
    counts = Counter(row["lab_defect"] for row in ROWS)
    assert set(counts) == {"none", *KINDS}
    assert counts["none"] == pytest.approx(600, abs=60)
    for kind, share in DEFAULT_SHARES.items():
        assert counts[kind] == pytest.approx(600 * share, abs=4 * (600 * share) ** 0.5)


@pytest.mark.parametrize("kind", MISTAKES)
def test_the_judge_confirms_the_label(kind):
    assert of(kind)
    for row in of(kind):
        assert MISTAKES[kind].holds(report_of(row)), row


def test_only_harmless_kinds_are_sound():
    sound = {row["lab_defect"] for row in ROWS if row["lab_sound"]}
    assert sound == {"none", "chatter", "near_duplicate", "trivial"}
    assert all(row["lab_sound"] for row in ROWS if row["lab_defect"] in sound)


def test_right_answer_by_wrong_reasoning_has_the_gold_answer():
    for row in of("wrong_reasoning"):
        assert row["answer"].endswith(f"#### {row['lab_answer']}")
        assert not row["lab_sound"]


def test_wrong_rows_end_in_a_wrong_answer():
    for kind in ("wrong_arithmetic", "wrong_operand", "wrong_answer"):
        for row in of(kind):
            assert not row["answer"].endswith(f"#### {row['lab_answer']}")


def test_a_near_duplicate_differs_from_its_twin_by_names_alone():
    def nameless(row):
        return re.sub(rf"\b({'|'.join(NAMES)})\b", "X", row["question"]).removeprefix("So: ")

    others = {nameless(row) for row in ROWS if row["lab_defect"] != "near_duplicate"}
    assert all(nameless(row) in others for row in of("near_duplicate"))


def test_every_row_has_an_answer_line_and_belongs_to_the_training_side():
    for row in ROWS:
        assert re.search(r"\n?#### \d+$", row["answer"])
        if row["lab_defect"] not in ("off_domain", "trivial"):
            assert side_of(row["question"]) == "train"


def test_a_problem_that_cannot_be_shuffled_says_so():
    (problem,) = generate(0, 1, max_steps=1)
    assert corrupt(problem, "shuffled", 0) is None


def test_wrong_rates_are_refused():
    for defects in ({"nonsense": 0.1}, {"truncated": 0.6, "shuffled": 0.6}, {"truncated": -0.1}):
        with pytest.raises(DataError):
            next(make_pool_rows(0, 1, defects=defects))


@pytest.mark.parametrize("name", TEST_SETS)
def test_test_sets_are_sound_deterministic_and_on_the_test_side(name):
    rows = list(TEST_SETS[name](0, 16))
    assert rows[:6] == list(TEST_SETS[name](0, 6))
    for row in rows:
        assert side_of(row.get("original_question", row["question"])) == "test"
        assert report_of(row).sound


def test_distractors_are_added_to_the_in_domain_questions_with_true_labels():
    plain = TEST_SETS["in_domain"](0, 50)
    labels = Counter()
    for before, row in zip(plain, TEST_SETS["distractors"](0, 50), strict=True):
        assert row["original_question"] == before["question"]
        assert row["answer"] == before["answer"]
        kept = row["question"]
        for sentence in re.split(r"(?<=[.?]) ", before["question"]):
            assert sentence in kept
            kept = kept.replace(sentence, "", 1)
        added = set(re.findall(r"[A-Z][a-z]+", kept)) & set(NAMES)
        assert (row["role_label"] == "overlapped") == bool(
            added & set(re.findall(r"\w+", before["question"]))
        )
        numbers = [int(n) for n in re.findall(r"\d+", kept)]
        assert (row["number_label"] == "out_range") == (min(numbers) >= 300)
        labels.update([row["role_label"], row["number_label"], row["sentence_label"]])
    assert len(labels) == 6


def test_longer_and_unseen_are_longer_and_unseen():
    assert all(row["steps"] >= 5 for row in TEST_SETS["longer"](0, 20))
    seen = {row["source"] for row in ROWS}
    assert not seen & {row["source"] for row in TEST_SETS["unseen_family"](0, 20)}


def test_clinical_impressions_name_each_finding():
    rows = list(clinical_rows(0, 200))
    assert rows[50:60] == list(clinical_rows(0, 10, start=50))
    for row in rows:
        assert row["completion"].count(".") == max(1, row["lab_findings"])
        assert ("No acute" in row["completion"]) == (row["lab_findings"] == 0)
    assert len({row["prompt"] for row in rows}) > 150
