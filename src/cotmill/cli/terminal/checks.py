"""Checks of the machine and the installation that `cotmill doctor` makes; each is one function."""

from __future__ import annotations

import os
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from importlib.metadata import PackageNotFoundError, version
from importlib.util import find_spec
from pathlib import Path

from cotmill.core.machine import free_memory
from cotmill.core.provenance import cpus, packages

OLDEST = (3, 11)
FREE_GB = 5.0
"""Below this a Run with a few dozen small models may fill the disk."""
FILES = 1024
"""Files that may have to be open at once."""
SCRATCH_GB = 2.0
RELEASED = datetime(2026, 11, 1, tzinfo=UTC)
"""A clock before this is wrong: this version did not exist then."""


class Verdict(StrEnum):
    """What a check says."""

    GOOD = "ok"
    NOTE = "note"
    WRONG = "WRONG"


@dataclass(frozen=True)
class Check:
    """One thing that was looked at."""

    what: str
    verdict: Verdict
    found: str
    advice: str = ""

    @property
    def wrong(self) -> bool:
        """Whether something has to be done before cotmill can work."""
        return self.verdict is Verdict.WRONG


def machine_checks(folder: Path) -> list[Check]:
    """Look at everything that is not about a model."""
    return [
        python(),
        torch_build(),
        vision(),
        gpu(),
        threads(),
        files(),
        memory(),
        scratch(),
        disk(folder),
        writable(folder),
        clock(),
    ]


def python() -> Check:
    """Is this Python new enough?"""
    told = ".".join(map(str, sys.version_info[:3]))
    good = sys.version_info >= OLDEST
    return Check("python", _good(good), told, "" if good else "install Python 3.11 or newer")


def torch_build() -> Check:
    """Is torch installed, and which build?"""
    found = packages()
    if "torch" not in found:
        said = "not installed: data, verify, select and report work; measure, train, evaluate do not"
        return Check("torch", Verdict.NOTE, said, "pip install 'cotmill[train]'")
    told = ", ".join(
        f"{name} {found[name]}" for name in ("torch", "transformers", "trl", "peft") if name in found
    )
    missing = [name for name in ("transformers", "trl", "peft", "accelerate") if name not in found]
    advice = f"missing: {', '.join(missing)}; pip install 'cotmill[train]'" if missing else ""
    return Check("torch", _good(not missing), told, advice)


def vision() -> Check:
    """Is a torchvision there that does not fit torch? transformers then fails to import."""
    if find_spec("torchvision") is None:
        return Check("torchvision", Verdict.GOOD, "not installed, and not needed")
    code = "import torchvision"
    done = subprocess.run(  # noqa: S603 - a fixed line of our own
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=120, check=False
    )
    told = f"{_version('torchvision')} beside torch {_version('torch')}"
    if done.returncode == 0:
        return Check("torchvision", Verdict.GOOD, told)
    last = (done.stderr.strip().splitlines() or ["fails to import"])[-1]
    return Check(
        "torchvision", Verdict.WRONG, f"{told}: {last}", "pip uninstall torchvision; text models do without"
    )


def gpu() -> Check:
    """Is there a GPU, and can torch use it?"""
    there = shutil.which("nvidia-smi") is not None
    if find_spec("torch") is None:
        return Check(
            "gpu", Verdict.NOTE, "torch is not installed" + (", but there is a GPU" if there else "")
        )
    import torch

    if torch.cuda.is_available():
        names = [torch.cuda.get_device_name(n) for n in range(torch.cuda.device_count())]
        return Check("gpu", Verdict.GOOD, f"{len(names)}: {', '.join(names)}; CUDA {torch.version.cuda}")
    if there:
        advice = "this build of torch does not see it; install a CUDA build that fits the driver"
        return Check(
            "gpu", Verdict.WRONG, f"nvidia-smi is there, torch {torch.__version__} sees none", advice
        )
    return Check(
        "gpu", Verdict.NOTE, "none; small models only. A model above 100M parameters will take hours"
    )


def threads() -> Check:
    """How many cores may be used, and do the environment's settings fit?"""
    told = os.environ.get("OMP_NUM_THREADS")
    if told and told.isdigit() and int(told) > cpus():
        advice = f"more threads than cores makes everything slower; unset it or set it to {cpus()}"
        return Check("threads", Verdict.NOTE, f"OMP_NUM_THREADS={told} on {cpus()} cores", advice)
    return Check("threads", Verdict.GOOD, f"{cpus()} cores" + (f", OMP_NUM_THREADS={told}" if told else ""))


def files() -> Check:
    """How many files may be open at once? Pools of many shards and many requests need some hundred."""
    most = resource.getrlimit(resource.RLIMIT_NOFILE)[0]
    good = most == resource.RLIM_INFINITY or most >= FILES
    advice = "" if good else f"type: ulimit -n {4 * FILES}"
    return Check("open files", Verdict.GOOD if good else Verdict.NOTE, f"at most {most:,}", advice)


def scratch() -> Check:
    """Is there room where temporary files go? Large inputs are unpacked there."""
    place = Path(tempfile.gettempdir())
    free = shutil.disk_usage(place).free / 1e9
    good = free > SCRATCH_GB
    advice = "" if good else "set TMPDIR to a folder with more room"
    return Check(
        "temporary files", Verdict.GOOD if good else Verdict.NOTE, f"{free:.1f} GB free at {place}", advice
    )


def memory() -> Check:
    """How much memory is free, where the system says so?"""
    free = free_memory()
    if free is None:
        return Check("memory", Verdict.NOTE, "not known on this system")
    advice = "" if free > 2 else "below 2 GB even small models may be killed; stop other programs"
    return Check("memory", Verdict.GOOD if free > 2 else Verdict.NOTE, f"{free:.1f} GB free", advice)


def disk(folder: Path) -> Check:
    """Is there room for Runs?"""
    place = next(path for path in (folder, *folder.absolute().parents) if path.exists())
    free = shutil.disk_usage(place).free / 2**30
    advice = "" if free > FREE_GB else "free some, or give another --out on a larger disk"
    return Check(
        "disk", Verdict.GOOD if free > FREE_GB else Verdict.NOTE, f"{free:.1f} GB free at {place}", advice
    )


def writable(folder: Path) -> Check:
    """Can Runs be written, and does the file system rename and sync as it should?"""
    place = next(path for path in (folder, *folder.absolute().parents) if path.exists())
    try:
        with tempfile.TemporaryDirectory(dir=place, prefix=".cotmill-doctor-") as made:
            part, whole = Path(made) / "a.part", Path(made) / "a"
            began = time.monotonic()
            with part.open("wb") as handle:
                handle.write(b"x")
                handle.flush()
                os.fsync(handle.fileno())
            part.replace(whole)
            took = time.monotonic() - began
    except OSError as error:
        return Check(
            "write access", Verdict.WRONG, f"{place}: {error.strerror}", "give --out a folder that you own"
        )
    return Check("write access", Verdict.GOOD, f"{place}, a synced write takes {took * 1000:.1f} ms")


def clock() -> Check:
    """Is the clock plausible? Provenance and certificates depend on it."""
    now = datetime.now(UTC)
    good = now >= RELEASED
    advice = "" if good else "set the clock: downloads will fail, and times in Runs will be wrong"
    return Check("clock", Verdict.GOOD if good else Verdict.NOTE, now.strftime("%Y-%m-%d %H:%M UTC"), advice)


def _good(is_good: bool) -> Verdict:  # noqa: FBT001 - a plain mapping of truth to word
    return Verdict.GOOD if is_good else Verdict.WRONG


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return "(not installed)"
