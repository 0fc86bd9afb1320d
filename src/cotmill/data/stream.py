"""Bytes of a file in blocks of whole lines: bounded memory, whatever is in the file.

A line beyond `LONGEST_LINE` is skipped and reported. Gzip is recognised by its first bytes. A gzip file
that unpacks to far more than any text would is refused: it is there to fill memory or disk.
"""

from __future__ import annotations

import gzip
import tempfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO, NamedTuple

from cotmill.core.errors import DataError

LONGEST_LINE = 32 * 2**20
BLOCK = 4 * 2**20
"""About 7,000 GSM8K rows."""
BOMB_FREE = 64 * 2**20
"""Unpacked bytes before the ratio is looked at."""
BOMB_RATIO = 200
"""Text packs about 3 to 1, the most repetitive JSON seen 40 to 1; a bomb made of one byte 1,030 to 1."""

_GZIP = b"\x1f\x8b"
_BOM = b"\xef\xbb\xbf"
_OTHER = {
    b"\xff\xfe\x00\x00": "UTF-32 text; save it as UTF-8",
    b"\xff\xfe": "UTF-16 text; save it as UTF-8",
    b"\xfe\xff": "UTF-16 text; save it as UTF-8",
    b"\x28\xb5\x2f\xfd": "packed by zstd; unpack it first (zstd -d)",
    b"BZh": "packed by bzip2; unpack it first (bunzip2)",
    b"\xfd7zXZ": "packed by xz; unpack it first (unxz)",
    b"PK\x03\x04": "a zip archive; unpack it first and name the folder",
}


class Block(NamedTuple):
    """Whole lines: the number of the first (from 1), and the bytes with the newlines between them.

    A line that was too long comes as a block of its own: its first bytes, and its `skipped` length.
    """

    first: int
    data: bytes
    skipped: int = 0


class Source:
    """An open file that may be packed: `read` gives exactly as much as asked for, but at the end."""

    def __init__(self, path: Path, raw: BinaryIO) -> None:
        """Look at the first bytes to see whether the file is packed."""
        self.path, self._raw, self._out = path, raw, 0
        head = raw.read(8)
        raw.seek(0)
        for magic, what in _OTHER.items():
            if head.startswith(magic):
                raise DataError(f"{path} is {what}")
        self.packed = head.startswith(_GZIP)
        self._stream: BinaryIO = gzip.GzipFile(fileobj=raw) if self.packed else raw  # type: ignore[assignment]

    def read(self, size: int) -> bytes:
        """Read `size` bytes, or what is left.

        Raises:
            DataError: the gzip data is broken, or unpacks to more than text would.
        """
        pieces: list[bytes] = []
        wanted = size
        try:
            while wanted and (piece := self._stream.read(wanted)):
                pieces.append(piece)
                wanted -= len(piece)
        except (EOFError, zlib.error, gzip.BadGzipFile) as error:
            raise DataError(
                f"{self.path} is not whole: it ends after {self._out:,} unpacked bytes ({error}); "
                "fetch it again"
            ) from error
        self._out += size - wanted
        if self.packed and self._out > max(BOMB_FREE, BOMB_RATIO * self._raw.tell()):
            raise DataError(
                f"{self.path} unpacks to more than {BOMB_RATIO} times its size ({self._out:,} bytes so far); "
                "that is no text. If you trust it, unpack it yourself and name the unpacked file"
            )
        return b"".join(pieces)


@contextmanager
def opened(path: Path) -> Iterator[Source]:
    """Open a file for reading, packed or not."""
    try:
        with path.open("rb") as raw:
            yield Source(path, raw)
    except OSError as error:
        raise DataError(f"cannot read {path}: {error.strerror or error}") from error


@contextmanager
def unpacked(path: Path) -> Iterator[BinaryIO]:
    """Open a file whose format needs seeking; a packed one is unpacked to a temporary file first."""
    with opened(path) as source:
        if not source.packed:
            with path.open("rb") as handle:
                yield handle
            return
        with tempfile.TemporaryFile() as handle:
            while piece := source.read(BLOCK):
                handle.write(piece)
            handle.seek(0)
            yield handle


def head(path: Path, size: int = 65_536) -> bytes:
    """Return the first bytes of a file, unpacked, without a byte order mark."""
    with opened(path) as source:
        return source.read(size).removeprefix(_BOM)


def blocks(path: Path, *, block: int = BLOCK, longest: int = LONGEST_LINE) -> Iterator[Block]:
    """Yield the file's lines in blocks of about `block` bytes."""
    with opened(path) as source:
        rest, first = source.read(block).removeprefix(_BOM), 1
        while rest:
            end = rest.rfind(b"\n") + 1
            if end:
                yield Block(first, rest[:end])
                first += rest.count(b"\n", 0, end)
                rest = rest[end:]
            more = source.read(block)
            if not more:
                if rest:
                    yield Block(first, rest)
                return
            rest += more
            if len(rest) > longest and b"\n" not in rest:
                head, rest, length = _skip_line(source, rest)
                yield Block(first, head, skipped=length)
                first += 1


def _skip_line(source: Source, start: bytes) -> tuple[bytes, bytes, int]:
    """Read on to the end of a line that is too long; return its first bytes, what follows it, its length."""
    head, length = start[:4096], len(start)
    while more := source.read(BLOCK):
        at = more.find(b"\n")
        if at >= 0:
            return head, more[at + 1 :] or source.read(BLOCK), length + at
        length += len(more)
    return head, b"", length
