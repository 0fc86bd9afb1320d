"""Folders whose truth lies at an address: what arrives, in which order, and what a kill leaves."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

from cotmill.core import heartbeat, mirror
from cotmill.core.errors import DataError, RunError
from cotmill.core.files import aside, folder_aside, remove, write_text
from cotmill.core.heartbeat import held
from cotmill.core.processes import machine
from cotmill.core.runs import publish
from cotmill.core.stores import ARRIVING, Store

fsspec = pytest.importorskip("fsspec", reason="FSSPEC ABSENT: pip install 'cotmill[stores]'")
local = pytest.importorskip("fsspec.implementations.local")


class Failing(local.LocalFileSystem):
    """A store that breaks after some files have been put, or after some changes of any kind."""

    protocol = "failing"
    left = changes = 1000

    def put_file(self, *args: object, **told: object) -> None:
        Failing.left -= 1
        if Failing.left < 0:
            raise ConnectionResetError("the line is cut")
        super().put_file(*args, **told)

    def cp_file(self, *args: object, **told: object) -> None:
        self._count()
        super().cp_file(*args, **told)

    def mv(self, *args: object, **told: object) -> None:
        self._count()
        super().mv(*args, **told)

    def pipe_file(self, *args: object, **told: object) -> None:
        self._count()
        super().pipe_file(*args, **told)

    def rm(self, path: str | list[str], **told: object) -> None:
        for one in sorted(path, reverse=True) if isinstance(path, list) else [path]:
            self._count()
            super().rm(one, **told)

    def rm_file(self, path: str) -> None:
        self.rm(path)

    def _count(self) -> None:
        Failing.changes -= 1
        if Failing.changes < 0:
            raise ConnectionResetError("the line is cut")


fsspec.register_implementation("failing", Failing, clobber=True)


@pytest.fixture(params=["file", "memory"])
def address(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """Name an empty place in a store of files, and in one of objects."""
    yield f"file://{tmp_path}/store/above" if request.param == "file" else "memory://bucket/above"
    if request.param == "memory":
        fsspec.filesystem("memory").rm("/", recursive=True)


@contextmanager
def at(address: str, root: Path, *names: str) -> Iterator[Path]:
    """Open a mirror."""
    with mirror.opened(mirror.Mirror(root, address), names or ["out"]):
        yield root


def content(address: str) -> dict[str, str]:
    """Read what counts as whole at an address."""
    store = Store(address)
    return {name: (store.read(name) or b"").decode() for name in store.names("out")}


def test_what_takes_its_name_is_there_at_once_and_what_is_not_finished_is_not(
    address: str, tmp_path: Path
) -> None:
    with at(address, tmp_path / "one") as root:
        with aside(root / "out" / "a.txt") as part:
            part.write_text("a")
            write_text(root / "out" / "other.part" / "b.txt", "b")
            write_text(root / "out" / ".lock", "mine")
            assert content(address) == {}
        assert content(address) == {"out/a.txt": "a"}
        (root / "out" / "unnoticed.txt").write_text("c")
    assert content(address) == {"out/a.txt": "a", "out/unnoticed.txt": "c"}
    assert mirror.VARIABLE not in os.environ
    with at(address, tmp_path / "two") as root:
        assert (root / "out" / "a.txt").read_text() == "a"
        remove(root / "out" / "a.txt")
        assert content(address) == {"out/unnoticed.txt": "c"}
        (root / "out" / "unnoticed.txt").unlink()
    assert content(address) == {}


def test_a_folder_that_is_replaced_leaves_nothing_of_the_old_one(address: str, tmp_path: Path) -> None:
    with at(address, tmp_path / "one") as root:
        for names in (("a", "b"), ("b", "c")):
            with folder_aside(root / "out") as part:
                for name in names:
                    (part / name).write_text(" ".join(names))
        assert content(address) == {"out/b": "b c", "out/c": "b c"}


def test_a_step_that_was_sent_as_it_grew_only_takes_its_name(tmp_path: Path) -> None:
    address = f"failing://{tmp_path}/store"
    with at(address, tmp_path / "one") as root:
        write_text(root / "out" / "work" / "a" / "x.txt", "x")
        (root / "out" / "work" / "a" / "y.txt").write_text("y")
        Failing.left = 1
        publish(root / "out" / "work" / "a", root / "out" / "steps" / "a")
        Failing.left = 1000
        assert content(address) == {"out/steps/a/x.txt": "x", "out/steps/a/y.txt": "y"}


def test_wherever_the_line_is_cut_a_folder_is_there_whole_or_not_at_all(tmp_path: Path) -> None:
    """Replace a folder, and give a step its name, in a store that breaks after every number of changes."""

    def change(root: Path) -> None:
        with folder_aside(root / "out" / "folder") as part:
            for name in "bc":
                (part / name).write_text("new")
        write_text(root / "out" / "work" / "step" / "x", "x")
        write_text(root / "out" / "work" / "step" / "y", "y")
        publish(root / "out" / "work" / "step", root / "out" / "steps" / "step")

    ends = set()
    for changes in range(60):
        if (2, 2, 0) in ends:
            break
        address = f"failing://{tmp_path}/store-{changes}"
        with at(address, tmp_path / f"one-{changes}") as root, folder_aside(root / "out" / "folder") as part:
            for name in "ab":
                (part / name).write_text("old")
        Failing.changes = changes
        with suppress(DataError), at(address, tmp_path / f"two-{changes}") as root:
            change(root)
        Failing.changes = 1000
        found = content(address)
        folder = {name: text for name, text in found.items() if name.startswith("out/folder/")}
        step = {name: text for name, text in found.items() if name.startswith("out/steps/")}
        assert folder in (
            {},
            {"out/folder/a": "old", "out/folder/b": "old"},
            {"out/folder/b": "new", "out/folder/c": "new"},
        )
        assert step in ({}, {"out/steps/step/x": "x", "out/steps/step/y": "y"})
        begun = [name for name in found if name.startswith("out/work/")]
        assert step or begun in ([], ["out/work/step/x"], ["out/work/step/x", "out/work/step/y"])
        ends.add((len(folder), len(step), len(begun)))
    assert {(2, 0, 0), (0, 0, 0), (2, 0, 1), (2, 0, 2), (2, 2, 0)} <= ends


def test_names_that_lead_out_of_a_store_are_refused() -> None:
    memory = fsspec.filesystem("memory")
    memory.pipe_file("/bucket/above/out/evil", b"")
    memory.store["/bucket/above/out/../../evil"] = memory.store.pop("/bucket/above/out/evil")
    with pytest.raises(DataError, match="which would lead out of it"):
        Store("memory://bucket/above").names("out")
    memory.store.clear()


def test_what_has_grown_arrives_before_what_is_finished_after_it(address: str, tmp_path: Path) -> None:
    with at(address, tmp_path / "one") as root:
        (root / "out").mkdir()
        (root / "out" / "log").write_text("one\n")
        mirror.grown(root / "out" / "log")
        assert content(address) == {}
        write_text(root / "out" / "state", "after one")
        assert content(address) == {"out/log": "one\n", "out/state": "after one"}


def test_a_folder_that_was_cut_off_on_its_way_is_not_taken_for_whole(tmp_path: Path) -> None:
    address = f"failing://{tmp_path}/store"

    def make(root: Path) -> None:
        with folder_aside(root / "out" / "result") as part:
            for name in "abc":
                (part / name).write_text(name)

    Failing.left = 2
    said = r"out/result/c cannot be written: ConnectionResetError"
    with pytest.raises(DataError, match=said), at(address, tmp_path / "one") as root:
        make(root)
    assert (tmp_path / "store/out/result" / ARRIVING).exists()
    assert content(address) == {}
    Failing.left = 1000
    with at(address, tmp_path / "two") as root:
        assert not (root / "out").exists()
        make(root)
    assert content(address) == {f"out/result/{name}": name for name in "abc"}


def test_what_a_worker_elsewhere_has_made_is_fetched_when_it_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from cotmill.execute.away import _do

    address, elsewhere = f"file://{tmp_path}/store", tmp_path / "elsewhere"
    monkeypatch.setenv(mirror.VARIABLE, json.dumps({str(elsewhere): address}))
    result, files = _do(os.environ[mirror.VARIABLE], make_two, (elsewhere / "out",))
    assert result == "done"
    assert files == [str(elsewhere / "out" / "kept.txt")]
    assert not (elsewhere / "out" / "kept.txt").exists()
    mirror.arrived(files)
    assert (elsewhere / "out" / "kept.txt").read_text() == "kept"
    assert content(address) == {"out/kept.txt": "kept"}
    mirror._OPEN.clear()


def make_two(folder: Path) -> str:
    write_text(folder / "kept.txt", "kept")
    write_text(folder / "passing" / "gone.txt", "gone")
    (folder / "passing" / "gone.txt").unlink()
    (folder / "passing").rmdir()
    return "done"


def test_one_process_at_a_time_holds_an_address(address: str, monkeypatch: pytest.MonkeyPatch) -> None:
    store, lost = Store(address), []
    mark = ".out.holder"

    def hold() -> None:
        with held(store, "out", lost=lost.append):
            pass

    used = f"out is in use by process {os.getpid()} on"
    with held(store, "out", lost=lost.append), pytest.raises(RunError, match=used):
        hold()
    assert store.read(mark) is None
    monkeypatch.setattr(heartbeat, "PATIENCE", 0.05)
    for gone in ({"machine": machine(), "process": 2**22 + 1}, {"machine": "another", "process": 1}):
        store.write(mark, json.dumps(gone).encode())
        hold()
    assert not lost


def test_a_holder_elsewhere_that_gives_a_sign_of_life_is_believed(
    address: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(heartbeat, "PATIENCE", 5.0)
    monkeypatch.setattr(heartbeat, "BEAT", 0.02)
    monkeypatch.setattr(heartbeat, "machine", lambda: "the other")
    store, lost = Store(address), []
    with held(store, "out", lost=lost.append):
        monkeypatch.undo()
        monkeypatch.setattr(heartbeat, "PATIENCE", 5.0)
        with pytest.raises(RunError, match="is in use by process"), held(store, "out", lost=lost.append):
            pass


def test_a_process_whose_address_was_taken_over_writes_no_more(tmp_path: Path) -> None:
    held_by = mirror.Mirror(tmp_path / "one", f"file://{tmp_path}/store")
    held_by.lose("process 7 on there")
    said = "was taken over by process 7 on there"
    with pytest.raises(RunError, match=said), mirror.opened(held_by, ["out"]):
        write_text(tmp_path / "one" / "out", "too late")
    assert content(held_by.address) == {}
