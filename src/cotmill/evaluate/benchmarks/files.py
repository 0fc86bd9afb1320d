"""Raw rows of the files that benchmarks are published in, one mapping each, as `data` streams them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from cotmill.data.records import chunks
from cotmill.data.rejects import RejectLog


def raw_rows(path: Path, aside: Counter[str]) -> Iterator[dict[str, Any]]:
    """Yield each row as it stands in the file; what is no row at all is counted in `aside` by its reason."""
    with TemporaryDirectory() as folder, RejectLog(lambda: Path(folder)) as log:
        for chunk in chunks(path, log):
            for position in range(len(chunk)):
                yield chunk.row(position)
        aside.update(log.reasons)
