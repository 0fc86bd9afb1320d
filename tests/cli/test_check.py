"""`cotmill check` and `cotmill export` as a person types them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from cotmill.cli.main import app
from cotmill.data import Pool
from cotmill.lab.models import ASSETS

ROWS = [
    {
        "question": "Tom has 3 pens and buys 4 more. How many pens has he now?",
        "answer": "3+4=<<3+4=7>>7\n#### 7",
    },
    {"question": "A box holds 6 eggs. How many are in 5 boxes?", "answer": "6*5=<<6*5=30>>30\n#### 30"},
    {"question": "Who knows?", "answer": "Nobody does."},
]


def call(*words: str | Path) -> Result:
    return CliRunner().invoke(app, [str(word) for word in words], env={"COLUMNS": "200"})


@pytest.fixture
def data(tmp_path: Path) -> Path:
    path = tmp_path / "train.jsonl"
    path.write_text("\n".join([*map(json.dumps, ROWS), "{broken", ""]))
    return path


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Make the folder of a tiny model with the lab's tokenizer; only its shape and tokenizer are read."""
    folder = tmp_path_factory.mktemp("model")
    for name in ("tokenizer.json", "tokenizer_config.json"):
        (folder / name).write_bytes((ASSETS / name).read_bytes())
    config = {"model_type": "llama", "vocab_size": 832, "hidden_size": 64, "max_position_embeddings": 256}
    (folder / "config.json").write_text(json.dumps(config))
    return folder


def found(*words: str | Path) -> dict[str, Any]:
    result = call("check", *words, "--json")
    assert result.exit_code == 0, result.output
    return json.loads(result.stdout)


def test_check_says_what_it_is_and_what_is_wrong_and_ends_well(data: Path) -> None:
    result = call("check", data)
    assert result.exit_code == 0
    for part in (
        "gsm8k; 1 file(s)",
        "no gold answer can be found",
        "set aside",
        "train.jsonl:4: broken JSON",
        "steps",
    ):
        assert part in result.output


def test_check_for_machines_is_one_json_object(data: Path) -> None:
    said = found(data)
    assert said["forms"] == {"train.jsonl": "gsm8k"}
    assert said["description"]["rows"] == 3
    assert said["description"]["findings"]["no gold answer can be found"]["rows"] == 1
    assert said["set_aside"]["reasons"] == {"broken JSON": 1}
    assert said["set_aside"]["first"][0]["line"] == 4


def test_check_names_rows_that_a_benchmark_shares(data: Path, tmp_path: Path) -> None:
    bench = tmp_path / "bench.jsonl"
    bench.write_text(
        json.dumps({"question": ROWS[1]["question"] + " Say it in words.", "answer": "30"}) + "\n"
    )
    overlaps = {overlap["n"]: overlap for overlap in found(data, "--against", bench)["overlap"]}
    assert (overlaps[13]["rows"], overlaps[8]["rows"]) == (0, 1)
    assert overlaps[8]["benchmark_rows_touched"] == 1
    assert "1 rows share 8 words in a row" in call("check", data, "--against", bench).output


def test_check_writes_only_when_asked(data: Path, tmp_path: Path) -> None:
    before = set(tmp_path.iterdir())
    call("check", data)
    assert set(tmp_path.iterdir()) == before
    call("check", data, "--out", tmp_path / "pool")
    assert len(Pool.open(tmp_path / "pool")) == 3
    assert (tmp_path / "pool" / "rejects.jsonl").is_file()


def test_check_counts_tokens_and_shows_one_example_with_its_mask(data: Path, model: Path) -> None:
    tokens = found(data, "--model", model)["tokens"]
    assert tokens["max_length"] == 256
    assert 0 < tokens["tokens_with_loss"] < tokens["tokens"]
    assert (tokens["truncated"], tokens["empty_masks"], tokens["refused"]) == (0, 0, None)
    assert "####" in tokens["example"]
    shown = call("check", data, "--model", model)
    assert shown.exit_code == 0
    assert "0 rows are cut off at 256 tokens" in shown.output


def test_an_empty_loss_mask_is_refused_after_everything_was_said(data: Path, model: Path) -> None:
    result = call("check", data, "--model", model, "--max-length", "8")
    assert result.exit_code == 2
    assert "rows are cut off at 8 tokens" in result.output
    assert "have no token that carries loss" in result.output


def test_a_full_loss_mask_is_refused(tmp_path: Path, model: Path) -> None:
    Pool.from_rows([{"question": "", "trace": "all of it"}, {"question": "Q", "trace": "T"}]).write(
        tmp_path / "pool"
    )
    result = call("check", tmp_path / "pool", "--model", model)
    assert result.exit_code == 2
    assert "would be trained on from their first token" in result.output


@pytest.mark.parametrize(
    ("text", "words", "message"),
    [
        ('{"a": 1}\n', [], "--columns question="),
        ("{broken\n", [], "no usable row"),
        ("", [], "holds no rows"),
        ('{"a": "Q", "b": "1"}\n', ["--columns", "question=a;b"], "where the answers are"),
    ],
)
def test_unusable_data_ends_with_code_2_and_a_sentence(
    tmp_path: Path, text: str, words: list[str], message: str
) -> None:
    (tmp_path / "x.jsonl").write_text(text)
    result = call("check", tmp_path / "x.jsonl", *words)
    assert result.exit_code == 2
    assert message in result.output
    assert "Traceback" not in result.output


def test_named_columns_are_used(tmp_path: Path) -> None:
    (tmp_path / "x.jsonl").write_text('{"a": "Q", "b": "1"}\n')
    assert found(tmp_path / "x.jsonl", "--columns", "question=a,gold=b")["description"]["with_gold"] == 1


@pytest.mark.parametrize("to", ["trl", "llama-factory", "axolotl", "jsonl", "parquet"])
def test_export_writes_data_and_card(data: Path, tmp_path: Path, to: str) -> None:
    result = call("export", data, "--to", to, "--out", tmp_path / "out")
    assert result.exit_code == 0, result.output
    assert "3 rows in" in result.output
    assert "1 rows could not be read" in result.output
    assert (tmp_path / "out" / "README.md").is_file()


def test_export_to_nowhere_known_names_what_is(data: Path, tmp_path: Path) -> None:
    result = call("export", data, "--to", "pdf", "--out", tmp_path / "out")
    assert result.exit_code == 2
    assert "choose from trl, llama-factory, axolotl, jsonl, parquet" in result.output


def test_export_leaves_out_what_a_benchmark_shares(data: Path, tmp_path: Path) -> None:
    bench = tmp_path / "bench.jsonl"
    bench.write_text(json.dumps({"question": ROWS[1]["question"], "answer": "30"}) + "\n")
    out = tmp_path / "out"
    result = call("export", data, "--to", "jsonl", "--out", out, "--against", bench, "--ngram", "5")
    assert "1 rows share 5 words in a row with" in result.output
    assert "2 rows in" in result.output
    assert "decontaminated by 5-grams" in (tmp_path / "out" / "README.md").read_text()
