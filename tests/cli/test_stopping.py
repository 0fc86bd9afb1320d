"""Signals, locks and a machine at its end, as a person meets them at any verb."""

import errno
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from typer.testing import CliRunner

from cotmill.cli.main import app
from cotmill.core.errors import MachineError, RunError
from cotmill.core.holding import holding
from cotmill.core.machine import ANYWAY, Need, machine_trouble, refuse_unless_it_fits
from cotmill.core.stopping import Stopped, asked, patience, stop_here, stop_on_signals

ROW = {"question": "Ann has 3 apples and buys 4. How many?", "answer": "3+4 = <<3+4=7>>7\n#### 7"}


def rows(path: Path, count: int) -> Path:
    """Write so many rows."""
    path.write_text("".join(json.dumps({**ROW, "id": n}) + "\n" for n in range(count)))
    return path


def call(*arguments: str | Path) -> tuple[int, str]:
    """Call cotmill; give its exit code and what it said."""
    result = CliRunner().invoke(app, [str(argument) for argument in arguments])
    return result.exit_code, result.output


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_a_verb_within_seconds_and_it_says_how_to_go_on(
    tmp_path: Path, number: signal.Signals
) -> None:
    data, out = rows(tmp_path / "rows.jsonl", 16_000), tmp_path / "verdicts"
    command = [sys.executable, "-m", "cotmill.cli.main", "verify", str(data), "--out", str(out)]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
    until = time.monotonic() + 100
    while not list(out.glob("shards/*.parquet")) and time.monotonic() < until:
        time.sleep(0.01)
    process.send_signal(number)
    began = time.monotonic()
    _, said = process.communicate(timeout=60)
    assert time.monotonic() - began < 15, "half a second on a free machine"
    assert process.returncode == 130
    assert said.strip() == (
        f"stopped by {number.name}; what is finished is kept. Type the same command again to go on."
    )
    assert list(out.glob("shards/*.parquet"))
    assert not (out / "summary.json").exists()


def test_the_second_writer_of_an_output_is_refused_and_told_who_is_first(tmp_path: Path) -> None:
    data = rows(tmp_path / "rows.jsonl", 3)
    with holding(tmp_path / "verdicts"):
        code, said = call("verify", data, "--out", tmp_path / "verdicts")
        assert (code, f"is in use by process {os.getpid()}" in " ".join(said.split())) == (2, True)
        assert call("verify", data, "--out", tmp_path / "others")[0] == 0
    assert call("verify", data, "--out", tmp_path / "verdicts")[0] == 0
    assert not list(tmp_path.glob(".*.lock"))


def test_a_lock_is_held_however_the_output_is_named(tmp_path: Path) -> None:
    (tmp_path / "real").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "real")
    with (
        holding(tmp_path / "real" / "a"),
        pytest.raises(RunError, match="in use"),
        holding(tmp_path / "link" / "." / "a"),
    ):
        pass


def test_a_refused_job_leaves_no_folder_behind(tmp_path: Path) -> None:
    with pytest.raises(RunError), holding(tmp_path / "new" / "deep" / "out"):
        raise RunError("nothing was done")
    assert not list(tmp_path.iterdir())


def test_patient_work_hears_of_a_signal_and_ends_where_it_wants_to() -> None:
    reached: list[bool] = []

    def work() -> None:
        os.kill(os.getpid(), signal.SIGTERM)
        reached.append(asked())
        stop_here()

    with pytest.raises(Stopped, match="SIGTERM"), stop_on_signals(), patience():
        work()
    assert reached == [True]
    with stop_on_signals(), patience():
        assert not asked()
        stop_here()


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (OSError(errno.ENOSPC, "No space left on device", "x"), "the disk is full (x)"),
        (OSError(errno.EROFS, "Read-only file system", "x"), "x cannot be written (Read-only file system)"),
        (OSError(errno.EIO, "Input/output error", "x"), "x cannot be reached"),
        (OSError(errno.EMFILE, "Too many open files"), "ulimit -n"),
        (RuntimeError("DefaultCPUAllocator: can't allocate memory: you tried"), "memory ran out"),
        (RuntimeError("I/O error: No space left on device (os error 28)"), "the disk is full"),
        (
            OSError("Unknown error: Failed to launch worker thread: Resource temporarily unavailable"),
            "memory ran out",
        ),
        (FileExistsError(errno.EEXIST, "File exists", "x"), "x is in the way (File exists)"),
        (MemoryError(), "memory ran out"),
    ],
)
def test_a_machine_at_its_end_is_told_in_a_sentence(error: BaseException, said: str) -> None:
    assert said in (machine_trouble(error) or "")


def test_other_errors_are_not_taken_for_the_machines() -> None:
    assert machine_trouble(ValueError("no such thing")) is None
    assert machine_trouble(FileNotFoundError(errno.ENOENT, "No such file")) is None


def test_a_job_that_cannot_fit_is_refused_with_the_figures(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    refuse_unless_it_fits(Need(memory=2.0, disk=0.001), tmp_path, memory=4.0)
    with pytest.raises(MachineError, match=r"about 100\.0 GB of memory, and 4\.0 GB are free"):
        refuse_unless_it_fits(Need(memory=100.0), tmp_path, memory=4.0)
    with pytest.raises(MachineError, match=r"about 1000000\.00 GB on disk, and .* free at"):
        refuse_unless_it_fits(Need(disk=1e6), tmp_path / "not" / "there")
    monkeypatch.setenv(ANYWAY, "1")
    refuse_unless_it_fits(Need(memory=100.0, disk=1e6), tmp_path, memory=4.0)


RECIPE = """\
name: large
about: A model that no machine of tests can train.
data: {train: {lab: {rows: 40, max_steps: 2}}}
model: MODEL
train: {steps: 4}
evaluate: {tests: {t: {lab: {set: distractors, rows: 4}}}}
"""


def test_a_recipe_that_cannot_fit_is_refused_before_anything_is_written(tmp_path: Path) -> None:
    shape = {"model_type": "llama", "hidden_size": 65_536, "num_hidden_layers": 400, "vocab_size": 100_000}
    (tmp_path / "huge").mkdir()
    (tmp_path / "huge" / "config.json").write_text(json.dumps(shape))
    (tmp_path / "large.yaml").write_text(RECIPE.replace("MODEL", f"{tmp_path / 'huge'}@random"))
    code, said = call("run", tmp_path / "large.yaml", "--out", tmp_path / "run")
    assert code == 2
    assert "GB of memory, and" in " ".join(said.split())
    assert "cotmill --anyway" in said
    assert not (tmp_path / "run").exists()


def test_doctor_looks_at_templates_that_change_what_is_learnt() -> None:
    from cotmill.cli.terminal.model_checks import template
    from cotmill.model.load import load

    tokenizer = load("lab:llama-0.25m").tokenizer
    tokenizer.chat_template = (
        "{{ strftime_now('%d %b') }}{% for m in messages %}{{ m.role }}: "
        "{{ m.content.split('</think>')[-1].strip() }}\n{% endfor %}"
        "{% if add_generation_prompt %}assistant: {% endif %}"
    )
    told = {check.what: check.found for check in template(tokenizer)}
    assert "cuts <think>" in told["template thoughts"]
    assert "stopping may not be learnt" in told["template end"]
    assert "today's date" in told["template date"]
