"""Raw outputs on disk while they are made: one JSON line each, batch after batch, never rewritten.

An output is found again by a key of (row, sample, prompt, model, sampling settings). The longest answer
that was allowed is not part of the key: an answer that ended by itself is the same under a larger
allowance, so that only the cut ones are asked again. A batch counts once its closing line is there,
with the hash of the batch; what a killed process left behind that line is dropped, and so is all from a
damaged batch on. It is made again as it was, so that the file of an interrupted evaluation ends up equal to
that of an undisturbed one.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from cotmill.core import mirror
from cotmill.core.files import canonical_json

OUTPUTS = "outputs.jsonl"
STOPPED = "stop"
"""Finish reason of an answer that ended by itself."""


@dataclass(frozen=True)
class Output:
    """One raw output, as the model gave it."""

    key: str
    row_id: str
    sample: int
    text: str
    tokens: int
    finish_reason: str
    max_new_tokens: int

    def serves(self, max_new_tokens: int) -> bool:
        """Say whether asking again with this allowance would give the same."""
        ended = self.finish_reason == STOPPED and self.tokens <= max_new_tokens
        return self.max_new_tokens == max_new_tokens or ended


class OutputStore:
    """The outputs of one evaluation folder."""

    def __init__(self, folder: Path) -> None:
        """Read what is there and cut off an unfinished batch."""
        self.path = folder / OUTPUTS
        self._found: dict[str, list[Output]] = {}
        folder.mkdir(parents=True, exist_ok=True)
        self._load()

    def _load(self) -> None:
        if not self.path.is_file():
            return
        whole, batch = 0, []
        with self.path.open("rb") as lines:
            for line in lines:
                entry = _parsed(line)
                if entry is None:
                    break
                if "batch" not in entry:
                    batch.append(entry)
                    continue
                # Closing lines had no hash before 0.1.
                told = entry.get("sha256", _sum(map(canonical_json, batch)))
                if entry["batch"] != len(batch) or told != _sum(map(canonical_json, batch)):
                    break
                self._keep(Output(**one) for one in batch)
                whole, batch = lines.tell(), []
        if whole < self.path.stat().st_size:
            with self.path.open("r+b") as file:
                file.truncate(whole)

    def _keep(self, outputs: Iterable[Output]) -> None:
        for output in outputs:
            self._found.setdefault(output.key, []).append(output)

    def get(self, key: str, max_new_tokens: int) -> Output | None:
        """Find an output that serves, the latest first."""
        return next(
            (output for output in reversed(self._found.get(key, ())) if output.serves(max_new_tokens)), None
        )

    def append(self, batch: list[Output]) -> None:
        """Write a batch and its closing line, and hand them to the operating system."""
        lines = [canonical_json(asdict(output)) for output in batch]
        lines.append(canonical_json({"batch": len(batch), "sha256": _sum(lines)}))
        with self.path.open("a", encoding="utf-8") as file:
            file.write("".join(line + "\n" for line in lines))
        mirror.grown(self.path)
        self._keep(batch)


def _sum(lines: Iterable[str]) -> str:
    """Hash the lines of a batch."""
    return hashlib.sha256("\n".join(lines).encode()).hexdigest()


def _parsed(line: bytes) -> Mapping[str, Any] | None:
    """Parse a whole line; a torn one gives None."""
    if not line.endswith(b"\n"):
        return None
    try:
        entry = json.loads(line)
    except ValueError:
        return None
    return entry if isinstance(entry, dict) else None
