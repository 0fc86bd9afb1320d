"""Folders whose truth lies at an address: what is finished here goes there at once, so a kill loses nothing.

A verb that is given an address works in a scratch folder of this process. What lies at the address is
fetched first; every file is sent as soon as it has taken its name (`core.files`), in the order in which
that happened. So what lies at the address is at any time what a folder would hold if the process were
killed there, and every verb can go on from that: the same command does, on any machine.

A folder that takes its name whole carries a mark (`stores.ARRIVING`) until the last of its files is there. A
file that grows is sent now and then, and before anything that is finished after it. Names that begin with
a dot or end in `.part` stay here. Workers learn of mirrors by their environment (`execute.away`).
"""

from __future__ import annotations

import json
import os
import shutil
import threading
import time
import uuid
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from functools import cached_property
from pathlib import Path

from cotmill.core.errors import RunError
from cotmill.core.stores import PART, Store

VARIABLE = "COTMILL_MIRRORS"
"""JSON: folder → address of the mirrors that this process's workers must know."""
HOME = ".home"
"""Lies in the folder of a mirror on the machine of the process that opened it."""
PACE = 30.0
"""Seconds between two times that a growing file is sent."""


class Mirror:
    """A folder here and an address; names are relative to both."""

    def __init__(self, root: Path, address: str) -> None:
        """Open nothing yet."""
        self.root, self.address = root, address
        self._lost_to = ""
        self._known: dict[str, tuple[int, int]] = {}
        """State of the file here that the store has."""
        self._grown: dict[str, float] = {}
        self._sent: list[str] = []
        self._lock = threading.RLock()

    @cached_property
    def store(self) -> Store:
        """The store, opened when it is first needed."""
        return Store(self.address)

    def fetch(self, names: Iterable[str]) -> None:
        """Fetch what lies under some names and is not here."""
        for inside in (inside for name in names for inside in self.store.names(name) if not _own(inside)):
            self.take(inside)

    def take(self, name: str) -> None:
        """Fetch a file, unless it is here; the store has it."""
        path = self.root / name
        if not path.exists():
            path.parent.mkdir(parents=True, exist_ok=True)
            self.store.get(name, path)
        self._known[name] = _state(path)

    def bring(self, name: str) -> None:
        """Fetch a file or a folder that takes its name here when it is whole; others may do so at once."""
        aside = self.root / f".{uuid.uuid4().hex}"
        for inside in self.store.names(name):
            path = aside / inside
            path.parent.mkdir(parents=True, exist_ok=True)
            self.store.get(inside, path)
        if (aside / name).exists():
            (self.root / name).parent.mkdir(parents=True, exist_ok=True)
            with suppress(OSError):  # another process was faster
                (aside / name).replace(self.root / name)
        shutil.rmtree(aside, ignore_errors=True)

    def put(self, name: str) -> None:
        """Send a file or a folder that has taken its name, after what has grown before."""
        with self._lock:
            self._send_grown()
            if (self.root / name).is_dir():
                with self.store.arriving(name):
                    for inside in self._files(name):
                        self._send(inside)
            else:
                self._send(name)

    def move(self, name: str, to: str) -> None:
        """Give a folder another name, which it has here already, without sending again what is there."""
        with self._lock:
            self._send_grown()
            with self.store.arriving(to):
                for inside in self._files(to):
                    old = name + inside.removeprefix(to)
                    state = _state(self.root / inside)
                    if self._known.get(old) == state and self.store.copy(old, inside):
                        self._known[inside] = state
                    else:
                        self._send(inside)
            self.remove(name)

    def grow(self, name: str) -> None:
        """Note that a file has grown, and send it when it is time."""
        with self._lock:
            sent = self._grown.setdefault(name, time.monotonic())
            if time.monotonic() - sent > PACE:
                self._send_grown()

    def remove(self, name: str) -> None:
        """Remove what is no more here."""
        with self._lock:
            self.store.remove(name)
            for known in [known for known in self._known if f"{known}/".startswith(f"{name}/")]:
                del self._known[known]

    def settle(self, names: Iterable[str] = (".",)) -> None:
        """Send what is here and not there yet, in the order in which it was written; drop what is gone."""
        with self._lock:
            for inside in (inside for name in names for inside in self._files(name)):
                if self._known.get(inside) != _state(self.root / inside):
                    self._send(inside)
            self._drop_gone()

    def lose(self, who: str) -> None:
        """Send nothing more: somebody else writes there now."""
        self._lost_to = who

    def sent(self) -> list[str]:
        """Name what was sent since this was last asked and is still here; what is not goes there too."""
        with self._lock:
            found, self._sent = dict.fromkeys(self._sent), []
            self._drop_gone()
        return [name for name in found if name in self._known]

    def _send_grown(self) -> None:
        for name in [name for name in self._grown if (self.root / name).is_file()]:
            self._send(name)
        self._grown.clear()

    def _send(self, name: str) -> None:
        if self._lost_to:
            raise RunError(f"{self.address}/{name} was taken over by {self._lost_to}; this process leaves it")
        state = _state(self.root / name)
        self.store.put(self.root / name, name)
        self._known[name] = state
        self._sent.append(name)

    def _files(self, name: str) -> list[str]:
        """List the files under a name that are to be sent, the oldest first."""
        top = self.root / name
        found = [path for path in (top.rglob("*") if top.is_dir() else [top]) if path.is_file()]
        names = [path.relative_to(self.root).as_posix() for path in found]
        aged = sorted((_state(self.root / one)[1], one) for one in names if not _own(one))
        return [one for _, one in aged]

    def _drop_gone(self) -> None:
        for name in [name for name in self._known if not (self.root / name).exists()]:
            if name in self._known:  # it may have gone with the folder of another
                self.remove(self._gone(name))

    def _gone(self, name: str) -> str:
        """Name the largest folder that went with a file."""
        gone = Path(name)
        while gone.parent != Path() and not (self.root / gone.parent).exists():
            gone = gone.parent
        return gone.as_posix()


def _state(path: Path) -> tuple[int, int]:
    stat = path.stat()
    return stat.st_size, stat.st_mtime_ns


def _own(name: str) -> bool:
    """Say whether a name is of what stays here: locks, and what is not finished."""
    return any(part.startswith(".") or part.endswith(PART) for part in Path(name).parts)


_OPEN: dict[Path, Mirror] = {}
"""The mirrors of this process by their folders."""


@contextmanager
def opened(mirror: Mirror, names: Iterable[str]) -> Iterator[None]:
    """Fetch some names; in the block what is finished goes to the address; at its end, what is left does too.

    Raises:
        DataError: the store cannot be read or written.
    """
    mirror.root.mkdir(parents=True)
    (mirror.root / HOME).touch()
    mirror.fetch(names)
    _OPEN[mirror.root] = mirror
    _tell_workers()
    try:
        yield
    finally:
        del _OPEN[mirror.root]
        _tell_workers()
        mirror.settle()


def _tell_workers() -> None:
    told = {str(root): mirror.address for root, mirror in _OPEN.items()}
    os.environ[VARIABLE] = json.dumps(told)
    if not told:
        del os.environ[VARIABLE]


def mirrors() -> Mapping[Path, Mirror]:
    """Give the mirrors of this process; a worker has those of who started it."""
    if not _OPEN and VARIABLE in os.environ:
        for root, address in json.loads(os.environ[VARIABLE]).items():
            _OPEN[Path(root)] = Mirror(Path(root), address)
    return _OPEN


def _of(path: Path) -> tuple[Mirror, str] | None:
    """Find the mirror that a path is in, and its name there; None for what stays here."""
    for root, mirror in mirrors().items():
        if path.absolute().is_relative_to(root):
            name = path.absolute().relative_to(root).as_posix()
            return None if _own(name) else (mirror, name)
    return None


def published(path: Path) -> None:
    """Send a file or a folder that has taken its name; nothing where no mirror is."""
    if found := _of(path):
        found[0].put(found[1])


def moved(path: Path, to: Path) -> None:
    """Give a folder that was sent as it grew its final name, which it has here already."""
    old, new = _of(path), _of(to)
    if old and new:
        new[0].move(old[1], new[1])


def removed(path: Path) -> None:
    """Remove at the address what was removed here."""
    if found := _of(path):
        found[0].remove(found[1])


def grown(path: Path) -> None:
    """Note that a file has grown."""
    if found := _of(path):
        found[0].grow(found[1])


def settled(path: Path) -> None:
    """Send what is in a folder and was not sent when it was written."""
    if found := _of(path):
        found[0].settle([found[1]])


def needed(path: Path) -> None:
    """Fetch a folder that another process has made, if it is not here."""
    if not path.exists() and (found := _of(path)):
        found[0].bring(found[1])


def sent() -> list[str]:
    """Name the files that this process has sent since this was last asked."""
    return [str(root / name) for root, mirror in mirrors().items() for name in mirror.sent()]


def arrived(paths: Iterable[str]) -> None:
    """Fetch what another process says that it has sent; on one machine it is here already."""
    for path in map(Path, paths):
        if found := _of(path):
            found[0].take(found[1])
