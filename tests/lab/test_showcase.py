"""The page of examples shows what the generator makes today."""

from __future__ import annotations

import json
from pathlib import Path

from typer.testing import CliRunner

from cotmill.cli.main import app
from cotmill.lab.showcase import examples

PAGE = Path(__file__).parents[2] / "docs" / "lab_examples.md"


def test_the_page_of_examples_is_up_to_date():
    assert PAGE.read_text(encoding="utf-8") == examples(), "type: make docs"


def test_problems_are_written_the_same_way_twice(tmp_path):
    files = [tmp_path / "a" / "pool.jsonl.gz", tmp_path / "b" / "pool.jsonl.gz"]
    for file in files:
        result = CliRunner().invoke(
            app, ["lab", "problems", "--rows", "20", "--defects", "0.3", "--out", str(file)]
        )
        assert result.exit_code == 0, result.output
    assert files[0].read_bytes() == files[1].read_bytes()


def test_a_test_set_is_written_as_json_lines(tmp_path):
    out = tmp_path / "test.jsonl"
    CliRunner().invoke(app, ["lab", "problems", "--kind", "distractors", "--rows", "5", "--out", str(out)])
    rows = [json.loads(line) for line in out.read_text().splitlines()]
    assert len(rows) == 5
    assert {"question", "answer", "role_label"} <= set(rows[0])


def test_an_unknown_kind_is_refused_in_words():
    result = CliRunner().invoke(app, ["lab", "problems", "--kind", "poem"])
    assert result.exit_code == 2
    assert "unseen_family" in result.output


def test_models_are_listed():
    result = CliRunner().invoke(app, ["lab", "models"])
    assert result.exit_code == 0
    assert "lab:llama-0.9m" in result.output
