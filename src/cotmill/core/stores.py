"""Places at an address that fsspec knows: `s3://bucket/pool`, `gs://…`, `hf://…`, `file:///…`, `memory://…`.

Every file gets its name there when it is whole: stores of objects do that themselves, in all others it is
written aside and renamed. No address is opened unless it is named. Keys come from where the store's own
tools look for them. Each kind of store has exceptions of its own; all of them leave here as a DataError.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path, PurePosixPath
from typing import Any

from cotmill.core.errors import DataError, MissingExtra
from cotmill.core.secrets import hide

ADDRESS = re.compile(r"[a-z][a-z0-9+.-]*://.+")
WHOLE = frozenset(
    ("s3", "s3a", "gs", "gcs", "abfs", "abfss", "az", "adl", "oci", "oss", "obs", "hf", "memory")
)
"""Protocols whose objects are there whole or not at all."""
PART = ".part"
ARRIVING = ".arriving"
"""Lies in a folder as long as its files are on their way; nobody takes such a folder for whole."""


def is_address(name: str) -> bool:
    """Say whether this is an address and not a path.

    >>> is_address("s3://bucket/pool"), is_address("data/pool"), is_address("openai/gsm8k:main:train")
    (True, False, False)
    """
    return bool(ADDRESS.fullmatch(name))


def split(address: str) -> tuple[str, str]:
    """Cut an address into the one above it and a name.

    >>> split("s3://bucket/runs/one/")
    ('s3://bucket/runs', 'one')

    Raises:
        DataError: there is nothing above it.
    """
    above, _, name = address.rstrip("/").rpartition("/")
    if not is_address(above) or name in ("", ".", ".."):
        raise DataError(f"{address} is a whole store; name something in it, for example {address}/results")
    return above, name


class Store:
    """What lies below one address; names are relative to it."""

    def __init__(self, address: str) -> None:
        """Open the store.

        Raises:
            DataError: fsspec does not know such an address.
            MissingExtra: fsspec is not installed.
        """
        self.address = address.rstrip("/")
        self._store, self._place = _opened(self.address)
        told = self._store.protocol
        self._whole = not WHOLE.isdisjoint([told] if isinstance(told, str) else told)

    def names(self, name: str) -> list[str]:
        """List the files that lie whole under a name; of a name that is a file itself, that.

        Raises:
            DataError: the store cannot be read.
        """
        with self._said(name, "read"):
            self._store.invalidate_cache()
            place = self._at(name)
            there = self._store.exists(place)
            found = self._store.find(place) if there and self._store.isdir(place) else [place] * there
        above = PurePosixPath(self._place)
        files = [PurePosixPath(file).relative_to(above) for file in sorted(found)]
        if any(".." in file.parts for file in files):
            raise DataError(f"{self.address}/{name} holds names with '..', which would lead out of it")
        cut = {file.parent for file in files if file.name == ARRIVING}
        return [str(file) for file in files if not file.name.endswith(PART) and cut.isdisjoint(file.parents)]

    def get(self, name: str, path: Path) -> None:
        """Fetch a file.

        Raises:
            DataError: it is not there, or the store cannot be read.
        """
        with self._said(name, "read"):
            self._store.get_file(self._at(name), str(path))

    def read(self, name: str) -> bytes | None:
        """Read a small file; None where there is none.

        Raises:
            DataError: the store cannot be read.
        """
        with self._said(name, "read"):
            try:
                return bytes(self._store.cat_file(self._at(name)))
            except FileNotFoundError:
                return None

    def put(self, path: Path, name: str) -> None:
        """Put a file there, whole or not at all.

        Raises:
            DataError: the store cannot be written.
        """
        with self._said(name, "written"):
            target = self._folder_of(name)
            part = target if self._whole else target + PART
            self._store.put_file(str(path), part)
            if part != target:
                self._store.mv(part, target)

    def write(self, name: str, content: bytes) -> None:
        """Write a small file.

        Raises:
            DataError: the store cannot be written.
        """
        with self._said(name, "written"):
            self._store.pipe_file(self._folder_of(name), content)

    def copy(self, name: str, to: str) -> bool:
        """Copy a file without sending it again; False where this store cannot.

        Raises:
            DataError: the store cannot be written.
        """
        with self._said(to, "written"):
            target = self._folder_of(to)
            try:
                self._store.cp_file(self._at(name), target)
            except (FileNotFoundError, NotImplementedError):
                return False
        return True

    def remove(self, name: str) -> None:
        """Remove a file, or a folder with all that is in it, if it is there.

        Raises:
            DataError: the store cannot be written.
        """
        with self._said(name, "removed"):
            self._store.invalidate_cache()
            place = self._at(name)
            if self._store.isdir(place):
                self._empty(place)
            elif not self._store.exists(place):
                return
            self._store.rm(place, recursive=True)

    @contextmanager
    def arriving(self, name: str) -> Iterator[None]:
        """Put a folder there in the block: what was there goes first, and it counts as whole at the end."""
        with self._said(name, "written"):
            self._store.invalidate_cache()
            self._empty(self._at(name))
        yield
        with self._said(name, "written"):
            self._store.rm_file(self._at(f"{name}/{ARRIVING}"))

    def _empty(self, place: str) -> None:
        """Leave a folder with nothing but the mark, which is there before anything goes."""
        mark = f"{place}/{ARRIVING}"
        old = [file for file in self._store.find(place) if file != mark] if self._store.isdir(place) else []
        self._store.makedirs(place, exist_ok=True)
        self._store.pipe_file(mark, b"")
        if old:
            self._store.rm(old)

    def _at(self, name: str) -> str:
        return self._place if name == "." else f"{self._place}/{name}"

    def _folder_of(self, name: str) -> str:
        """Make sure of the folder of a file, and return the file's place."""
        target = self._at(name)
        self._store.makedirs(str(PurePosixPath(target).parent), exist_ok=True)
        return target

    @contextmanager
    def _said(self, name: str, what: str) -> Iterator[None]:
        """Turn the exceptions of a store into one sentence."""
        try:
            yield
        except DataError:
            raise
        except Exception as error:
            # Every kind of store raises classes of its own; none of them may reach the user as a traceback.
            told = hide(f"{self.address}/{name} cannot be {what}: {type(error).__name__}: {error}")
            raise DataError(told) from error


def fetched(address: str, scratch: Path) -> Path:
    """Fetch a file or a folder, and return where it lies now.

    Raises:
        DataError: there is nothing, or it cannot be reached.
        MissingExtra: fsspec, or its part for this kind of store, is not installed.
    """
    store = Store(address)
    names = store.names(".")
    if not names:
        raise DataError(f"{address} does not exist")
    target = scratch / (PurePosixPath(store.address).name or "data")
    for name in names:
        inside = target / name
        inside.parent.mkdir(parents=True, exist_ok=True)
        store.get(name, inside)
    return target


def put(folder: Path, address: str, *, last: str) -> None:
    """Write the files of a folder to an address; the one named `last` comes last, for it marks the whole.

    Raises:
        DataError: it cannot be written there.
    """
    store = Store(address)
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    store.remove(last)
    for path in sorted(files, key=lambda path: path.name == last):
        store.put(path, path.relative_to(folder).as_posix())


def _opened(address: str) -> tuple[Any, str]:
    """Open the store of an address."""
    try:
        import fsspec
    except ModuleNotFoundError as error:
        raise MissingExtra("fsspec", "stores") from error
    try:
        store, place = fsspec.core.url_to_fs(address)
    except ImportError as error:
        raise DataError(f"{address}: {error}") from error
    except ValueError as error:
        raise DataError(f"{address} is no address that fsspec knows: {error}") from error
    return store, str(place).rstrip("/")
