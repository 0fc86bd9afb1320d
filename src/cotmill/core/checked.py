"""Parquet files that carry the hash of themselves, so that damage is seen when they are read.

It is in the footer, under the key `cotmill.sha256`: the hash of the whole file with zeros in
the place of the hash. It stays ordinary Parquet for every other tool, and needs no second file that could be
lost. Files without one (of other tools, or of cotmill before it wrote them) are read as they are.

Large files are not hashed at every reading: their pages have checksums, which Arrow compares as it reads.
"""

from __future__ import annotations

import hashlib
import mmap
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import lru_cache
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from cotmill.core.errors import DamagedError
from cotmill.core.files import AGAIN, sha256_of

KEY = "cotmill.sha256"
BLANK = "0" * 64
MARK = b"\x18" + bytes([len(KEY)]) + KEY.encode() + b"\x18" + bytes([len(BLANK)])
"""Key and length of the value, as the footer's encoding (Thrift's compact protocol) writes two strings."""
LARGE = 2**28
"""Larger files are read with the checksums of their pages only: hashing them costs seconds."""


@contextmanager
def writing(path: Path, schema: pa.Schema, *, compression: str = "zstd") -> Iterator[pq.ParquetWriter]:
    """Write a Parquet file table by table; its hash is put into it at the end."""
    with pq.ParquetWriter(path, schema, compression=compression, write_page_checksum=True) as writer:
        yield writer
        writer.add_key_value_metadata({KEY: BLANK})
    _put_hash(path)


def write_table(table: pa.Table, path: Path, *, row_group_size: int | None = None) -> None:
    """Write a table as one Parquet file that carries its own hash."""
    with writing(path, table.schema) as writer:
        writer.write_table(table, row_group_size=row_group_size)


def read_table(
    path: Path, *, columns: Sequence[str] | None = None, schema: pa.Schema | None = None
) -> pa.Table:
    """Read a Parquet file, if it is what was written.

    Raises:
        DamagedError: it is not.
    """
    refuse_damage(path)
    with damaged(path):
        names = None if columns is None else list(columns)
        table = pq.read_table(path, columns=names, schema=schema, page_checksum_verification=True)
        table.validate(full=True)  # text that is not UTF-8 would fail only where it is used
        return table


def read_schema(path: Path) -> pa.Schema:
    """Read the columns of a Parquet file, and no more of it than its footer.

    Raises:
        DamagedError: it has none that can be read.
    """
    with damaged(path):
        return pq.read_schema(path)


@contextmanager
def opened(path: Path) -> Iterator[pq.ParquetFile]:
    """Open a Parquet file for streaming, if it is what was written.

    Raises:
        DamagedError: it is not.
    """
    refuse_damage(path)
    with damaged(path), pq.ParquetFile(path, page_checksum_verification=True) as parquet:
        yield parquet


def refuse_damage(path: Path) -> None:
    """Compare a Parquet file with the hash that it carries; once for every state of the file.

    Raises:
        DamagedError: they differ.
    """
    stat = path.stat()
    if stat.st_size < LARGE and not _as_written(path, stat.st_size, stat.st_mtime_ns, stat.st_ino):
        raise DamagedError(f"{path} is damaged: its content is not what was written; {AGAIN}")


@contextmanager
def damaged(path: Path) -> Iterator[None]:
    """Say of a file that Arrow cannot read which one it is."""
    try:
        yield
    except FileNotFoundError:
        raise
    except (OSError, pa.ArrowInvalid, pa.ArrowTypeError, pa.ArrowKeyError, UnicodeDecodeError) as error:
        if isinstance(error, OSError) and error.errno:
            raise  # the disk's fault, not the file's
        raise DamagedError(f"{path} is damaged: {error}; {AGAIN}") from error


@lru_cache(maxsize=65_536)
def _as_written(path: Path, size: int, changed: int, inode: int) -> bool:
    """Hash a file; what else is given tells one state of it from another."""
    del changed, inode
    if not size:
        return False
    with path.open("rb") as handle, mmap.mmap(handle.fileno(), 0, access=mmap.ACCESS_READ) as whole:
        place = _place(whole)
        return place is None or whole[place : place + len(BLANK)] == _hash(whole, place).encode()


def _put_hash(path: Path) -> None:
    """Put the hash of a file into the place that was left for it."""
    with path.open("r+b") as handle, mmap.mmap(handle.fileno(), 0) as whole:
        place = _place(whole)
        if place is None:
            raise DamagedError(f"{path} was damaged while it was written; run again")
        whole[place : place + len(BLANK)] = _hash(whole, place).encode()
        whole.flush()


def _place(whole: mmap.mmap) -> int | None:
    """Find the hash in the footer: metadata come after all that rows could have put there."""
    footer = len(whole) - 8 - int.from_bytes(whole[-8:-4], "little")
    place = whole.rfind(MARK, max(0, footer)) + len(MARK)
    return None if place < len(MARK) or place + len(BLANK) > len(whole) else place


def _hash(whole: mmap.mmap, place: int) -> str:
    """Hash all bytes but those of the hash."""
    digest = hashlib.sha256()
    view = memoryview(whole)
    try:
        digest.update(view[:place])
        digest.update(BLANK.encode())
        digest.update(view[place + len(BLANK) :])
    finally:
        view.release()
    return digest.hexdigest()


Sums = Mapping[str, Mapping[str, Any]]
"""Path inside a folder to sha256 and bytes."""


def sums_of(folder: Path, *, without: Collection[str] = ()) -> dict[str, dict[str, Any]]:
    """Hash the files of a folder, but for those of some names."""
    return {
        path.relative_to(folder).as_posix(): {"sha256": sha256_of(path), "bytes": path.stat().st_size}
        for path in sorted(folder.rglob("*"))
        if path.is_file() and path.name not in without
    }


def damage_of(folder: Path, sums: Sums, *, trusted: Callable[[Path], bool] = lambda _: False) -> str | None:
    """Compare files with their hashes: None when all are whole, else a sentence that names the first.

    A file that is `trusted` is compared by its size alone.
    """
    for name, expected in sums.items():
        path = folder / name
        if not path.is_file():
            return f"{path} is missing"
        if path.stat().st_size != expected["bytes"]:
            return f"{path} has {path.stat().st_size} bytes, {expected['bytes']} were written"
        if not trusted(path) and sha256_of(path) != expected["sha256"]:
            return f"{path} has changed since it was written"
    return None
