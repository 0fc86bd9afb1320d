"""The verbs that train and measure, from files to files."""

from __future__ import annotations

import json
from pathlib import Path

import pyarrow.parquet as pq
import pytest
import torch
from transformers import AutoTokenizer, LlamaConfig, LlamaForCausalLM
from typer.testing import CliRunner

from cotmill.cli.main import app
from cotmill.evidence import Lengths, Losses, Trajectories
from cotmill.lab.tokenizer import write_tokenizer
from cotmill.model.load import load


@pytest.fixture(scope="module")
def files(tmp_path_factory) -> dict[str, str]:
    """Write a tiny model and a small file of GSM8K form."""
    folder = tmp_path_factory.mktemp("files")
    write_tokenizer(folder / "model")
    shape = {"hidden_size": 32, "intermediate_size": 64, "num_hidden_layers": 1, "num_attention_heads": 2}
    size = len(AutoTokenizer.from_pretrained(folder / "model"))
    with torch.random.fork_rng():
        torch.manual_seed(0)
        LlamaForCausalLM(LlamaConfig(**shape, vocab_size=size)).save_pretrained(folder / "model")
    rows = [{"question": f"Ann has {n} pens. How many?", "answer": f"{n}+0={n}\n#### {n}"} for n in range(40)]
    (folder / "data.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    return {"model": str(folder / "model"), "data": str(folder / "data.jsonl")}


def ask(*arguments: object) -> str:
    """Run a command that must succeed; return what it said."""
    result = CliRunner().invoke(app, [str(argument) for argument in arguments])
    assert result.exit_code == 0, result.output
    return result.output


def test_train_then_measure_trajectories_losses_and_lengths(files, tmp_path: Path):
    told = ask(
        "train", files["model"], files["data"], "--out", tmp_path / "run", "--steps", 4, "--batch-size", 8,
        "--checkpoints", 2, "--threads", 1,
    )  # fmt: skip
    assert "4 steps of 8 rows" in told
    assert "loss" in told
    assert f"written to {tmp_path / 'run'}" in told.replace("\n", "")
    ask("measure", "trajectories", tmp_path / "run", "--data", files["data"], "--out", tmp_path / "t.parquet")
    assert Trajectories.read(tmp_path / "t.parquet").steps.tolist() == [2, 4]
    ask("measure", "losses", tmp_path / "run", files["data"], "--out", tmp_path / "l.parquet")
    assert len(Losses.read(tmp_path / "l.parquet")) == 40
    ask("measure", "lengths", files["model"], files["data"], "--out", tmp_path / "n.parquet")
    assert Lengths.read(tmp_path / "n.parquet").tokens.min() > 10
    assert not list(tmp_path.glob("*.work"))


def test_options_that_cannot_be_are_said_before_a_model_is_loaded(files, tmp_path: Path):
    result = CliRunner().invoke(app, ["train", "nowhere", files["data"], "--out", str(tmp_path / "o")])
    assert result.exit_code == 2
    assert "exactly one of steps and epochs" in result.output
    result = CliRunner().invoke(
        app,
        [
            "train",
            "nowhere",
            files["data"],
            "--out",
            str(tmp_path / "o"),
            "--steps",
            "3",
            "--batch-size",
            "0",
        ],
    )
    assert result.exit_code == 2
    assert "--batch-size" in result.output


def test_a_model_that_is_not_there_is_said_in_one_sentence(files, tmp_path: Path):
    result = CliRunner().invoke(
        app, ["measure", "losses", "./nowhere", files["data"], "--out", str(tmp_path / "l.parquet")]
    )
    assert result.exit_code == 2
    assert "there is no folder ./nowhere" in result.output


def test_pre_training_a_model_of_the_lab_makes_one_that_loads(tmp_path: Path):
    told = ask(
        "lab", "pretrain", "lab:llama-0.25m", "--tokens", 1100, "--out", tmp_path / "m", "--batch-size", 4,
        "--threads", 1,
    )  # fmt: skip
    assert "1,024 tokens in 2 steps" in told
    assert load(str(tmp_path / "m")).tokenizer.eos_token == "<eos>"
    result = CliRunner().invoke(
        app, ["lab", "pretrain", "lab:none", "--tokens", "1e3", "--out", str(tmp_path / "n")]
    )
    assert result.exit_code == 2
    assert "no lab model is called" in result.output
    assert not list(tmp_path.glob("n*"))


def test_a_mask_is_one_option_and_a_wrong_one_a_sentence(files, tmp_path: Path):
    told = ["train", files["model"], files["data"], "--batch-size", 8, "--threads", 1]
    ask(*told, "--steps", 2, "--mask", "ratio=0.4,schedule=constant", "--held-out", files["data"],
        "--eval-answers", 2, "--out", tmp_path / "run")  # fmt: skip
    log = pq.read_table(tmp_path / "run" / "train_log.parquet").to_pylist()
    assert [row["mask_ratio"] for row in log] == [0.4, 0.4]
    assert 0 <= log[-1]["held_out_accuracy"] <= 1
    wrong = [*told, "--steps", "2", "--mask", "colour=red", "--out", tmp_path / "none"]
    result = CliRunner().invoke(app, [str(part) for part in wrong])
    assert result.exit_code == 2
    assert "--mask" in result.output
