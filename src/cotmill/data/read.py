"""Read any of the schemas people have into a Pool: detect the form, stream, set bad rows aside."""

from __future__ import annotations

import gzip
import json
from collections.abc import Mapping
from pathlib import Path

from cotmill.data.forms import detect, form_named, normal
from cotmill.data.pool import MANIFEST, Pool


def read_pool(
    source: str | Path,
    *,
    form: str = "auto",
    columns: Mapping[str, str] | None = None,
    out: Path | None = None,
    source_name: str | None = None,
) -> Pool:
    """Read data into a Pool."""
    path = Path(source)
    if (path / MANIFEST).is_file():
        return Pool.open(path)
    opened = gzip.open(path, "rt", encoding="utf-8") if path.suffix == ".gz" else path.open(encoding="utf-8")
    with opened as handle:
        raw = [json.loads(line) for line in handle if line.strip()]
    found = detect(list(raw[0]), raw[:100], where=str(path)) if form == "auto" else form_named(form)
    rows = []
    for item in raw:
        row = {normal(name): value for name, value in item.items()}
        fields = found.row(*(row.get(name) for name in found.reads))
        kept = {name: value for name, value in item.items() if normal(name) not in found.reads}
        rows.append(
            {**kept, **fields._asdict(), "origin": found.origin, "source": source_name or fields.source}
        )
    pool = Pool.from_rows(rows)
    return pool.write(out) if out else pool
