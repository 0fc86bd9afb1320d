"""The weights that a training keeps on its way: one folder per step, beside the result."""

from __future__ import annotations

from pathlib import Path

SNAPSHOTS = "snapshots"


def snapshot_folder(folder: Path, step: int) -> Path:
    """Name the folder of the weights as they were after a step."""
    return folder / SNAPSHOTS / f"step-{step:06d}"


def snapshots_of(folder: Path) -> dict[int, Path]:
    """Find the snapshots of a training: step to folder, in order."""
    found = (folder / SNAPSHOTS).glob("step-*[0-9]")
    return dict(sorted((int(path.name.removeprefix("step-")), path) for path in found))
