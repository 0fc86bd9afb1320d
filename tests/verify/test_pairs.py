"""The table of labelled answer pairs: what is mathematically the same, with the trap named."""

import csv
from pathlib import Path

import pytest

from cotmill.verify import SymbolicConfig, SymbolicPool, Verdict, judge_answer, same_answer
from cotmill.verify.clean import undress
from cotmill.verify.compare import compare_plain
from cotmill.verify.forms import compare_forms

PATIENT = SymbolicPool(SymbolicConfig(seconds=20.0, wall_seconds=60.0))
"""The table is about what is the same, not about a busy machine."""
TABLES = ("pairs.tsv", "pairs_second.tsv", "pairs_third.tsv")


def rows_of(name: str) -> list[dict[str, str]]:
    with (Path(__file__).parent / name).open(encoding="utf-8", newline="") as lines:
        return list(csv.DictReader(lines, delimiter="\t", quoting=csv.QUOTE_NONE))


def test_the_tables_are_large_and_have_both_labels_for_most_traps() -> None:
    rows = rows_of("pairs.tsv")
    assert len(rows) >= 200
    both = {
        trap
        for trap in {row["trap"] for row in rows}
        if len({r["same"] for r in rows if r["trap"] == trap}) == 2
    }
    assert len(both) >= 18


@pytest.mark.parametrize("name", TABLES)
def test_every_labelled_pair_is_judged_as_labelled_in_both_directions(name: str) -> None:
    wrong = [
        (gold, predicted, row["same"], row["trap"])
        for row in rows_of(name)
        for gold, predicted in ((row["gold"], row["predicted"]), (row["predicted"], row["gold"]))
        if (same_answer(gold, predicted, pool=PATIENT).same is True) != (row["same"] == "yes")
    ]
    assert wrong == []


@pytest.mark.parametrize("form", ["\\boxed{{{}}}", "The answer is {}."])
def test_a_pair_is_judged_alike_when_the_answer_stands_in_a_text(form: str) -> None:
    rows = [row for row in rows_of("pairs.tsv") if "and 3 oranges" not in row["predicted"]]
    wrong = [
        (row, judgement.predicted)
        for row in rows
        if (judgement := judge_answer(row["gold"], form.format(row["predicted"]), pool=PATIENT))
        and (judgement.verdict is Verdict.CORRECT) != (row["same"] == "yes")
    ]
    assert wrong == []


@pytest.mark.parametrize("name", TABLES)
def test_every_answer_of_the_tables_equals_itself_without_a_worker(name: str) -> None:
    answers = {row[column] for row in rows_of(name) for column in ("gold", "predicted")}
    odd = [answer for answer in answers if compare_plain(undress(answer), undress(answer)).same is not True]
    assert odd == []


def test_most_of_the_table_needs_no_algebra_system() -> None:
    rows = [(undress(row["gold"]), undress(row["predicted"])) for row in rows_of("pairs.tsv")]
    undecided = [
        pair for pair in rows if compare_plain(*pair).same is None and compare_forms(*pair).same is None
    ]
    assert len(undecided) < len(rows) // 10
