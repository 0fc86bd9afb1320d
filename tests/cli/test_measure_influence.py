"""`cotmill measure influence` from files to a file, and from there to a selection."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch
from transformers import AutoTokenizer, GPTNeoXConfig, GPTNeoXForCausalLM
from typer.testing import CliRunner

from cotmill.cli.main import app
from cotmill.data.pool import Pool
from cotmill.evidence import Influence
from cotmill.lab.tokenizer import write_tokenizer
from cotmill.select import Selection


@pytest.fixture(scope="module")
def models(tmp_path_factory) -> list[str]:
    """Two GPT-NeoX of random weights: before and after."""
    folders = []
    for seed in range(2):
        folder = tmp_path_factory.mktemp("models") / f"tiny-{seed}"
        write_tokenizer(folder)
        size = len(AutoTokenizer.from_pretrained(folder))
        shape = {"hidden_size": 32, "intermediate_size": 64, "num_hidden_layers": 1, "num_attention_heads": 2}
        with torch.random.fork_rng():
            torch.manual_seed(seed)
            model = GPTNeoXForCausalLM(GPTNeoXConfig(**shape, vocab_size=size, max_position_embeddings=96))
        model.save_pretrained(folder)
        folders.append(str(folder))
    return folders


def write(path: Path, rows: list[dict]) -> str:
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return str(path)


@pytest.fixture
def data(tmp_path) -> str:
    rows = [{"question": f"Ann has {n} pens.", "answer": f"{n}+1={n + 1}\n#### {n + 1}"} for n in range(40)]
    return write(tmp_path / "train.jsonl", rows)


def call(*words: object, code: int = 0) -> str:
    result = CliRunner().invoke(app, [str(word) for word in words])
    assert result.exit_code == code, result.output
    return result.output


def test_from_grouped_queries_to_a_selection(models, data, tmp_path):
    rows = [
        {"question": f"Bob has {n} pens.", "answer": f"{n}+1={n + 1}\n#### {n + 1}", "group": group}
        for n in range(6)
        for group in ("correct", "incorrect")[n % 2 : n % 2 + 1]
    ]
    queries, out = write(tmp_path / "queries.jsonl", rows), tmp_path / "influence.parquet"
    told = ("measure", "influence", "--model", models[1], "--data", data, "--queries", queries, "--out", out)
    said = call(*told, "--parts", 2, "--pairs", 4, "--refine", 2, "--band", "75%")
    assert "are undecided when 75% are kept" in said
    assert "only 3 questions are correct queries" in said
    assert "residuals of conjugate gradients" in said
    assert "gate: tail-patch on correct" in said
    found = Influence.read(out)
    assert len(found) == 40
    assert len(Pool.open(out.with_suffix(".queries"))) == 6
    assert not out.with_name(out.name + ".work").exists()
    chosen = tmp_path / "chosen"
    given = ("--data", data, "--evidence", out, "--budget", "75%", "--out", chosen, "-o", "gate=warn")
    call("select", "influence", *given)
    assert len(Selection.read(chosen)) == 30
    if found.gate == "failed":
        assert "FAILED" in said
        assert "validity gate" in call("select", "influence", *given[:-2], code=2)
    assert "rank correlation 1.000" in call("measure", "agreement", out, out)


def test_both_models_are_asked_a_validation_set(models, data, tmp_path):
    asked = [{"question": f"Eve has {n} pens.", "answer": f"#### {n}"} for n in range(5)]
    validation, out = write(tmp_path / "validation.jsonl", asked), tmp_path / "influence.parquet"
    told = ("measure", "influence", "--model", models[1], "--base", models[0], "--data", data)
    told = (*told, "--queries", validation, "--out", out, "--max-new-tokens", 4, "--pairs", 0, "--parts", 2)
    assert "changed the answer of none of 5 questions" in call(*told, code=2)
    said = call(*told, "--questions", "outcomes", "--retrain", 2, "--retrain-steps", 2)
    assert "it is a validation set now" in said
    assert "there are no correct queries" in said
    assert "gate: group-LDS on incorrect" in said
    assert Influence.read(out).gate in ("passed", "failed")


@pytest.mark.parametrize(
    ("words", "told"),
    [
        ((), "name the queries"),
        (("--queries", "DATA"), "has no column group"),
        (("--queries", "DATA", "--curvature", "fisher"), "--curvature"),
        (("--items", "x"), "give it twice"),
    ],
)
def test_what_is_missing_is_said(models, data, tmp_path, words, told):
    given = [data if word == "DATA" else word for word in words]
    out = tmp_path / "out.parquet"
    assert told in call(
        "measure", "influence", "--model", models[1], "--data", data, "--out", out, *given, code=2
    )
