"""Rows that cannot be used: set aside in a file with place and reason, and counted; the others go on."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any

RAW_LIMIT = 2000
"""Characters of a row that are kept in the file of rejects."""

REJECTS = "rejects.jsonl"


class BadRowError(ValueError):
    """One row cannot be used: `reason` is counted, `detail` differs from row to row."""

    def __init__(self, reason: str, detail: str = "") -> None:
        """Say why, in words that are the same for all rows with this fault."""
        super().__init__(reason, detail)
        self.reason, self.detail = reason, detail


@dataclass(frozen=True)
class Rejects:
    """What was set aside while reading: how many rows, why, and the file that holds them."""

    count: int = 0
    reasons: Mapping[str, int] = field(default_factory=dict)
    path: Path | None = None


class RejectLog:
    """Writes rejects as they come; the file is made with the first one."""

    def __init__(self, place: Callable[[], Path]) -> None:
        """Remember how to find the folder; it is asked for only when there is something to write."""
        self._place = place
        self._handle: IO[str] | None = None
        self.path: Path | None = None
        self.reasons: Counter[str] = Counter()

    def add(self, file: str, line: int, error: BadRowError, raw: Any) -> None:
        """Set one row aside."""
        if self._handle is None:
            self.path = self._place() / REJECTS
            self._handle = self.path.open("w", encoding="utf-8")
        record = {"file": file, "line": line, "reason": error.reason}
        if error.detail:
            record["detail"] = error.detail
        record["raw"] = _raw_text(raw)
        self._handle.write(json.dumps(record) + "\n")
        self.reasons[error.reason] += 1

    def __enter__(self) -> RejectLog:
        """Use it in a `with` block: the file is whole when the block ends."""
        return self

    def __exit__(self, *_: object) -> None:
        """Close the file."""
        if self._handle is not None:
            self._handle.close()

    @property
    def count(self) -> int:
        """Number of rows set aside."""
        return self.reasons.total()

    def in_words(self, most: int = 3) -> str:
        """Name the most frequent reasons."""
        return "; ".join(f"{reason} ({count:,})" for reason, count in self.reasons.most_common(most))


def _raw_text(raw: Any) -> str:
    """Return the beginning of a row as text."""
    if isinstance(raw, bytes):
        return raw[: 4 * RAW_LIMIT].decode("utf-8", "backslashreplace")[:RAW_LIMIT]
    if isinstance(raw, str):
        return raw[:RAW_LIMIT]
    try:
        return json.dumps(raw, ensure_ascii=False, default=str)[:RAW_LIMIT]
    except (ValueError, RecursionError):
        return str(type(raw))
