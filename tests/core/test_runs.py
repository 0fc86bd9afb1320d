"""Run folders: steps are whole or remade, and one process at a time works in a Run."""

import multiprocessing
import os
from multiprocessing.reduction import ForkingPickler
from pathlib import Path

import pytest

from cotmill.core.errors import MissingExtra, RunError
from cotmill.core.files import aside, folder_aside, write_text
from cotmill.core.ids import order_keys, rng_of
from cotmill.core.progress import progress_line
from cotmill.core.provenance import provenance
from cotmill.core.runs import StepRecord, damage, fingerprint, locked, publish, read_step, seal, sweep, timed


def make_step(run: Path, config: dict[str, int], text: str = "result") -> Path:
    """Make a finished step as the runner does."""
    record = StepRecord("toy", 1, config)
    work = run / "work" / record.name
    work.mkdir(parents=True)
    with timed(work):
        (work / "deep").mkdir()
        write_text(work / "deep" / "result.txt", text)
    seal(work, record)
    publish(work, run / "steps" / record.name)
    return run / "steps" / record.name


def test_a_finished_step_is_whole_and_remembers_what_it_was_made_from(tmp_path: Path) -> None:
    folder = make_step(tmp_path, {"rows": 3})
    assert damage(folder) is None
    record = read_step(folder)
    assert record is not None
    assert record.config == {"rows": 3}
    assert list(record.files) == ["deep/result.txt"]
    assert folder.name == record.name


def test_equal_steps_have_equal_keys_and_any_difference_shows() -> None:
    steps = [
        StepRecord("toy", 1, {"a": 1}),
        StepRecord("toy", 1, {"a": 2}),
        StepRecord("toy", 2, {"a": 1}),
        StepRecord("other", 1, {"a": 1}),
        StepRecord("toy", 1, {"a": 1}, {"pool": "0"}),
    ]
    assert len({step.key for step in steps}) == len(steps)
    assert StepRecord("toy", 1, {"a": 1, "b": 2}).key == StepRecord("toy", 1, {"b": 2, "a": 1}).key


@pytest.mark.parametrize(
    ("spoil", "said"),
    [
        (lambda folder: (folder / "deep" / "result.txt").unlink(), "is missing"),
        (lambda folder: (folder / "deep" / "result.txt").write_text("shorter"), "7 bytes, 6 were"),
        (lambda folder: (folder / "deep" / "result.txt").write_text("resulT"), "has changed"),
        (lambda folder: (folder / "step.json").write_text('{"kind": "toy"'), "damaged"),
        (lambda folder: (folder / "step.json").unlink(), "step.json is missing"),
    ],
)
def test_damage_is_seen_and_named(tmp_path: Path, spoil: object, said: str) -> None:
    folder = make_step(tmp_path, {"rows": 3})
    spoil(folder)  # type: ignore[operator]
    assert said in (damage(folder) or "")


def test_a_record_that_was_changed_does_not_pass_for_another_step(tmp_path: Path) -> None:
    folder = make_step(tmp_path, {"rows": 3})
    text = (folder / "step.json").read_text()
    (folder / "step.json").write_text(text.replace('"rows": 3', '"rows": 4'))
    with pytest.raises(RunError, match="describes toy-"):
        read_step(folder)


def test_fingerprints_leave_out_times_and_logs(tmp_path: Path) -> None:
    make_step(tmp_path, {"rows": 3})
    write_text(tmp_path / "run.json", "{}")
    before = fingerprint(tmp_path)
    write_text(tmp_path / "log.txt", "anything")
    make_step(tmp_path, {"rows": 3})
    assert fingerprint(tmp_path) == before
    make_step(tmp_path, {"rows": 4})
    assert fingerprint(tmp_path) != before


def _hold(folder: Path, ready: object, done: object) -> None:
    with locked(folder):
        ready.set()  # type: ignore[attr-defined]
        done.wait(30)  # type: ignore[attr-defined]


def test_a_second_process_on_the_same_run_refuses_and_names_the_first(tmp_path: Path) -> None:
    spawn = multiprocessing.get_context("spawn")
    ready, done = spawn.Event(), spawn.Event()
    other = spawn.Process(target=_hold, args=(tmp_path, ready, done))
    other.start()
    assert ready.wait(120)
    with pytest.raises(RunError, match=f"in use by process {other.pid}"), locked(tmp_path):
        pass
    done.set()
    other.join(30)
    with locked(tmp_path):
        assert f"process {os.getpid()}" in (tmp_path / ".lock").read_text()
    assert (tmp_path / ".lock").read_text() == ""


def test_a_killed_holder_leaves_no_lock_behind(tmp_path: Path) -> None:
    spawn = multiprocessing.get_context("spawn")
    ready, done = spawn.Event(), spawn.Event()
    other = spawn.Process(target=_hold, args=(tmp_path, ready, done))
    other.start()
    assert ready.wait(120)
    other.kill()
    other.join(30)
    with locked(tmp_path):
        pass


def test_leftovers_of_a_killed_process_are_swept_away(tmp_path: Path) -> None:
    (tmp_path / "results.parquet.part").write_text("half")
    sweep(tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_a_file_written_aside_is_whole_or_not_there(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError), aside(tmp_path / "a.txt") as part:
        part.with_name("absent").rename(part)
    assert not (tmp_path / "a.txt").exists()
    with folder_aside(tmp_path / "folder") as part:
        (part / "b.txt").write_text("whole")
    assert (tmp_path / "folder" / "b.txt").read_text() == "whole"


def test_samples_by_lowest_key_are_nested_and_do_not_depend_on_order() -> None:
    ids = [f"row{n}" for n in range(50)]
    keys = dict(zip(ids, order_keys(3, ids), strict=True))
    again = dict(zip(ids[::-1], order_keys(3, ids[::-1]), strict=True))
    assert keys == again
    assert rng_of(1, "a").integers(1 << 60) == rng_of(1, "a").integers(1 << 60)
    assert rng_of(1, "a").integers(1 << 60) != rng_of(2, "a").integers(1 << 60)


def test_errors_survive_the_border_between_processes() -> None:
    assert str(ForkingPickler.loads(ForkingPickler.dumps(RunError("a sentence")))) == "a sentence"
    assert "pip install" in str(ForkingPickler.loads(ForkingPickler.dumps(MissingExtra("torch", "train"))))


def test_provenance_names_versions_without_importing_them() -> None:
    found = provenance()
    assert found["packages"]["numpy"]
    assert found["cpus"] >= 1


def test_a_line_of_progress_without_a_total_makes_no_promise() -> None:
    assert progress_line("reading", 10, None, 2.0) == "reading: 10, 2 s"
