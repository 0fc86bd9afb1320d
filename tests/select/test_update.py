"""Rows that are added later: what was taken stays, groups stay, and the choice is topped up."""

import numpy as np
import pytest

from cotmill.core.errors import RecipeError
from cotmill.data.pool import Pool
from cotmill.evidence import Trajectories
from cotmill.select import S2L, Extras, Random, Selection, SourceBalanced

SHAPES = np.array([[4.0, 3.0, 2.0], [4.0, 3.9, 3.8], [1.0, 0.5, 0.2]])


def grown(make_pool, make_trajectories, rows: int, kinds: list[int]) -> tuple[Pool, Trajectories]:
    pool = make_pool(rows)
    kind = np.array(kinds)[np.arange(rows) % len(kinds)]
    noise = np.random.default_rng(0).normal(0, 0.01, (rows, 3)).clip(-0.05, 0.05)
    return pool, make_trajectories(pool, SHAPES[kind] + noise)


def test_what_was_taken_stays_and_new_rows_join_the_groups_they_belong_to(
    make_pool, make_trajectories, tmp_path
):
    small, evidence = grown(make_pool, make_trajectories, 300, [0, 0, 0, 0, 1])
    method = S2L(clusters=2)
    old = method(small, evidence, budget=60, seed=0)
    old = Selection.read(old.write(tmp_path / "old"))
    large, more = grown(make_pool, make_trajectories, 500, [0, 0, 0, 0, 1])
    new = method(large, more, budget=100, seed=0, extras=Extras(old=old))
    assert set(old.row_ids) < set(new.row_ids)
    groups = dict(zip(old.table["row_id"].to_pylist(), old.table["group"].to_pylist(), strict=True))
    for row in new.table.to_pylist():
        assert groups.get(row["row_id"], row["group"]) == row["group"]
    shape = np.array(["01"[place % 5 == 4] for place in range(500)])
    assert [int((new.taken & (shape == one)).sum()) for one in "01"] == [50, 50]
    assert new.summary["details"]["update"] == {"kept": 60, "gone": 0, "new_rows": 200}
    reasons = new.table["reason"].to_pylist()
    assert reasons.count("taken: an earlier selection took it") == 60
    assert new.facts["update_of"] == old.key


def test_a_plain_rule_is_topped_up_in_its_own_order_and_random_is_as_if_drawn_anew(make_pool):
    small, large = make_pool(200), make_pool(300)
    old = Random()(small, budget="20%", seed=3)
    new = Random()(large, budget="20%", seed=3, extras=Extras(old=old))
    assert set(old.row_ids) < set(new.row_ids)
    even = SourceBalanced()(make_pool(90, sources="aab"), budget=40, seed=0)
    topped = SourceBalanced()(make_pool(120, sources="aab"), budget=60, seed=0, extras=Extras(old=even))
    assert {name: one["taken"] for name, one in topped.summary["sources"].items()} == {"a": 30, "b": 30}


def test_rows_that_are_gone_are_counted_and_less_than_what_is_kept_is_refused(make_pool):
    pool = make_pool(100)
    old = Random()(pool, budget=50, seed=0)
    part = pool.take(pool.ids[10:])
    new = Random()(part, budget=60, seed=0, extras=Extras(old=old))
    gone = sum(row in set(old.row_ids) for row in pool.ids[:10])
    assert new.summary["details"]["update"]["gone"] == gone
    with pytest.raises(RecipeError, match="has 50 rows, which stay; ask for at least so many, not for 20"):
        Random()(pool, budget=20, seed=0, extras=Extras(old=old))
    with pytest.raises(RecipeError, match="made by random"):
        SourceBalanced()(pool, budget=60, seed=0, extras=Extras(old=old))
