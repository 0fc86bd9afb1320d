"""Files that are either whole or not there: written aside, flushed to disk, then renamed.

What has taken its name is published: it goes to the address that its folder mirrors, if there is one
(`core.mirror`).
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import uuid
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from cotmill.core import mirror
from cotmill.core.errors import DamagedError
from cotmill.core.processes import alive, machine

PART = ".part"
DIGEST = "sha256"
"""The entry of a JSON object that holds the hash of all others."""
LONE = "backslashreplace"
"""How half a character is written, as it is in names of files that are not UTF-8; JSON reads it back."""
AGAIN = "remove it and run what made it again"


@contextmanager
def aside(path: Path, *, shared: bool = False) -> Iterator[Path]:
    """Yield a path to write a file to; it takes its real name only when the block ends well.

    With `shared`, several processes may make the same file at once: each has a path of its own.
    """
    path = _behind_links(path)
    part = path.with_name(path.name + (_mark() if shared else "") + PART)
    path.parent.mkdir(parents=True, exist_ok=True)
    try:
        yield part
        flush(part)
        part.replace(path)
    except BaseException:
        # On a full disk the half of a file is what is in the way.
        part.unlink(missing_ok=True)
        raise
    flush(path.parent)
    mirror.published(path)


@contextmanager
def folder_aside(path: Path, *, shared: bool = False) -> Iterator[Path]:
    """Yield an empty folder to fill; it takes its real name only when the block ends well.

    What a killed process left under the aside name is removed first. With `shared`, several processes may
    make the same folder at once: each has an aside name of its own.
    """
    path = _behind_links(path)
    part = path.with_name(path.name + (_mark() if shared else "") + PART)
    if part.exists():
        shutil.rmtree(part)
    part.mkdir(parents=True)
    try:
        yield part
    except BaseException:
        # Whatever ended the block, a signal too: what is half made goes, and the reason is passed on.
        shutil.rmtree(part, ignore_errors=True)
        raise
    for entry in sorted(part.rglob("*")):
        flush(entry)
    try:
        if path.exists():
            shutil.rmtree(path)
        part.replace(path)
    except OSError:
        shutil.rmtree(part, ignore_errors=True)
        raise
    flush(path.parent)
    mirror.published(path)


def _behind_links(path: Path) -> Path:
    """Follow a link to what it stands for, so that it is not replaced itself; give `.` its name."""
    return path.resolve() if path.is_symlink() or not path.name else path


def _mark() -> str:
    """Make a name of one's own that tells who writes: the machine and the process."""
    return f".{machine()}-{os.getpid()}-{uuid.uuid4().hex[:12]}"


def sweep_parts(folder: Path) -> None:
    """Remove what processes of this machine that are no more left unfinished under names of their own."""
    for part in sorted(folder.rglob(f"*{PART}")):
        where, _, rest = part.name.removesuffix(PART).rpartition(".")[2].partition("-")
        pid = rest.partition("-")[0]
        if where == machine() and pid.isdigit() and not alive(int(pid)):
            shutil.rmtree(part) if part.is_dir() else part.unlink(missing_ok=True)


def remove(path: Path) -> None:
    """Remove a file or a folder, if it is there; where it is mirrored at an address, there too."""
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)
    mirror.removed(path)


def flush(path: Path) -> None:
    """Ask the kernel to put a file or a folder's entries on disk."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def write_text(path: Path, text: str) -> None:
    """Write text, whole or not at all."""
    with aside(path) as part:
        part.write_text(text, encoding="utf-8", errors=LONE)


def canonical_json(value: Any) -> str:
    """Serialise to one form per value: sorted keys, no spaces, no NaN."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False)


def write_once(path: Path, value: Mapping[str, Any]) -> Any:
    """Write a JSON object with its hash unless it is there; return what is. Of several, one writes."""
    if not path.is_file():
        path.parent.mkdir(parents=True, exist_ok=True)
        own = path.with_name(f"{path.name}{_mark()}{PART}")
        own.write_text(_indented({**value, DIGEST: _digest(value)}), encoding="utf-8", errors=LONE)
        flush(own)
        with suppress(FileExistsError):
            os.link(own, path)
        own.unlink()
        mirror.published(path)
    return read_json(path)


def _indented(value: Any) -> str:
    return json.dumps(value, sort_keys=True, indent=2, ensure_ascii=False, allow_nan=False) + "\n"


def write_json(path: Path, value: Any) -> None:
    """Write JSON for people: sorted, indented, whole or not at all."""
    write_text(path, _indented(value))


def write_checked_json(path: Path, value: Mapping[str, Any]) -> None:
    """Write a JSON object that carries the hash of its entries; `read_json` compares it."""
    write_json(path, {**value, DIGEST: _digest(value)})


def read_json(path: Path) -> Any:
    """Read a JSON file; a hash that it carries is compared and left out.

    Raises:
        DamagedError: it is not JSON, or not what was written.
    """
    try:
        value = json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise DamagedError(f"{path} is damaged: it is not JSON ({error}); {AGAIN}") from error
    if isinstance(value, dict) and isinstance(value.get(DIGEST), str):
        told = value.pop(DIGEST)
        if told != _digest(value):
            raise DamagedError(f"{path} is damaged: its content is not what was written; {AGAIN}")
    return value


def _digest(value: Mapping[str, Any]) -> str:
    """Hash what JSON will give back of a value."""
    text = canonical_json(json.loads(canonical_json(value)))
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()


def sha256_of(path: Path) -> str:
    """Hash a file's content without reading it whole."""
    with path.open("rb") as handle:
        return hashlib.file_digest(handle, "sha256").hexdigest()
