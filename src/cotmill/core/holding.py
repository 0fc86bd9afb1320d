"""One process at a time writes to one output: the second is refused, and told who holds it.

A lock lies beside the output as `.NAME.lock` and goes with its holder. It is the kernel's, so that a
killed process leaves none behind, whatever becomes of the file. Run folders have a lock of their own
(`core.runs.locked`), since their workers hold them too.
"""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path

from cotmill.core.errors import RunError


@contextmanager
def holding(out: Path) -> Iterator[None]:
    """Hold what will be written at `out` for this process.

    Raises:
        RunError: another living process writes there.
    """
    out = out.resolve()
    missing = [place for place in out.parents if not place.exists()]
    out.parent.mkdir(parents=True, exist_ok=True)
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


def _taken(path: Path, out: Path) -> int:
    """Open and lock the file; again when its holder removed it between the two."""
    while True:
        handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW, 0o644)
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            holder = os.read(handle, 200).decode(errors="replace").strip() or "another process"
            os.close(handle)
            raise RunError(
                f"{out} is in use by {holder}; wait for it, stop it, or choose another --out"
            ) from error
        if path.exists() and path.stat().st_ino == os.fstat(handle).st_ino:
            os.truncate(handle, 0)
            since = datetime.now(UTC).isoformat(timespec="seconds")
            os.write(handle, f"process {os.getpid()} since {since}".encode())
            return handle
        os.close(handle)
