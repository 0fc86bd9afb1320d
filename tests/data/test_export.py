from __future__ import annotations

import json
from pathlib import Path

import pytest
import yaml
from made_files import GSM8K, jsonl

from cotmill.core.errors import DataError
from cotmill.core.files import sha256_of
from cotmill.data import Pool, read_pool
from cotmill.data.export import TARGETS, export
from cotmill.data.licence import licence_near, licence_of

SPOKEN = [
    {"role": "system", "content": "S"},
    {"role": "user", "content": "Q1"},
    {"role": "assistant", "content": "A1"},
    {"role": "user", "content": "Q2"},
    {"role": "assistant", "content": "A2"},
]


def lines(path: Path) -> list[dict]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


@pytest.fixture
def pool(tmp_path: Path) -> Pool:
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "LICENSE").write_text("MIT License\n\nCopyright")
    return read_pool(jsonl(tmp_path / "in" / "train.jsonl", [*GSM8K, b"broken"]))


@pytest.fixture
def conversations(tmp_path: Path) -> Pool:
    return read_pool(jsonl(tmp_path / "talk.jsonl", [{"messages": SPOKEN}, {"messages": SPOKEN[1:3]}]))


def test_trl_gets_prompts_that_join_with_completions_as_cotmill_trains(tmp_path: Path, pool: Pool) -> None:
    done = export(pool, "trl", tmp_path / "out")
    rows = lines(tmp_path / "out" / "train.jsonl")
    assert rows[0]["prompt"] + rows[0]["completion"] == GSM8K[0]["question"] + "\n" + GSM8K[0]["answer"]
    assert [row["row_id"] for row in rows] == pool.ids.tolist()
    assert (done.rows, done.left_out) == (3, 0)
    assert yaml.safe_load((tmp_path / "out" / "sft.yaml").read_text())["dataset_name"] == "."


def test_trl_gets_messages_where_there_are_turns(tmp_path: Path, conversations: Pool) -> None:
    export(conversations, "trl", tmp_path / "out")
    row = lines(tmp_path / "out" / "train.jsonl")[0]
    assert row["prompt"] + row["completion"] == SPOKEN


def test_datasets_loads_the_export_as_trl_would(
    tmp_path: Path, pool: Pool, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("datasets", reason="the extra train is not installed")
    import datasets

    monkeypatch.setattr(datasets.config, "HF_DATASETS_CACHE", tmp_path / "cache")
    datasets.disable_progress_bars()
    for to in ("trl", "axolotl", "jsonl", "parquet"):
        export(pool, to, tmp_path / to)
        loaded = datasets.load_dataset(str(tmp_path / to), split="train")
        assert len(loaded) == 3


def test_llama_factory_gets_a_file_and_its_registry_entry(tmp_path: Path, pool: Pool) -> None:
    export(pool, "llama-factory", tmp_path / "out", name="mine")
    entry = json.loads((tmp_path / "out" / "dataset_info.json").read_text())["mine"]
    rows = json.loads((tmp_path / "out" / entry["file_name"]).read_text())
    columns = entry["columns"]
    assert rows[0][columns["prompt"]] == GSM8K[0]["question"]
    assert rows[0][columns["response"]] == GSM8K[0]["answer"]
    assert rows[0][columns["query"]] == ""


def test_llama_factory_gets_conversations_where_there_are_turns(tmp_path: Path, conversations: Pool) -> None:
    export(conversations, "llama-factory", tmp_path / "out")
    entry = json.loads((tmp_path / "out" / "dataset_info.json").read_text())["cotmill"]
    rows = json.loads((tmp_path / "out" / "cotmill.json").read_text())
    assert entry["formatting"] == "sharegpt"
    assert rows[0][entry["columns"]["system"]] == "S"
    assert [turn["from"] for turn in rows[0]["conversations"]] == ["human", "gpt"] * 2
    assert read_pool(tmp_path / "out" / "cotmill.json").ids.tolist() == conversations.ids.tolist()


def test_axolotl_gets_messages_and_configuration(tmp_path: Path, conversations: Pool) -> None:
    export(conversations, "axolotl", tmp_path / "out")
    (entry,) = yaml.safe_load((tmp_path / "out" / "axolotl.yaml").read_text())["datasets"]
    assert lines(tmp_path / "out" / entry["path"])[0][entry["field_messages"]] == SPOKEN
    assert entry["roles_to_train"] == ["assistant"]


@pytest.mark.parametrize("to", ["jsonl", "parquet"])
def test_plain_exports_keep_everything(tmp_path: Path, pool: Pool, to: str) -> None:
    export(pool, to, tmp_path / "out")
    again = read_pool(tmp_path / "out" / ("data" if to == "parquet" else "train.jsonl"))
    assert again.table().equals(pool.table())


@pytest.mark.parametrize("to", TARGETS)
def test_every_export_has_a_card_and_hashes(tmp_path: Path, pool: Pool, to: str) -> None:
    export(pool, to, tmp_path / "out", name="my set")
    manifest = json.loads((tmp_path / "out" / "export.json").read_text())
    assert manifest["sha256"] == {file: sha256_of(tmp_path / "out" / file) for file in manifest["sha256"]}
    card = (tmp_path / "out" / "README.md").read_text()
    front = yaml.safe_load(card.split("---")[1])
    assert (front["license"], front["pretty_name"]) == ("mit", "my set")
    assert front["configs"][0]["data_files"][0]["path"] == list(manifest["sha256"])
    assert "| set aside on reading: broken JSON | 4 | 3 | 1 |" in card
    assert "| train.jsonl | mit | LICENSE |" in card


def test_rows_without_a_solution_are_left_out_and_counted(tmp_path: Path) -> None:
    pool = Pool.from_rows([{"question": "Q", "trace": "T"}, {"question": "R", "gold": "1"}])
    done = export(pool, "trl", tmp_path / "out")
    assert (done.rows, done.left_out) == (1, 1)
    assert "no solution to train on | 2 | 1 | 1 |" in (tmp_path / "out" / "README.md").read_text()
    with pytest.raises(DataError, match="nothing to train on"):
        export(pool.take(pool.ids[1:]), "trl", tmp_path / "other")


def test_the_card_lists_filters_in_order_and_escapes_what_it_quotes(tmp_path: Path, pool: Pool) -> None:
    taken = pool.take(pool.ids[:2], why="by | hand").write(tmp_path / "pool")
    export(taken, "jsonl", tmp_path / "out", licence="cc-by-4.0")
    card = (tmp_path / "out" / "README.md").read_text()
    assert card.index("broken JSON") < card.index("by \\| hand | 3 | 2 | 1 |")
    assert "license: cc-by-4.0" in card


def test_unknown_targets_and_foreign_folders_are_refused(tmp_path: Path, pool: Pool) -> None:
    with pytest.raises(DataError, match="cannot export to 'word'; choose from trl"):
        export(pool, "word", tmp_path / "out")
    with pytest.raises(DataError, match="is not an export"):
        export(pool, "trl", tmp_path / "in")
    export(pool, "trl", tmp_path / "out")
    export(pool, "jsonl", tmp_path / "out")
    assert not (tmp_path / "out" / "sft.yaml").exists()


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("Apache License\n   Version 2.0, January 2004", "apache-2.0"),
        ("Creative Commons Attribution-ShareAlike 4.0 International", "cc-by-sa-4.0"),
        ("Creative Commons Attribution 4.0 International", "cc-by-4.0"),
        ("GNU GENERAL PUBLIC LICENSE\n  Version 3", "gpl-3.0"),
        ("All rights reserved", None),
    ],
)
def test_licences_are_known_by_their_words(text: str, name: str | None) -> None:
    assert licence_of(text) == name


def test_a_card_beside_the_data_states_its_licence(tmp_path: Path) -> None:
    (tmp_path / "README.md").write_text("---\nlicense: odc-by\n---\n# A set")
    assert str(licence_near(tmp_path / "x.jsonl")) == "odc-by (README.md)"
    (tmp_path / "README.md").write_text("---\nlicense: [\n---\n")
    assert licence_near(tmp_path).name == "unknown"
