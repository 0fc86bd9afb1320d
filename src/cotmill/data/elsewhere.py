"""Data at an address that fsspec knows: `s3://bucket/pool`, `gs://…`, `hf://…`, `file:///…`, `memory://…`.

What is read from there is fetched into a scratch folder first, since formats are detected by looking twice;
what is written goes there whole, its manifest last, so that a pool whose writing was cut short is none. No
address is opened unless it is named. Keys come from where the store's own tools look for them.
"""

from __future__ import annotations

import re
from pathlib import Path, PurePosixPath
from typing import Any

from cotmill.core.errors import DataError, MissingExtra

ADDRESS = re.compile(r"[a-z][a-z0-9+.-]*://.+")


def is_address(name: str) -> bool:
    """Say whether this is an address and not a path.

    >>> is_address("s3://bucket/pool"), is_address("data/pool"), is_address("openai/gsm8k:main:train")
    (True, False, False)
    """
    return bool(ADDRESS.fullmatch(name))


def fetched(address: str, scratch: Path) -> Path:
    """Fetch a file or a folder, and return where it lies now.

    Raises:
        DataError: there is nothing, or it cannot be reached.
        MissingExtra: fsspec, or its part for this kind of store, is not installed.
    """
    store, place = _opened(address)
    target = scratch / (PurePosixPath(place).name or "data")
    try:
        if not store.exists(place):
            raise DataError(f"{address} does not exist")
        if store.isdir(place):
            for name in sorted(store.find(place)):
                inside = target / PurePosixPath(name).relative_to(PurePosixPath(place)).as_posix()
                inside.parent.mkdir(parents=True, exist_ok=True)
                store.get_file(name, str(inside))
        else:
            store.get_file(place, str(target))
    except (OSError, ValueError) as error:
        if isinstance(error, DataError):
            raise
        raise DataError(f"{address} cannot be read: {error}") from error
    return target


def put(folder: Path, address: str, *, last: str) -> None:
    """Write the files of a folder to an address; the one named `last` comes last, for it marks the whole.

    Raises:
        DataError: it cannot be written there.
    """
    store, place = _opened(address)
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    try:
        if store.exists(f"{place}/{last}"):
            store.rm_file(f"{place}/{last}")
        for path in sorted(files, key=lambda path: path.name == last):
            target = PurePosixPath(place, path.relative_to(folder).as_posix())
            store.makedirs(str(target.parent), exist_ok=True)
            store.put_file(str(path), str(target))
    except (OSError, ValueError) as error:
        raise DataError(f"{address} cannot be written: {error}") from error


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
