"""`cotmill select` from files to files."""

import json

import numpy as np
import pytest
from typer.testing import CliRunner

from cotmill.cli.main import app
from cotmill.data.pool import Pool
from cotmill.evidence import Losses
from cotmill.select import SELECTORS, Selection

ROWS = 60


@pytest.fixture
def run():
    def call(*words: object, code: int = 0) -> str:
        result = CliRunner().invoke(app, ["select", *map(str, words)])
        assert result.exit_code == code, result.output
        return result.output

    return call


@pytest.fixture
def data(tmp_path):
    lines = [{"question": f"What is {i}+1?", "answer": f"It is {i + 1}.\n#### {i + 1}"} for i in range(ROWS)]
    path = tmp_path / "data.jsonl"
    path.write_text("".join(json.dumps(line) + "\n" for line in lines))
    return path


def write_losses(pool: Pool, tmp_path, scale: float):
    losses = Losses(
        row_ids=pool.ids,
        loss_sum=np.arange(ROWS) * scale,
        tokens=np.full(ROWS, 7),
        truncated=np.zeros(ROWS, dtype=bool),
    )
    return losses.write(tmp_path / f"losses{scale}.parquet")


def test_random_needs_no_evidence_and_a_second_call_does_nothing(run, data, tmp_path):
    out = tmp_path / "chosen"
    assert "10.0%" in run("random", "--data", data, "--budget", "10%", "--out", out)
    before = (out / "selection.parquet").stat().st_mtime_ns
    assert "already there" in run("random", "--data", data, "--budget", "10%", "--out", out)
    assert (out / "selection.parquet").stat().st_mtime_ns == before
    run("random", "--data", data, "--budget", "10%", "--seed", 1, "--out", out)
    assert Selection.read(out).seed == 1


def test_losses_of_two_points_serve_high_learnability_and_count_tokens(run, data, tmp_path):
    from cotmill.data.read import read_pool

    pool = read_pool(data)
    files = [write_losses(pool, tmp_path, scale) for scale in (2.0, 1.0)]
    words = ["--data", data, "--budget", "72tok", "--out", tmp_path / "chosen"]
    output = run("high_learnability", *words, "--evidence", files[0], "--evidence", files[1])
    assert "tokens" in output
    selection = Selection.read(tmp_path / "chosen")
    assert np.flatnonzero(selection.taken).tolist() == list(range(50, 60))
    assert selection.summary["tokens_below_budget"] == 2


def test_options_reach_the_method(run, data, tmp_path):
    file = write_losses(Pool.open(_pool(data, tmp_path)), tmp_path, 1.0)
    run(
        "length_matched",
        "--data",
        data,
        "--evidence",
        file,
        "--budget",
        5,
        "--out",
        tmp_path / "c",
        "-o",
        "strata=3",
    )
    assert Selection.read(tmp_path / "c").facts["options"]["strata"] == 3


def _pool(data, tmp_path):
    from cotmill.data.read import read_pool

    read_pool(data, out=tmp_path / "pool")
    return tmp_path / "pool"


def test_every_method_is_listed_with_its_needs(run):
    lines = run("--list").splitlines()
    for name, kind in SELECTORS.items():
        assert any(line.split()[:2] == [name, kind.needs.kind if kind.needs else "-"] for line in lines)


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["s2ll"], "did you mean s2l?"),
        (["random", "-o", "x"], "not KEY=VALUE"),
        (["s2l", "-o", "mode=best"], "mode: Input should be 'paper', 'repo' or 'cotmill'"),
        (["s2l", "-o", "cluster=3"], "clusters"),
        (["s2l"], "needs trajectories (cotmill measure trajectories), but the files hold: there are none"),
        ([], "METHOD missing"),
    ],
)
def test_mistakes_are_answered_in_a_sentence(run, data, tmp_path, words, message):
    rest = ["--data", data, "--budget", "5", "--out", tmp_path / "chosen"]
    assert message in run(*words, *rest, code=2)


def test_evidence_of_the_wrong_kind_is_named(run, data, tmp_path):
    file = write_losses(Pool.open(_pool(data, tmp_path)), tmp_path, 1.0)
    words = ["s2l", "--data", data, "--evidence", file, "--budget", 5, "--out", tmp_path / "chosen"]
    assert "but the files hold: losses" in run(*words, code=2)


def test_rows_that_came_later_top_up_an_earlier_choice_within_its_limits(run, data, tmp_path):
    old, new = tmp_path / "old", tmp_path / "new"
    run("random", "--data", data, "--budget", 10, "--out", old)
    lines = [
        f'{{"question": "What is {i}+2?", "answer": "#### {i + 2}", "source": "late"}}\n' for i in range(20)
    ]
    (tmp_path / "grown.jsonl").write_text(data.read_text() + "".join(lines))
    words = ["--data", tmp_path / "grown.jsonl", "--budget", 25, "--out", new, "--update", old]
    output = run("random", *words, "--least", "late=8", "--once", 1.0)
    assert "kept: 10" in output
    assert "new rows: 20" in output
    chosen = Selection.read(new)
    assert set(Selection.read(old).row_ids) < set(chosen.row_ids)
    assert chosen.summary["sources"]["late"]["taken"] >= 8
    assert "no value 'x'" in run("random", *words[:4], "--out", tmp_path / "c", "--most", "x=3", code=2)


def test_diagnostics_of_clusters_are_printed(run, data, tmp_path):
    files = [write_losses(Pool.open(_pool(data, tmp_path)), tmp_path, scale) for scale in (2.0, 1.0)]
    words = ["--data", data, "--evidence", files[0], "--evidence", files[1], "--budget", 9]
    output = run("s2l", *words, "--out", tmp_path / "chosen").replace("\n", " ")
    for name in ("inertia", "silhouette", "stability", "source purity", "length purity", "level length"):
        assert name in output


def test_questions_are_read_as_queries(run, data, tmp_path):
    (tmp_path / "asked.jsonl").write_text('{"question": "What is 17+1?", "answer": "#### 18"}\n')
    words = ["bm25", "--data", data, "--queries", tmp_path / "asked.jsonl", "--budget", 1]
    run(*words, "--out", tmp_path / "chosen")
    assert np.flatnonzero(Selection.read(tmp_path / "chosen").taken).tolist() == [17]
