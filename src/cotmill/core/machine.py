"""What this machine has left: memory and disk, and what to say when either is at its end."""

from __future__ import annotations

import errno
import os
import shutil
from dataclasses import dataclass
from pathlib import Path

from cotmill.core.errors import MachineError

ANYWAY = "COTMILL_ANYWAY"
"""Set to 1, or by `cotmill --anyway`: jobs that look too large for the machine are started all the same."""
GB = 1e9
SPARE = 1.5
"""Estimates are rough: only what needs so many times more than there is free is refused."""
CPU_FULL = "can't allocate memory"
"""What torch says, in a plain RuntimeError, when a CPU has no memory left."""
NO_THREAD = ("can't start new thread", "Failed to launch worker thread")
"""What Python and Arrow say when there is no memory, or no number, left for another thread."""
CGROUP = Path("/sys/fs/cgroup")


@dataclass(frozen=True)
class Need:
    """What a job will roughly take, in GB; what is not known is 0."""

    memory: float = 0.0
    disk: float = 0.0


def free_memory() -> float | None:
    """Read the memory that a new process could have, in GB: of the system, and of this container."""
    known = [free for free in (_of_system(), _of_container()) if free is not None]
    return min(known, default=None)


def _of_system() -> float | None:
    info = Path("/proc/meminfo")
    if not info.exists():
        return None
    fields = dict(line.split(":", 1) for line in info.read_text().splitlines() if ":" in line)
    return int(fields["MemAvailable"].split()[0]) * 1024 / GB


def _of_container() -> float | None:
    """Read the limit of the control group; pages of files that could be dropped count as used."""
    most, used = CGROUP / "memory.max", CGROUP / "memory.current"
    if not (most.is_file() and used.is_file()) or most.read_text().strip() == "max":
        return None
    return (int(most.read_text()) - int(used.read_text()) + _droppable()) / GB


def _droppable() -> int:
    """Bytes of cached files in this control group, which make room when memory is short."""
    try:
        lines = (CGROUP / "memory.stat").read_text().splitlines()
    except OSError:
        return 0
    return sum(int(line.split()[1]) for line in lines if line.startswith(("inactive_file ", "active_file ")))


def place_of(path: Path) -> Path:
    """Find the folder that exists where a path will be written."""
    return next(place for place in (path, *path.absolute().parents) if place.exists())


def free_disk(path: Path) -> float:
    """Read what is free where a path will be written, in GB."""
    return shutil.disk_usage(place_of(path)).free / GB


def refuse_unless_it_fits(need: Need, out: Path, *, memory: float | None = None) -> None:
    """Refuse a job that cannot fit, with the figures; `memory` is what is free where it runs.

    Raises:
        MachineError: it needs more memory or disk than there is.
    """
    if os.environ.get(ANYWAY) == "1":
        return
    memory = free_memory() if memory is None else memory
    if memory is not None and need.memory > SPARE * memory:
        raise MachineError(
            f"this needs about {need.memory:.1f} GB of memory, and {memory:.1f} GB are free; lower the batch "
            "size, --max-length or the number of --workers, or take a smaller model. To try all the same: "
            "cotmill --anyway …"
        )
    disk = free_disk(out)
    if need.disk > disk:
        raise MachineError(
            f"this needs about {_room(need.disk)} on disk, and {_room(disk)} are free at {place_of(out)}; "
            "free some, or choose another --out. To try all the same: cotmill --anyway …"
        )


def _room(gigabytes: float) -> str:
    return f"{gigabytes:.2f} GB" if gigabytes >= 0.1 else f"{1000 * gigabytes:.1f} MB"


FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
CLOSED = (errno.EACCES, errno.EPERM, errno.EROFS)
LOST = (errno.EIO, errno.ESTALE, errno.ENOTCONN)
CROWDED = (errno.EMFILE, errno.ENFILE)
IN_THE_WAY = (errno.EEXIST, errno.ENOTDIR, errno.EISDIR)


def machine_trouble(error: BaseException) -> str | None:
    """Say what to do where the machine, not the program, is at its end; None for other errors."""
    if _is_memory(error):
        return "memory ran out; use fewer --workers, a smaller batch size or a smaller --max-length"
    number, what = _number(error), str(getattr(error, "filename", None) or "a file")
    if number in FULL:
        return f"the disk is full ({what}); free some, then run the same command again"
    if number in CLOSED:
        return f"{what} cannot be written ({os.strerror(number)}); make it writable, or choose another --out"
    if number in LOST:
        return f"{what} cannot be reached ({os.strerror(number)}); see to the disk, then run this again"
    if number in CROWDED:
        return "too many files are open; type: ulimit -n 4096, then run the same command again"
    if isinstance(error, OSError) and number in IN_THE_WAY:
        what = str(error.filename2 or what)  # where a file was to be renamed to
        return f"{what} is in the way ({os.strerror(number)}); choose another --out, or move it"
    if number == errno.ENAMETOOLONG:
        return f"{what} is too long a name; choose a shorter --out"
    return None


def _number(error: BaseException) -> int:
    """Read the system's number of an error; libraries in other languages put it into words only."""
    if isinstance(error, OSError) and error.errno:
        return error.errno
    said = str(error)
    return next((n for n in (*FULL, *CLOSED, *LOST, *CROWDED) if os.strerror(n) in said), 0)


def _is_memory(error: BaseException) -> bool:
    """Tell by type and words: torch is not imported here."""
    kind = type(error).__name__
    return (
        isinstance(error, MemoryError)
        or kind in ("OutOfMemoryError", "ArrowMemoryError")
        or any(words in str(error) for words in (CPU_FULL, *NO_THREAD))
        or (isinstance(error, OSError) and error.errno == errno.ENOMEM)
    )
