"""One process at a time writes to one output: the second is refused, and told who holds it.

A lock lies beside the output as `.NAME.lock` and goes with its holder. It is the kernel's, so that a
killed process leaves none behind, whatever becomes of the file. Run folders have a lock of their own
(`core.runs.locked`), since their workers hold them too.
"""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from cotmill.core.errors import RunError


@contextmanager
def holding(out: Path) -> Iterator[None]:
    """Hold what will be written at `out` for this process.

    Raises:
        RunError: another living process writes there, or nobody can.
    """
    out = out.resolve()
    if not out.name:
        raise RunError(f"{out} cannot be an output; name a folder or file in it")
    missing = [place for place in out.parents if not place.exists()]
    path = out.with_name(f".{out.name}.lock")
    handle = _taken(path, out)
    try:
        yield
    finally:
        # Only the holder removes the file, and while it holds it: see `_taken` for who waits at the door.
        with suppress(OSError):
            path.unlink()
        os.close(handle)
        for place in missing:
            with suppress(OSError):
                place.rmdir()


INPUTS = (
    "data", "evidence", "queries", "what", "selection", "held_out", "benchmark", "against", "items", "update",
)  # fmt: skip
"""Options and arguments of verbs that name what is read."""
POOL = "pool.json"
"""A folder that holds it is a Pool, of which no other files are read."""


def refuse_inputs(out: Path, told: Mapping[str, Any]) -> None:
    """Refuse to write over what is read, or among files that would be read along the next time.

    Raises:
        RunError: the output is an input, or lies in a folder of data.
    """
    given = [told.get(name) for name in INPUTS]
    named = [one for value in given for one in (value if isinstance(value, list | tuple) else [value])]
    ours = out.resolve()
    for path in (Path(one) for one in named if isinstance(one, str | Path)):
        if ours == path.resolve() and ours.is_file():
            raise RunError(f"{out} is what is read, and would be lost; name another --out")
    data = Path(str(told.get("data") or os.devnull))
    if data.is_dir() and data.resolve() in ours.parents and not (data / POOL).is_file():
        raise RunError(
            f"{out} lies in {data}, and would be read as data the next time; name an --out beside it"
        )


def _taken(path: Path, out: Path) -> int:
    """Open and lock the file; again when its holder removed it between the two."""
    while True:
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW, 0o644)
        except FileNotFoundError as error:
            if not path.parent.exists():
                continue  # another process has just removed the folder that it had made in vain
            raise RunError(f"{out} cannot be written: its folder takes no files; choose another") from error
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            holder = os.read(handle, 200).decode(errors="replace").strip() or "another process"
            os.close(handle)
            raise RunError(
                f"{out} is in use by {holder}; wait for it, stop it, or choose another --out"
            ) from error
        if _is_at(path, handle):
            os.truncate(handle, 0)
            since = datetime.now(UTC).isoformat(timespec="seconds")
            os.write(handle, f"process {os.getpid()} since {since}".encode())
            return handle
        os.close(handle)


def _is_at(path: Path, handle: int) -> bool:
    """Say whether an open file still has its name."""
    try:
        return path.stat().st_ino == os.fstat(handle).st_ino
    except FileNotFoundError:
        return False
