"""Verbs that are given addresses: the same bytes as in a folder, and a kill anywhere loses nothing."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from cotmill.cli import main
from cotmill.core import mirror
from cotmill.core.files import sha256_of
from cotmill.core.runs import fingerprint, locked
from cotmill.execute.away import with_mirrors
from cotmill.execute.local import Workers
from cotmill.execute.team import Team
from cotmill.recipe.runner import Runner
from cotmill.recipe.watch import Silent

sys.path.insert(0, str(Path(__file__).parents[1] / "recipe"))
import toys

from cotmill.cli.terminal.mirroring import Places, named

pytest.importorskip("fsspec", reason="FSSPEC ABSENT: pip install 'cotmill[stores]'")


def rows(path: Path, count: int) -> Path:
    lines = (
        {"question": f"Ann has {n} pens. Twice?", "answer": f"<<{n}+{n}={2 * n}>>{2 * n}\n#### {2 * n}"}
        for n in range(count)
    )
    path.write_text("".join(json.dumps(line) + "\n" for line in lines), encoding="utf-8")
    return path


def said(*words: object) -> str:
    """Call a verb that goes well, and give what it says in one line."""
    done = CliRunner().invoke(main.app, [str(word) for word in words])
    assert done.exit_code == 0, done.output
    return " ".join(done.output.split())


def files(folder: Path) -> dict[str, str]:
    """Hash what lies in a folder, but for locks."""
    found = [path for path in folder.rglob("*") if path.is_file() and not path.name.startswith(".")]
    return {path.relative_to(folder).as_posix(): sha256_of(path) for path in found}


@pytest.fixture
def small_shards(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("cotmill.verify.stream.SHARD_ROWS", 40)


@pytest.mark.usefixtures("small_shards")
def test_after_kills_another_machine_goes_on_and_the_bytes_are_those_of_a_folder(tmp_path: Path) -> None:
    data, place = rows(tmp_path / "rows.jsonl", 400), tmp_path / "store" / "verdicts"
    told = ["verify", data, "--out", f"file://{place}"]
    script = Path(__file__).with_name("killed_at_put.py")
    subprocess.run(
        [sys.executable, script, tmp_path, "0,1,3,4", *map(str, told)],
        check=True,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    arrived = {path: path.stat().st_mtime_ns for path in place.glob("shards/*.parquet")}
    assert 3 <= len(arrived) < 9
    assert (place.parent / ".verdicts.holder").exists()
    assert f"more in file://{place}/summary.json" in said(*told, "--workers", 2)
    assert {path: path.stat().st_mtime_ns for path in arrived} == arrived  # not one of them was sent again
    assert [path.name for path in place.parent.iterdir()] == ["verdicts"]  # no lock, no mark of a holder
    assert "400 are verified already" in said(*told)
    said(*told[:-1], tmp_path / "plain")
    assert files(place) == files(tmp_path / "plain")


class NoCommonDisk(Workers):
    """One worker that never sees the scratch folder of who gives it a task, nor is its own seen."""

    def submit(self, key: str, function: Any, *args: Any) -> None:
        self.root = next(iter(mirror.mirrors()))
        self.root.rename(self.root.with_name("first"))
        if self.root.with_name("worker").exists():
            self.root.with_name("worker").rename(self.root)
        super().submit(key, function, *args)

    def finished(self) -> Iterator[tuple[str, Any]]:
        for ended in super().finished():
            assert not (self.root / mirror.HOME).exists()
            self.root.rename(self.root.with_name("worker"))
            self.root.with_name("first").rename(self.root)
            yield ended


class Far(Runner):
    """Makes steps by such a worker."""

    def _team(self, steps: int, environment: Mapping[str, str]) -> Team:
        del steps
        return with_mirrors(NoCommonDisk(1, environment=environment))


def test_a_run_at_an_address_whose_worker_has_no_disk_in_common_is_the_run_in_a_folder(
    tmp_path: Path,
) -> None:
    def make(folder: Path, runner: Runner) -> None:
        with locked(folder):
            assert not runner.make(toys.diamond(width=2))
            (folder / "run.json").write_text("{}", encoding="utf-8")

    make(tmp_path / "plain", toys.runner(tmp_path / "plain", 1)[0])
    address = f"file://{tmp_path}/store/run"
    for _ in range(2):  # the second time there is nothing left to do
        places = Places(["--out", address])
        out = places.of({"out": Path(address)})["out"]
        with places.opened(alone=True):
            make(out, Far(out, toys.KINDS, 1, 1, Silent()))
        assert not out.parent.parent.exists()
        assert named(f"a step in file://{out}/steps") == f"a step in {address}/steps"
        assert fingerprint(tmp_path / "store" / "run") == fingerprint(tmp_path / "plain")


def test_what_a_verb_reads_may_lie_at_an_address_too(tmp_path: Path) -> None:
    data, store = rows(tmp_path / "rows.jsonl", 50), f"file://{tmp_path}/store"
    for place in (store, tmp_path / "plain"):
        told = ["--data", data, "--seed", 1, "--budget"]
        said("select", "random", *told, "10%", "--out", f"{place}/old")
        more = ["--update", f"{place}/old", "--out", f"{place}/new"]
        assert f"to {place}/new" in said("select", "random", *told, "20%", *more)
    assert files(tmp_path / "store") == files(tmp_path / "plain")
    assert "in both: 5 of 50" in said("compare", f"{store}/old", f"{store}/new")


def test_a_store_that_cannot_be_written_is_told_before_the_work_begins(tmp_path: Path) -> None:
    data = rows(tmp_path / "rows.jsonl", 5)
    (tmp_path / "file").touch()
    done = CliRunner().invoke(main.app, ["verify", str(data), "--out", f"file://{tmp_path}/file/out"])
    assert done.exit_code == 2
    assert "cannot be" in done.output
    assert "Traceback" not in done.output
    assert "traces" not in done.output
    done = CliRunner().invoke(main.app, ["verify", str(data), "--out", "s3://bucket"])
    assert done.exit_code == 2
    assert "name something in it, for example s3://bucket/results" in done.output
    done = CliRunner().invoke(main.app, ["verify", str(data), "--out", "nosuch://bucket/out"])
    assert done.exit_code == 2
    assert "nosuch://bucket is no address that fsspec knows" in done.output
