"""Queries: flips, rollouts, solutions, disjoint tests, parts that add up."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest

from cotmill.core.errors import DataError
from cotmill.data.pool import Pool
from cotmill.measure.influence.config import QueryConfig
from cotmill.measure.influence.measure import parts_of
from cotmill.measure.influence.queries import disjoint, make_queries, warnings_about


def items(verdicts: dict[str, str]) -> pa.Table:
    """One item for every letter: r right, w wrong."""
    rows = [
        {
            "example_id": question,
            "sample": sample,
            "question": f"What is {question}?",
            "gold": "7",
            "output": f"{question}{sample}{letter} #### 7",
            "verdict": "correct" if letter == "r" else "wrong",
        }
        for question, letters in verdicts.items()
        for sample, letter in enumerate(letters)
    ]
    return pa.Table.from_pylist(rows)


BASE = items({"a": "www", "b": "rrr", "c": "rrw", "d": "www", "e": "rww"})
TUNED = items({"a": "rwr", "b": "wwr", "c": "rrr", "d": "wrw", "e": "rrw"})


def told(pool: Pool) -> list[tuple[str, str, float]]:
    columns = (pool.column(name).to_pylist() for name in ("trace", "group", "weight"))
    return list(zip(*columns, strict=True))


def test_flipped_questions_are_queries_with_the_answers_that_flipped():
    pool, flips = make_queries(BASE, TUNED)
    assert (flips.questions, flips.gained, flips.lost, flips.kept_right, flips.kept_wrong) == (5, 2, 1, 1, 1)
    assert told(pool) == [
        ("a0r #### 7", "correct", 0.5),
        ("a2r #### 7", "correct", 0.5),
        ("b0w #### 7", "incorrect", 0.5),
        ("b1w #### 7", "incorrect", 0.5),
        ("e0r #### 7", "correct", 0.5),
        ("e1r #### 7", "correct", 0.5),
    ]


def test_outcomes_take_all_questions_and_rollouts_limit_answers():
    pool, _ = make_queries(BASE, TUNED, QueryConfig(questions="outcomes", rollouts=1))
    assert [group for _, group, _ in told(pool)] == [
        "correct",
        "incorrect",
        "correct",
        "incorrect",
        "correct",
    ]
    assert {weight for _, _, weight in told(pool)} == {1.0}


def test_gold_solutions_stand_for_the_questions():
    solved = Pool.from_rows({"question": f"What is {name}?", "trace": f"by hand {name}"} for name in "abcde")
    names = dict(zip("abcde", solved.column("example_id").to_pylist(), strict=True))
    tables = [
        table.set_column(0, "example_id", pa.array([names[one] for one in table["example_id"].to_pylist()]))
        for table in (BASE, TUNED)
    ]
    pool, _ = make_queries(*tables, QueryConfig(text="solution"), solutions=solved)
    assert [trace for trace, _, _ in told(pool)] == ["by hand a", "by hand b", "by hand e"]
    # A solution is wanted whatever the model said.
    assert {group for _, group, _ in told(pool)} == {"correct"}
    with pytest.raises(DataError, match="give the validation set with its solutions"):
        make_queries(*tables, QueryConfig(text="solution"))


def test_nothing_flipped_or_nothing_shared_is_an_error():
    with pytest.raises(DataError, match="changed the answer of none of 5"):
        make_queries(BASE, BASE)
    with pytest.raises(DataError, match="share none"):
        make_queries(BASE, items({"z": "r"}))
    with pytest.raises(DataError, match="lacks verdict"):
        make_queries(BASE.drop_columns(["verdict"]), TUNED)


def test_small_and_missing_groups_are_warned_of():
    pool, _ = make_queries(BASE, TUNED)
    assert [line.partition(";")[0] for line in warnings_about(pool)] == [
        "only 2 questions are correct queries",
        "only 1 questions are incorrect queries",
    ]


def test_a_validation_set_loses_what_is_in_a_test_and_may_not_be_one():
    parts = ([1, 2, 3], [3, 4])
    pools = [Pool.from_rows({"question": f"q{n}", "gold": "1"} for n in part) for part in parts]
    left, lost = disjoint(pools[0], {"in_domain": pools[1]})
    assert (len(left), lost) == (2, 1)
    with pytest.raises(DataError, match="must not be judged by it"):
        disjoint(pools[0], {"in_domain": pools[0]})


@pytest.mark.parametrize("parts", [1, 3, "queries"])
def test_parts_of_a_group_have_weights_that_add_up_to_one(parts, queries):
    pool = Pool.from_rows(
        {"question": f"q{n // 2}", "trace": str(n), "group": "correct" if n < 5 else "incorrect"}
        for n in range(8)
    )
    numbers, weights, owners = parts_of(pool, queries, parts)
    assert weights[:5].sum() == pytest.approx(1)
    assert weights[5:7].sum() == pytest.approx(1)
    assert weights[7] == 0  # it has no label
    assert (owners[numbers[:5]] == 0).all()
    assert (owners[numbers[5:7]] == 1).all()
    assert numbers[0] == numbers[1]  # two answers to one question
    assert len(owners) == {1: 2, 3: 5, "queries": 5}[parts]
    assert np.array_equal(np.unique(numbers[weights > 0]), np.arange(len(owners)))
