"""From samples to D ∪ D′: what is kept, what is counted, and what a kill leaves."""

import json
import subprocess
import sys
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from cotmill.augment.config import RftConfig
from cotmill.augment.keys import key_of
from cotmill.augment.repo import MISTAKES
from cotmill.augment.rft import make_rft
from cotmill.augment.samples import Sample
from cotmill.augment.store import SampleStore
from cotmill.core.errors import DataError, RunError
from cotmill.data.pool import Pool
from cotmill.execute.executor import Execution

QUESTION = "She has 3 hens and buys 4. Each lays 2 eggs. How many eggs?"
GOLD = "3 + 4 = <<3+4=7>>7 hens. 7 * 2 = <<7*2=14>>14 eggs.\n#### 14"


def pool_of_one(gold=GOLD, answer="14"):
    return Pool.from_rows([{"question": QUESTION, "gold": answer, "trace": gold}])


def store_of(folder, texts, pool, reason="stop", model="m"):
    store = SampleStore.open(folder)
    settings = store.add_settings({"temperature": 0.7})
    example = pool.column("example_id")[0].as_py()
    store.add(
        [
            Sample(example, f"{model}-print", model, "p", settings, n, n, text, 9, 9, reason, 99)
            for n, text in enumerate(texts)
        ]
    )
    store.finish()
    return store


def new_traces(result):
    return [row["trace"] for row in result.pool.rows() if row["sample_id"] is not None]


def samples_of(folder: Path) -> list[dict]:
    return [
        row
        for path in sorted(folder.glob("shards/*/samples.parquet"))
        for row in pq.read_table(path).to_pylist()
    ]


def test_a_pool_of_given_and_new_rows_with_their_origin(world, tmp_path):
    result = make_rft(world["stores"], world["pool"], tmp_path / "rft")
    pool, given = result.pool, world["pool"]
    assert pool.ids[: len(given)].tolist() == given.ids.tolist()
    assert not pool.has_labels
    assert len(set(pool.ids)) == len(pool) == len(given) + result.counts["new_rows"]
    new = [row for row in pool.rows() if row["sample_id"] is not None]
    assert len(new) > len(given)
    drawn = {
        row["sample_id"]: row for store in world["stores"] for b in store.batches() for row in b.to_pylist()
    }
    for row in new:
        sample = drawn[row["sample_id"]]
        assert (row["example_id"], row["sample_seed"]) == (sample["example_id"], sample["seed"])
        assert row["origin"].startswith(sample["model_name"] + " settings ")
        assert row["trace"].endswith(f"#### {row['gold']}")


def test_every_sample_is_accounted_for(world, tmp_path):
    result = make_rft(world["stores"], world["pool"], tmp_path / "rft")
    rows, counts = samples_of(tmp_path / "rft"), result.counts
    assert len({row["sample_id"] for row in rows}) == len(rows) == counts["samples"] == 10 * 16
    assert sum(counts["became"].values()) == counts["samples"]
    assert counts["became"]["kept"] == counts["new_rows"] == sum(row["kept"] for row in rows)
    assert counts["became"]["cut off"] == sum(row["finish_reason"] == "length" for row in rows)
    assert counts["fails"]["answer"] == sum(row["answer"] is False for row in rows)


def test_kept_paths_are_distinct_and_none_is_that_of_a_given_solution(world, tmp_path):
    result = make_rft(world["stores"], world["pool"], tmp_path / "rft")
    keys: dict = {}
    for row in result.pool.rows():
        keys.setdefault(row["example_id"], []).append(key_of(row["trace"]))
    assert all(len(set(found)) == len(found) for found in keys.values())


def test_without_the_distinctness_rule_every_accepted_sample_is_kept(world, tmp_path):
    counts = make_rft(world["stores"], world["pool"], tmp_path / "rft", RftConfig(distinct=False)).counts
    kept = make_rft(world["stores"], world["pool"], tmp_path / "d").counts["became"]
    assert counts["became"]["kept"] == sum(kept[name] for name in kept if name == "kept" or "path" in name)


def test_k_takes_the_first_samples_of_one_store(world, tmp_path):
    few = make_rft(world["stores"], world["pool"], tmp_path / "three", RftConfig(k=3))
    assert few.counts["samples"] == 10 * 2 * 3
    assert {row["index"] for row in samples_of(tmp_path / "three")} == {0, 1, 2}


def test_the_result_does_not_depend_on_workers_or_on_the_order_of_the_stores(world, tmp_path, monkeypatch):
    monkeypatch.setattr("cotmill.augment.shards.SHARD_SAMPLES", 50)
    make_rft(world["stores"], world["pool"], tmp_path / "one")
    make_rft(list(reversed(world["stores"])), world["pool"], tmp_path / "two", execution=Execution(workers=2))
    assert content_of(tmp_path / "one") == content_of(tmp_path / "two")
    assert len(list((tmp_path / "one" / "shards").iterdir())) > 2


def test_the_same_store_twice_counts_once(world, tmp_path):
    store = world["stores"][0]
    result = make_rft([store, store], world["pool"], tmp_path / "rft")
    assert result.counts["samples"] == 10 * 8


def test_a_folder_of_other_work_is_refused_and_finished_work_is_not_done_again(world, tmp_path):
    out = tmp_path / "rft"
    make_rft(world["stores"], world["pool"], out)
    before = content_of(out)
    make_rft(world["stores"], world["pool"], out)
    assert content_of(out) == before
    with pytest.raises(RunError, match="other samples, data or settings"):
        make_rft(world["stores"], world["pool"], out, RftConfig(mode="paper"))
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "file").write_text("mine")
    with pytest.raises(RunError, match="holds something else"):
        make_rft(world["stores"], world["pool"], tmp_path / "full")


def test_samples_of_other_questions_are_an_error_that_says_so(world, tmp_path):
    with pytest.raises(DataError, match="sampled from"):
        make_rft(world["stores"], pool_of_one(), tmp_path / "rft")
    with pytest.raises(DataError, match="no samples"):
        make_rft([SampleStore.open(tmp_path / "empty")], pool_of_one(), tmp_path / "rft2")


# ---- the mistakes of the public script, each by one example ----------------------------------------


def kept_in(mode, texts, tmp_path, pool=None, reason="stop"):
    pool = pool or pool_of_one()
    padded = [*texts, "lost"] if mode == "repo" else texts  # the script never reads the last sample
    store = store_of(tmp_path / f"store-{mode}", padded, pool, reason)
    return new_traces(make_rft([store], pool, tmp_path / mode, RftConfig(mode=mode)))


def test_repo_keeps_samples_that_repeat_the_given_solution(tmp_path):
    repeat = GOLD.replace("hens", "birds")
    assert kept_in("repo", [repeat], tmp_path) == [repeat]
    assert kept_in("paper", [repeat], tmp_path) == []
    assert kept_in("cotmill", [repeat], tmp_path) == []


def test_repo_keeps_what_follows_the_answer_and_traces_that_were_cut_off(tmp_path):
    runs_on = "<<4+3=7>>7, <<7*2=14>>14\n#### 14\nQuestion: next"
    assert kept_in("repo", [runs_on], tmp_path / "a") == [runs_on]
    assert kept_in("paper", [runs_on], tmp_path / "a") == ["<<4+3=7>>7, <<7*2=14>>14\n#### 14"]
    assert kept_in("repo", [runs_on], tmp_path / "b", reason="length") == [runs_on]
    assert kept_in("paper", [runs_on], tmp_path / "b", reason="length") == []


def test_repo_loses_the_last_sample(tmp_path):
    pool = pool_of_one()
    other = "<<4+3=7>>7, <<7*2=14>>14\n#### 14"
    store = store_of(tmp_path / "s", ["nothing", other], pool)
    assert new_traces(make_rft([store], pool, tmp_path / "repo", RftConfig(mode="repo"))) == []
    assert new_traces(make_rft([store], pool, tmp_path / "paper", RftConfig(mode="paper"))) == [other]


def test_repo_and_paper_keep_one_trace_without_marks_and_turned_operands_are_new_to_them(tmp_path):
    texts = ["Fourteen.\n#### 14", "It is 14.\n#### 14", GOLD.replace("3+4", "4+3").replace("3 + 4", "4 + 3")]
    assert len(kept_in("repo", texts, tmp_path)) == 2
    assert len(kept_in("paper", texts, tmp_path)) == 2
    # Ours: turned operands are the given path, and an answer without a step is not grounded.
    assert kept_in("cotmill", texts, tmp_path) == []


def test_repo_names_its_mistakes_and_others_have_none(tmp_path, world):
    assert (
        make_rft(world["stores"], world["pool"], tmp_path / "r", RftConfig(mode="repo")).counts[
            "mistakes_reproduced"
        ]
        == MISTAKES
    )
    assert make_rft(world["stores"], world["pool"], tmp_path / "c").counts["mistakes_reproduced"] == {}


# ---- traces that cannot be compared -----------------------------------------------------------------


@pytest.mark.parametrize(("rule", "kept"), [("one", 1), ("all", 2), ("none", 0)])
def test_traces_whose_path_cannot_be_read_are_kept_apart(rule, kept, tmp_path):
    pool = pool_of_one()
    store = store_of(tmp_path / "s", ["Fourteen.\n#### 14", "It is 14.\n#### 14"], pool)
    config = RftConfig(grounding=False, without_equations=rule)
    result = make_rft([store], pool, tmp_path / "rft", config)
    assert len(new_traces(result)) == kept
    assert result.counts["accepted_without_equations"] == 2


# ---- suspects ---------------------------------------------------------------------------------------


def test_many_paths_to_another_answer_make_the_gold_answer_suspect_and_nothing_is_dropped(tmp_path):
    pool = pool_of_one(answer="15", gold="<<3+4=7>>7, <<7*2=15>>15\n#### 15")
    texts = [
        "<<3+4=7>>7, <<7*2=14>>14\n#### 14", "<<3*2=6>>6, <<4*2=8>>8, <<6+8=14>>14\n#### 14",
        "<<(3+4)*2=14>>14\n#### 14", "<<3+4=7>>7, <<7+7=14>>14\n#### 14",
    ]  # fmt: skip
    result = make_rft([store_of(tmp_path / "s", texts, pool)], pool, tmp_path / "rft")
    found = [json.loads(line) for line in (tmp_path / "rft" / "suspects.jsonl").read_text().splitlines()]
    assert [(row["gold"], row["answer"], row["paths"]) for row in found] == [("15", "14", 4)]
    assert len(result.pool) == 1
    assert result.counts["suspects"] == 1
    unsolved = (tmp_path / "rft" / "unsolved.jsonl").read_text().splitlines()
    assert json.loads(unsolved[0])["samples"] == 4


# ---- kills ------------------------------------------------------------------------------------------


def content_of(folder: Path) -> dict[str, bytes]:
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


JOB = """
import sys
from pathlib import Path
import cotmill.augment.shards as shards
shards.SHARD_SAMPLES = 30
from cotmill.augment.rft import make_rft
from cotmill.data.pool import Pool
make_rft([Path(sys.argv[1]), Path(sys.argv[2])], Pool.open(sys.argv[3]), Path(sys.argv[4]))
"""


@pytest.mark.slow
def test_a_job_that_was_killed_many_times_ends_with_the_same_bytes(world, tmp_path, monkeypatch):
    monkeypatch.setattr("cotmill.augment.shards.SHARD_SAMPLES", 30)
    make_rft(world["stores"], world["pool"], tmp_path / "whole")
    world["pool"].write(tmp_path / "data")
    paths = [str(store.folder) for store in world["stores"]]
    command = [sys.executable, "-c", JOB, *paths, str(tmp_path / "data"), str(tmp_path / "killed")]
    kills = 0
    for wait in (0.6, 1.1, 1.5, 1.7, 1.9, 2.2):
        job = subprocess.Popen(command)
        try:
            job.wait(wait)
            break
        except subprocess.TimeoutExpired:
            job.kill()
            job.wait()
            kills += 1
    assert subprocess.run(command, check=False).returncode == 0
    assert kills
    assert content_of(tmp_path / "killed") == content_of(tmp_path / "whole")
