"""What is read is never written over, whatever `--out` says; odd outputs end in a sentence."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner

from cotmill.cli.main import app
from cotmill.data import Pool

ROWS = [{"question": f"Ann has {n} and Bob {n + 1}. Sum?", "answer": f"#### {2 * n + 1}"} for n in range(4)]
LINES = "".join(json.dumps(row) + "\n" for row in ROWS)


@pytest.fixture
def data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A file of rows in the working folder."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "x.jsonl").write_text(LINES)
    return tmp_path / "x.jsonl"


def said(*words: str, code: int) -> str:
    """Run a command."""
    done = CliRunner().invoke(app, words)
    assert done.exit_code == code, done.output
    return " ".join(done.output.split())


@pytest.mark.parametrize(
    "words",
    [
        ("check", "x.jsonl", "--out", "x.jsonl"),
        ("verify", "link.jsonl", "--out", "x.jsonl"),
        ("export", "x.jsonl", "--to", "trl", "--out", "./x.jsonl"),
        ("select", "random", "--data", "x.jsonl", "--budget", "1", "--out", "x.jsonl"),
        ("measure", "losses", "lab:llama-0.25m", "x.jsonl", "--out", "x.jsonl"),
        ("grade", "x.jsonl", "--text", "answer", "--gold", "answer", "--out", "x.jsonl"),
    ],
)
def test_data_is_not_written_over_by_what_is_made_of_it(data: Path, words: tuple[str, ...]) -> None:
    data.with_name("link.jsonl").symlink_to(data)
    assert "x.jsonl is what is read, and would be lost" in said(*words, code=2)
    assert data.read_text() == LINES


def test_an_output_among_the_data_that_would_be_read_along_is_refused(data: Path) -> None:
    for folder, out in ((".", "pool"), (str(data.parent), "a/b"), ("..", f"../{data.parent.name}/x")):
        assert "would be read as data the next time" in said("check", folder, "--out", out, code=2)
    said("check", "x.jsonl", "--out", "pool", code=0)
    said("verify", "pool", "--out", "pool/verdicts", code=0)  # of a Pool, only its own files are read


@pytest.mark.parametrize(
    ("out", "part"),
    [
        ("/", "/ cannot be an output"),
        ("file", "file exists and is not a Pool"),
        ("file/x", "file is in the way (File exists)"),
        ("y" * 300, "too long a name"),
        (".", " exists and is not a Pool"),
    ],
)
def test_an_output_that_cannot_be_is_told_in_a_sentence(data: Path, out: str, part: str) -> None:
    data.with_name("file").write_text("mine")
    assert part in said("check", "x.jsonl", "--out", out, code=2)
    assert data.with_name("file").read_text() == "mine"
    assert not list(data.parent.glob("*.part"))


def test_verdicts_and_judgements_are_not_put_among_other_things(data: Path) -> None:
    (data.parent / "folder").mkdir()
    (data.parent / "folder" / "mine.txt").write_text("mine")
    words = ("grade", "x.jsonl", "--text", "answer", "--gold", "answer", "--out", "folder")
    assert "holds mine.txt, but no evaluation" in said(*words, code=2)
    assert "holds mine.txt" in said("verify", "x.jsonl", "--out", "folder", code=2)
    assert [path.name for path in (data.parent / "folder").iterdir()] == ["mine.txt"]
    (data.parent / "folder" / "mine.txt").rename(data.parent / "folder" / "items.parquet.part")
    said(*words, code=0)  # what a killed process left of its own is not in the way


def test_an_output_may_be_the_folder_that_one_is_in(data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (data.parent / "here").mkdir()
    monkeypatch.chdir(data.parent / "here")
    said("check", "../x.jsonl", "--out", ".", code=0)
    assert (data.parent / "here" / "pool.json").is_file()
    assert not list(data.parent.glob("**/*.part"))


def test_an_output_that_is_a_link_is_written_behind_the_link(data: Path) -> None:
    data.with_name("pool").symlink_to("elsewhere")
    for _ in range(2):
        said("check", "x.jsonl", "--out", "pool", code=0)
    assert data.with_name("pool").is_symlink()
    assert (data.parent / "elsewhere" / "pool.json").is_file()


def test_a_name_of_an_export_leads_nowhere_else(data: Path) -> None:
    words = ("export", "x.jsonl", "--to", "llama-factory", "--out", "a/b", "--name", "../../mine")
    assert "cannot be the name of a file" in said(*words, code=2)
    assert not data.with_name("mine.json").exists()


def test_text_that_no_terminal_can_show_is_shown_by_its_number(data: Path) -> None:
    rows = [{"question": "\ud800", "answer": "#### 1"}, {"question": "Q", "answer": "#### 1", "k\x1b[2J": 1}]
    data.write_text("".join(json.dumps(row) + "\n" for row in rows))
    words = [sys.executable, "-m", "cotmill.cli.main", "check", str(data)]
    told = {**os.environ, "PYTHONIOENCODING": "ascii:strict"}
    done = subprocess.run(words, capture_output=True, env=told, check=False)
    assert done.returncode == 0, done.stderr
    assert b"\\u27e8U+D800\\u27e9" in done.stdout
    assert b"k\\u27e8U+001B\\u27e9[2J" in done.stdout
    assert b"\x1b" not in done.stdout


def test_names_of_files_need_not_be_utf8(data: Path) -> None:
    folder = data.parent / os.fsdecode(b"f\xff")
    folder.mkdir()
    (folder / os.fsdecode(b"\xfe.jsonl")).write_text(LINES)
    (folder / "b.jsonl").write_text(LINES)
    said("check", str(folder), "--out", "pool", code=0)
    pool = Pool.open(Path("pool"))
    assert set(pool.column("source").to_pylist()) == {"\\udcfe", "b"}
    assert set(pool.about["forms"]) == {"\udcfe.jsonl", "b.jsonl"}
