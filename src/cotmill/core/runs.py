"""Run folders: content-addressed steps that are whole or not there, a lock, and what each step cost.

    RUN/
      recipe.yaml                  what was asked for, complete; replay it with `cotmill run RUN/recipe.yaml`
      run.json                     name, fingerprint, versions
      steps/<kind>-<key16>/        one finished step: its results, step.json, timing.json
      work/                        steps that are being made; leftovers of a killed process are swept away
      log.txt, logs/               what was said
      .lock, .workers              held while a process, or one of its workers, writes here

The key of a step is a hash of its kind, the layout version of that kind, its config and the keys of its
inputs. So equal steps have equal names wherever they are made, and a changed recipe finds again what it
still needs. `step.json` is a function of the step alone; times and memory are kept apart in `timing.json`,
so that two Runs of one recipe are equal byte for byte but for the names in `UNEQUAL`.
"""

from __future__ import annotations

import fcntl
import os
import resource
import shutil
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from cotmill.core import mirror
from cotmill.core.checked import damage_of, sums_of
from cotmill.core.errors import RunError
from cotmill.core.files import LONE, canonical_json, flush, read_json, sha256_of, write_json
from cotmill.core.ids import content_id
from cotmill.core.provenance import provenance
from cotmill.core.secrets import hide

LAYOUT = 1
STEP, TIMING = "step.json", "timing.json"
UNEQUAL = (TIMING, "log.txt", "logs", ".lock", ".workers", "work", "report.html", "report_files", "study")
"""Names in a Run that may differ between two Runs of one recipe."""
HASHED_BELOW = 64 * 2**20
"""Larger files are hashed again only when their size or time of change has moved."""


@dataclass(frozen=True)
class StepRecord:
    """What a finished step was made from, and what it left."""

    kind: str
    version: int
    config: Mapping[str, Any]
    inputs: Mapping[str, str] = field(default_factory=dict)
    """Role to key of the step that filled it."""
    files: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    """Path inside the folder to sha256 and bytes."""

    @property
    def key(self) -> str:
        """Hash everything that decides the result."""
        return content_id(
            "step", self.kind, str(self.version), canonical_json(self.config), canonical_json(self.inputs)
        )

    @property
    def name(self) -> str:
        """Name the folder of the step."""
        return f"{self.kind}-{self.key[:16]}"


@contextmanager
def timed(folder: Path) -> Iterator[None]:
    """Write what the block cost into the folder's timing.json: seconds, peak memory, versions.

    Seconds of the clock tell what was waited for, those of the processor what it cost on a busy machine.
    """
    _forget_peak_memory()
    started, clock, worked = datetime.now(UTC), time.monotonic(), time.process_time()
    yield
    cost = {
        "started": started.isoformat(timespec="seconds"),
        "seconds": round(time.monotonic() - clock, 3),
        "cpu_seconds": round(time.process_time() - worked, 3),
        "peak_memory_mb": peak_memory_mb(),
        "made_with": provenance(),
    }
    write_json(folder / TIMING, cost)


def _forget_peak_memory() -> None:
    """Let the peak start from now: a worker's steps must not inherit each other's (Linux only)."""
    with suppress(OSError):
        Path("/proc/self/clear_refs").write_text("5")


def peak_memory_mb() -> float:
    """Read the largest resident size of this process, in MB, since the last reset if there was one."""
    status = Path("/proc/self/status")
    if status.exists():
        lines = [line for line in status.read_text().splitlines() if line.startswith("VmHWM:")]
        if lines:
            return round(int(lines[0].split()[1]) / 1024, 1)
    unit = 2**20 if sys.platform == "darwin" else 2**10
    return round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / unit, 1)


def seal(folder: Path, record: StepRecord) -> StepRecord:
    """Hash what a step left in its folder and write its step.json; the last thing that is done to a step."""
    files = sums_of(folder, without=(STEP, TIMING))
    sealed = StepRecord(record.kind, record.version, record.config, record.inputs, files)
    write_json(folder / STEP, {**asdict(sealed), "key": sealed.key})
    return sealed


def publish(work: Path, final: Path) -> None:
    """Give a sealed folder its real name, once everything in it is on disk."""
    for path in sorted(work.rglob("*")):
        flush(path)
    flush(work)
    final.parent.mkdir(parents=True, exist_ok=True)
    if final.exists():
        shutil.rmtree(final)
    work.replace(final)
    flush(final.parent)
    mirror.moved(work, final)


def read_step(folder: Path) -> StepRecord | None:
    """Read a step's record; None when there is none.

    Raises:
        RunError: the record cannot be read or is not the record of this folder.
    """
    path = folder / STEP
    if not path.exists():
        return None
    try:
        raw = read_json(path)
        record = StepRecord(**{name: raw[name] for name in ("kind", "version", "config", "inputs", "files")})
    except (ValueError, KeyError, TypeError) as error:
        raise RunError(
            f"{path} is damaged ({type(error).__name__}); remove {folder} and run again"
        ) from error
    if record.name != folder.name or raw.get("key") != record.key:
        raise RunError(f"{path} describes {record.name}, not {folder.name}; remove {folder} and run again")
    return record


def damage(folder: Path) -> str | None:
    """Compare a finished step with its record: None when whole, else a sentence that names the file."""
    try:
        record = read_step(folder)
    except RunError as error:
        return str(error)
    if record is None:
        return f"{folder / STEP} is missing"
    return damage_of(folder, record.files, trusted=lambda path: _unchanged_since_sealed(path, folder))


def _unchanged_since_sealed(path: Path, folder: Path) -> bool:
    """Spare the hash of a large file that is not younger than its step's record."""
    large = path.stat().st_size >= HASHED_BELOW
    return large and path.stat().st_mtime_ns <= (folder / STEP).stat().st_mtime_ns


@contextmanager
def locked(folder: Path, *, wait: float = 20.0) -> Iterator[None]:
    """Hold a Run for this process; workers that outlive a killed process are waited for.

    Raises:
        RunError: another living process works on this Run.
    """
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / ".lock").open("a+", encoding="utf-8") as handle:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            handle.seek(0)
            holder = handle.read().strip() or "another process"
            raise RunError(
                f"{folder} is in use by {holder}; wait for it, stop it, or choose another --out"
            ) from error
        handle.truncate(0)
        handle.write(f"process {os.getpid()} since {datetime.now(UTC).isoformat(timespec='seconds')}")
        handle.flush()
        _wait_for_orphans(folder, wait)
        try:
            yield
        finally:
            handle.truncate(0)


def _wait_for_orphans(folder: Path, wait: float) -> None:
    """Wait until no worker of an earlier process holds the Run."""
    until = time.monotonic() + wait
    with (folder / ".workers").open("a") as handle:
        while True:
            try:
                fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError as error:
                if time.monotonic() > until:
                    raise RunError(
                        f"workers of an earlier process still write to {folder}; stop them first"
                    ) from error
                time.sleep(0.05)
            else:
                fcntl.flock(handle, fcntl.LOCK_UN)
                return


def hold_as_worker(folder: Path) -> int:
    """Hold the Run as a worker until this process ends; the handle is never closed on purpose."""
    handle = os.open(folder / ".workers", os.O_RDWR | os.O_CREAT, 0o644)
    fcntl.flock(handle, fcntl.LOCK_SH)
    return handle


def sweep(folder: Path) -> None:
    """Remove files that a killed process left unfinished; only for the holder of the lock."""
    for part in folder.glob("*.part"):
        part.unlink()


def log_line(folder: Path, text: str) -> None:
    """Add a line to the Run's log."""
    stamp = datetime.now(UTC).strftime("%Y-%m-%d %H:%M:%S")
    with (folder / "log.txt").open("a", encoding="utf-8", errors=LONE) as handle:
        handle.write(f"{stamp} {hide(text)}\n")
    mirror.grown(folder / "log.txt")


def fingerprint(folder: Path) -> dict[str, str]:
    """Map every file of a Run that two Runs of one recipe share to its sha256.

    Raises:
        RunError: there is no Run in this folder.
    """
    if not (folder / "run.json").exists():
        raise RunError(
            f"{folder} is not a Run: it has no run.json; give a folder that `cotmill run` has written"
        )
    files = {path.relative_to(folder): path for path in sorted(folder.rglob("*")) if path.is_file()}
    return {
        name.as_posix(): sha256_of(path)
        for name, path in files.items()
        if not set(name.parts) & set(UNEQUAL) and not name.name.startswith(".gpu-")
    }
