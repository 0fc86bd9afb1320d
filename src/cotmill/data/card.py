"""The dataset card: a README with front matter; what is inside, where from, and what was left out."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

import yaml

from cotmill.data.licence import UNKNOWN
from cotmill.data.pool import Pool

_SIZES = ((1_000, "n<1K"), (10_000, "1K<n<10K"), (100_000, "10K<n<100K"), (1_000_000, "100K<n<1M"))
_MOST_SOURCES = 50


def card(
    pool: Pool,
    *,
    title: str,
    files: Sequence[str],
    licence: str | None = None,
    left_out: Mapping[str, int] | None = None,
) -> str:
    """Write the card of a pool that lies in `files`; `left_out` counts rows that the export dropped."""
    rows = len(pool) - sum((left_out or {}).values())
    licences = _licences(pool)
    parts = [
        _front(title, rows, files, licence or _one(licences)),
        f"# {title}\n",
        f"{rows:,} rows of a question with a worked solution, made by cotmill from a pool with the "
        f"fingerprint `{pool.fingerprint}`.\n",
        "## Sources\n",
        _table(("source", "rows"), _sources(pool)),
        _table(("origin of the solutions", "rows"), _counted(pool, "origin")),
        "## Filters\n",
        _table(("filter", "rows before", "rows after", "dropped"), _filters(pool, left_out or {})),
        "## Licence of the inputs\n",
        _table(("input", "licence", "said by"), licences),
        _advice(licences),
    ]
    return "\n".join(part for part in parts if part)


def _front(title: str, rows: int, files: Sequence[str], licence: str) -> str:
    """Write the front matter that the hub reads."""
    size = next((name for most, name in _SIZES if rows < most), "1M<n<10M")
    front = {
        "pretty_name": title,
        "license": licence,
        "task_categories": ["text-generation"],
        "tags": ["chain-of-thought", "cotmill"],
        "size_categories": [size],
        "configs": [{"config_name": "default", "data_files": [{"split": "train", "path": list(files)}]}],
    }
    return "---\n" + yaml.safe_dump(front, sort_keys=False, allow_unicode=True) + "---\n"


def _counted(pool: Pool, name: str) -> list[tuple[str, str]]:
    """Count the values of a column, most frequent first."""
    counts: Counter[str] = Counter()
    for batch in pool.batches([name]):
        counts.update(batch.column(0).to_pylist())
    shown = counts.most_common(_MOST_SOURCES)
    rest = len(counts) - len(shown)
    lines = [(value or "(not named)", f"{count:,}") for value, count in shown]
    return (
        [*lines, (f"{rest:,} more", f"{sum(counts.values()) - sum(c for _, c in shown):,}")]
        if rest
        else lines
    )


def _sources(pool: Pool) -> list[tuple[str, str]]:
    """Count the rows of every source; unnamed ones are those of the file that was read."""
    read_from = str(pool.about.get("read_from", "")).rstrip("/").rpartition("/")[2]
    return [
        (read_from or name if name == "(not named)" else name, count)
        for name, count in _counted(pool, "source")
    ]


def _filters(pool: Pool, left_out: Mapping[str, int]) -> list[tuple[str, ...]]:
    """List what dropped rows, in order: reading, selections, this export."""
    lines = []
    rows = first = int(pool.about.get("rows_read", len(pool)))
    before = first + pool.rejects.count
    for reason, count in pool.rejects.reasons.items():
        lines.append((f"set aside on reading: {reason}", before, before - count, count))
        before -= count
    for step in pool.about.get("filters", []):
        lines.append((step["filter"], step["before"], step["after"], step["before"] - step["after"]))
    rows = len(pool)
    for reason, count in left_out.items():
        lines.append((reason, rows, rows - count, count))
        rows -= count
    lines = lines or [("none", len(pool), len(pool), 0)]
    return [
        (str(what), f"{before:,}", f"{after:,}", f"{dropped:,}") for what, before, after, dropped in lines
    ]


def _licences(pool: Pool) -> list[tuple[str, str, str]]:
    """List the inputs with their licences."""
    stated: Mapping[str, Any] = pool.about.get("licences", {})
    found = [(name, said.get("name", UNKNOWN), said.get("said_by", "")) for name, said in stated.items()]
    return found or [(str(pool.about.get("read_from", "not recorded")), UNKNOWN, "")]


def _one(licences: Sequence[tuple[str, str, str]]) -> str:
    """Name one licence for the whole; where inputs differ, or are not known, it is for the user to say."""
    names = {name for _, name, _ in licences}
    return names.pop() if len(names) == 1 else "other"


def _advice(licences: Sequence[tuple[str, str, str]]) -> str:
    """Say what follows from the licences."""
    names = {name for _, name, _ in licences}
    if UNKNOWN in names:
        return "At least one input states no licence: find out before you pass this on.\n"
    if any("-sa-" in name or "gpl" in name for name in names):
        return "One input is share-alike: pass the whole on under its licence, or leave its rows out.\n"
    return ""


def _table(heads: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Write a Markdown table; bars and line breaks inside cells are escaped."""
    lines = ["| " + " | ".join(heads) + " |", "|" + "---|" * len(heads)]
    for row in rows:
        cells = (str(cell).replace("\\", "\\\\").replace("|", "\\|").replace("\n", " ") for cell in row)
        lines.append("| " + " | ".join(cells) + " |")
    return "\n".join(lines) + "\n"
