"""What a result was made with: versions, machine, threads, and the commit of cotmill itself."""

from __future__ import annotations

import os
import platform
import shutil
import subprocess
import sys
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from cotmill import __version__

PACKAGES = (
    "torch", "transformers", "trl", "peft", "accelerate", "tokenizers", "datasets",
    "numpy", "pyarrow", "scipy", "scikit-learn", "pydantic",
)  # fmt: skip


def provenance() -> dict[str, Any]:
    """Say what this process runs on, without importing what it names."""
    return {
        "cotmill": __version__,
        "commit": commit(),
        "python": platform.python_version(),
        "platform": f"{platform.system()} {platform.machine()}",
        "cpus": cpus(),
        "packages": packages(),
    }


@cache
def packages() -> dict[str, str]:
    """Read the versions of the packages that can move a number."""
    found = {}
    for name in PACKAGES:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            continue
    return found


def cpus() -> int:
    """Count the cores that this process may use, not those that the machine has."""
    if sys.platform == "linux":
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def find_gpus() -> tuple[str, ...]:
    """Name the NVIDIA GPUs that this process may use, without importing torch."""
    told = os.environ.get("CUDA_VISIBLE_DEVICES")
    command = shutil.which("nvidia-smi")
    if command is None or told == "":
        return ()
    if told is not None:
        return tuple(name.strip() for name in told.split(","))
    try:
        done = subprocess.run(  # noqa: S603 - a fixed command, no word of it comes from data
            [command, "-L"], capture_output=True, text=True, timeout=20, check=False
        )
    except (OSError, subprocess.TimeoutExpired):
        return ()
    return tuple(str(n) for n, line in enumerate(done.stdout.splitlines()) if line.startswith("GPU "))


@cache
def commit() -> str | None:
    """Read the commit of the checkout that cotmill is imported from; None when it is not a checkout."""
    root = Path(__file__).parents[3]
    if not (root / ".git").exists():
        return None
    command = ["git", "-C", str(root), "describe", "--always", "--dirty", "--abbrev=12", "--exclude=*"]
    try:
        done = subprocess.run(  # noqa: S603 - a fixed command, no word of it comes from data
            command, capture_output=True, text=True, timeout=10, check=False
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    return done.stdout.strip() or None
