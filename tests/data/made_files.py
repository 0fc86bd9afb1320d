"""Ways to write test data, shared by the tests of this folder."""

from __future__ import annotations

import gzip
import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

GSM8K = [
    {"question": "Tom has 3 pens and buys 4. How many?", "answer": "3+4=<<3+4=7>>7 pens.\n#### 7"},
    {"question": "A box holds 6 eggs. How many in 5?", "answer": "6*5=<<6*5=30>>30 eggs.\n#### 30"},
    {"question": "Ann had $1,200 and spent $200.", "answer": "1200-200=<<1200-200=1000>>1000\n#### 1,000"},
]


def jsonl(path: Path, rows: Iterable[Mapping[str, Any] | str | bytes]) -> Path:
    """Write rows as lines; texts and bytes as they are; packed when the name ends in .gz."""
    lines = [
        row if isinstance(row, bytes) else row.encode() if isinstance(row, str) else json.dumps(row).encode()
        for row in rows
    ]
    data = b"\n".join(lines) + b"\n"
    path.write_bytes(gzip.compress(data) if path.suffix == ".gz" else data)
    return path


def document(path: Path, value: Any, **options: Any) -> Path:
    """Write one JSON document."""
    data = json.dumps(value, **options).encode()
    path.write_bytes(gzip.compress(data) if path.suffix == ".gz" else data)
    return path
