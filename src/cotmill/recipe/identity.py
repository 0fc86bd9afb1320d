"""What a step's key is made of where a recipe only gives a name: hashes of files, models and benchmarks.

Two recipes that call the same file by different paths share their steps, and a file that has changed under
its name does not pass for the old one.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Any

from cotmill.core.errors import RecipeError
from cotmill.core.files import sha256_of
from cotmill.core.ids import content_id
from cotmill.data.read import HUB_NAME
from cotmill.lab.models import ASSETS, PREFIX

DECISIVE = ("*.safetensors", "*.json", "*.model", "*.jinja", "*.txt")
"""Files of a model folder that may decide what it computes."""
RANDOM = "@random"


@dataclass(frozen=True)
class Identity:
    """What goes into the key, and where the thing lies on this machine."""

    config: dict[str, Any]
    places: dict[str, str] = field(default_factory=dict)


def identity_of_file(path: str, find: Callable[[str], Path]) -> Identity:
    """Identify a data file or folder by content; the name of a hub data set stands for itself."""
    try:
        found = find(path)
    except RecipeError:
        if HUB_NAME.fullmatch(path):
            return Identity({"hub": path}, {"file": path})
        raise
    return Identity({"file": found.name, "content": _content(found, ("*",))}, {"file": str(found)})


def identity_of_model(name: str, find: Callable[[str], Path]) -> Identity:
    """Identify a model: shipped and local ones by content, one on the hub by its name."""
    bare = name.removesuffix(RANDOM)
    folder = ASSETS / bare.removeprefix(PREFIX) if bare.startswith(PREFIX) else _local(bare, find)
    if folder is None or not folder.is_dir():
        return Identity({"name": name}, {"model": name})
    patterns = DECISIVE if not name.endswith(RANDOM) else tuple(p for p in DECISIVE if p != "*.safetensors")
    place = name if bare.startswith(PREFIX) else f"{folder}{RANDOM if name.endswith(RANDOM) else ''}"
    shown = name if bare.startswith(PREFIX) else Path(bare).name + name.removeprefix(bare)
    return Identity({"name": shown, "content": _content(folder, patterns)}, {"model": place})


def _local(name: str, find: Callable[[str], Path]) -> Path | None:
    """Find a model folder; None for what looks like a name on the hub."""
    try:
        return find(name)
    except RecipeError:
        if name.startswith((".", "/", "~")):
            raise
        return None


def identity_of_benchmark(wanted: str) -> Identity:
    """Identify a benchmark by its questions and how it is judged."""
    return Identity({"benchmark": wanted, "content": _benchmark_fingerprint(wanted)})


@lru_cache(maxsize=64)
def _benchmark_fingerprint(wanted: str) -> str:
    """Read a benchmark once per process."""
    from cotmill.evaluate.benchmarks import benchmark

    return benchmark(wanted).fingerprint


def _content(path: Path, patterns: tuple[str, ...]) -> str:
    """Hash a file, or the files of a folder with their names."""
    if path.is_file():
        return _hashed(path, path.stat().st_mtime_ns)
    files = sorted({file for pattern in patterns for file in path.rglob(pattern) if file.is_file()})
    parts = [(file.relative_to(path).as_posix(), _hashed(file, file.stat().st_mtime_ns)) for file in files]
    return content_id(*(text for part in parts for text in part))


@lru_cache(maxsize=4096)
def _hashed(path: Path, changed: int) -> str:
    """Hash a file once per process and version of it."""
    del changed
    return sha256_of(path)
