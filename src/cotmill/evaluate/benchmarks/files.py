"""Raw rows of the files that benchmarks are published in, one mapping each, as `data` streams them."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from cotmill.core.errors import DataError
from cotmill.data.records import SUFFIXES, chunks, suffix_of
from cotmill.data.rejects import RejectLog


def raw_rows(path: Path, aside: Counter[str]) -> Iterator[dict[str, Any]]:
    """Yield each row as it stands in the file, or in the files of a folder, in the order of their names.

    What is no row at all is counted in `aside` by its reason.
    """
    if path.is_dir():
        yield from _folder_rows(path, aside)
        return
    with TemporaryDirectory() as folder, RejectLog(lambda: Path(folder)) as log:
        for chunk in chunks(path, log):
            for position in range(len(chunk)):
                yield chunk.row(position)
        aside.update(log.reasons)


def _folder_rows(folder: Path, aside: Counter[str]) -> Iterator[dict[str, Any]]:
    """Read all files below a folder; MATH is published as one small file a problem."""
    files = sorted(path for path in folder.rglob("*") if path.is_file() and suffix_of(path) in SUFFIXES)
    if not files:
        raise DataError(f"{folder} holds no file of rows; expected one of {', '.join(SUFFIXES)}")
    for path in files:
        row = _single(path) if path.suffix == ".json" else None
        if row is None:
            yield from raw_rows(path, aside)
        else:
            yield row


def _single(path: Path) -> dict[str, Any] | None:
    """The one object that a file holds; None for any other file."""
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except (ValueError, RecursionError):
        return None
    return found if isinstance(found, dict) and not any(isinstance(v, list) for v in found.values()) else None
