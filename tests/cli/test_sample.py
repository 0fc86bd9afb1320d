"""`cotmill sample`, as a process: what it says, that it goes on, and that being killed costs nothing."""

from __future__ import annotations

import contextlib
import json
import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from typer.testing import CliRunner

from cotmill.augment.store import SampleStore
from cotmill.cli.main import app
from cotmill.core.files import sha256_of
from cotmill.lab.pools import make_pool

KILLS = int(os.environ.get("COTMILL_KILLS", "3"))
"""Random kills of the test below; the evidence was made with 50."""
MODELS = ("lab:llama-0.25m", "lab:neox-0.25m")


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("data") / "pool"
    make_pool(0, 6, min_steps=1, max_steps=2).write(folder)
    return folder


def sampled(data: Path, out: Path, *told: str, model: str = MODELS[0]) -> str:
    """Run the command in this process."""
    command = ["sample", "--model", model, "--data", str(data), "--out", str(out), "--threads", "1", *told]
    result = CliRunner().invoke(app, command, catch_exceptions=False)
    assert result.exit_code == 0, result.output
    return result.output


def files_of(folder: Path) -> dict[str, str]:
    paths = sorted(path for path in folder.rglob("*") if path.is_file())
    return {path.relative_to(folder).as_posix(): sha256_of(path) for path in paths}


def test_it_says_what_it_will_do_and_what_came_of_it_and_goes_on(data, tmp_path):
    told = sampled(data, tmp_path / "s", "--k", "4", "--max-new-tokens", "20")
    for part in (
        "6 questions, 4 samples each",
        "temperature 0.7, at most 20 tokens a sample",
        "24 samples to draw now, at most 480 tokens: at most about",
        "first prompt: ",
        "24 samples drawn",
        "tokens a second",
        "distinct correct paths",
        "cut off",
        f"24 samples in {tmp_path / 's'}",
    ):
        assert part in told
    told = sampled(data, tmp_path / "s", "--k", "6", "--max-new-tokens", "20")
    assert "; 24 are there" in told
    assert "12 samples drawn" in told
    told = sampled(data, tmp_path / "s", "--k", "6", "--max-new-tokens", "90")
    assert "that a shorter limit had cut off were drawn again" in told
    paper = sampled(data, tmp_path / "s", "--k", "1", "--mode", "paper")
    assert "temperature 0.7, top-k 50, at most 256 tokens a sample" in paper
    store = SampleStore.open(tmp_path / "s")
    assert store.count() == 42
    assert [one["top_k"] for one in sorted(store.settings().values(), key=str)] == [0, 50]


def test_an_allocation_goes_round_by_round(data, tmp_path):
    rule = ("--allocate", "yield", "--price", "0.1", "--k", "8", "--first", "3", "--step", "3")
    told = sampled(data, tmp_path / "s", *rule, "--max-new-tokens", "20")
    assert "3 samples each in the first round" in told
    assert "round 2: " in told
    assert "0 samples drawn" in sampled(data, tmp_path / "s", *rule, "--max-new-tokens", "20")


@pytest.mark.parametrize(
    ("told", "message"),
    [
        (["--allocate", "clever"], "no allocation is called 'clever'"),
        (["--engine", "magic"], "no engine is called 'magic'"),
        (["--engine", "openai"], "needs a server"),
        (["--url", "http://localhost:1"], "--url is for --engine openai"),
        (["--engine", "vllm"], "vllm serve MODEL"),
        (["--top-p", "2"], "--top-p"),
        (["--k", "0"], "--k"),
        (["--correct", "3"], "aims at no number"),
        (["--part", "3/2"], "2/8 for the second of eight"),
        (["--extra", "{"], "--extra is not JSON"),
        (["--prompt", "Think."], "must contain {question}"),
        (["--mode", "papers"], "own or paper"),
        (["--max-new-tokens", "0"], "1 or more"),
    ],
)
def test_a_wrong_option_is_named_before_anything_is_drawn(data, tmp_path, told, message):
    command = ["sample", "--model", MODELS[0], "--data", str(data), "--out", str(tmp_path / "s"), *told]
    result = CliRunner().invoke(app, command)
    assert result.exit_code == 2
    assert message in result.output


@pytest.mark.slow
def test_two_processes_share_a_job(data, tmp_path):
    for part in ("1/2", "2/2"):
        sampled(data, tmp_path / "shared", "--k", "3", "--part", part, "--save-every", "9")
    sampled(data, tmp_path / "alone", "--k", "3", "--save-every", "9")
    shared, alone = SampleStore.open(tmp_path / "shared"), SampleStore.open(tmp_path / "alone")
    assert shared.fingerprint == alone.fingerprint


@pytest.fixture
def forker(tmp_path: Path) -> Iterator[subprocess.Popen[str]]:
    """A process that starts `cotmill` as often as it is told to, without the price of the imports."""
    script = [sys.executable, str(Path(__file__).with_name("forker.py")), str(tmp_path / "log")]
    with subprocess.Popen(script, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert line_of(process) == "ready"
        yield process
        assert process.stdin is not None
        process.stdin.close()


def line_of(process: subprocess.Popen[str]) -> str:
    assert process.stdout is not None
    return process.stdout.readline().strip()


def started(forker: subprocess.Popen[str], words: list[str]) -> int:
    """Start the command; return its process id."""
    assert forker.stdin is not None
    forker.stdin.write(json.dumps(words) + "\n")
    forker.stdin.flush()
    return int(line_of(forker))


@pytest.mark.slow
@pytest.mark.timeout(300 + 60 * KILLS)
def test_kills_at_random_moments_leave_the_store_of_an_undisturbed_job(data, tmp_path, forker):
    """Two models, one store; every kill is SIGKILL at a random moment of the work."""
    k = max(16, 2 * KILLS)
    told = ("--k", str(k), "--save-every", "12", "--max-new-tokens", "60", "--batch-size", "12", "--no-count")

    def words(out: Path, model: str) -> list[str]:
        return ["sample", "--model", model, "--data", str(data), "--out", str(out), "--threads", "1", *told]

    def whole(out: Path) -> None:
        for model in MODELS:
            started(forker, words(out, model))
            assert line_of(forker) == "0", (tmp_path / "log").read_text()

    whole(tmp_path / "whole")
    draw, out = random.Random(11), tmp_path / "killed"
    kills = [killed(forker, words(out, MODELS[number % 2]), out, draw) for number in range(KILLS)]
    stored = SampleStore.open(out).count()
    whole(out)
    assert sum(kills) >= KILLS / 2, "most processes must still be at work when they are killed"
    assert stored > 0
    assert SampleStore.open(out).count() == 2 * 6 * k
    assert files_of(tmp_path / "whole") == files_of(out)


def killed(forker: subprocess.Popen[str], words: list[str], out: Path, draw: random.Random) -> bool:
    """Start the command, let it work for a random time, kill it; say whether it was still running."""
    before = set(out.rglob("*.parquet"))
    pid = started(forker, words)
    # Some are killed while they load; most once something new is on the disk, or in the midst of writing.
    patient, until = draw.random() < 0.8, time.monotonic() + 60
    while patient and time.monotonic() < until and not set(out.rglob("*.parquet")) - before:
        time.sleep(0.002)
    time.sleep(0.3 * draw.random())
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, signal.SIGKILL)
    return os.WIFSIGNALED(int(line_of(forker)))
