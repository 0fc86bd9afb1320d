"""Even over sources."""

import numpy as np

from cotmill.select import Random, SourceBalanced


def test_every_source_gets_the_same_until_it_runs_out(make_pool):
    pool = make_pool(100, sources="aaaaaaabbc")
    counts = SourceBalanced()(pool, budget=45, seed=0).summary["sources"]
    assert {name: count["taken"] for name, count in counts.items()} == {"a": 18, "b": 17, "c": 10}


def test_the_manifest_names_the_group_and_says_when_it_was_taken_whole(make_pool):
    table = SourceBalanced()(make_pool(100, sources="aaaaaaabbc"), budget=45, seed=0).table.to_pylist()
    assert {row["reason"].rpartition("; ")[2] for row in table if row["group"] == "c"} == {
        "its whole group was taken"
    }
    assert {row["reason"].rpartition("; ")[2] for row in table if row["group"] == "a"} == {
        "within its group's share",
        "its group had its share",
    }


def test_one_source_is_random(make_pool):
    pool = make_pool(50, sources="a")
    assert np.array_equal(
        SourceBalanced()(pool, budget=9, seed=4).row_ids, Random()(pool, budget=9, seed=4).row_ids
    )
