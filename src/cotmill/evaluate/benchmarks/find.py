"""From a name or a path to a Benchmark: find the files of its parts, read them, ask base questions once."""

from __future__ import annotations

import difflib
import os
from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path

from cotmill.core.errors import DataError
from cotmill.data.pool import Pool
from cotmill.data.read import read_pool
from cotmill.data.rejects import BadRowError
from cotmill.evaluate.benchmark import Benchmark, Metric
from cotmill.evaluate.benchmarks.entry import ROW, Entry, Row
from cotmill.evaluate.benchmarks.files import raw_rows

ROOT_VARIABLE = "COTMILL_SHARED"
ROOT_DEFAULT = Path("..") / "shared" / "data"
IS_BASE = "is_base"


def find(
    entries: Mapping[str, Entry],
    wanted: str | Path,
    *,
    root: Path | None = None,
    metric: Metric | None = None,
) -> Benchmark:
    """Find a benchmark.

    `wanted` is a name (`gsm8k`), a name with parts (`mgsm:de+fr`), a name with a file of one's own copy
    (`gsm-ic=path/GSM-IC_2step.json`), or just a path, whose form is then detected.

    Raises:
        DataError: neither a name nor a path, or the files of the set are not below the data folder.
    """
    name, _, file = str(wanted).partition("=")
    if file and name in entries:
        return _of_entry(entries[name], {"own file": Path(file)}, name=name)
    name, _, parts = str(wanted).partition(":")
    if name in entries:
        return _of_entry(entries[name], _files(entries[name], parts, root or data_root()), name=str(wanted))
    if Path(wanted).exists():
        return Benchmark.of(read_pool(wanted), name=Path(wanted).name.removesuffix(".gz"), metric=metric)
    near = difflib.get_close_matches(name, entries, n=1)
    meant = f" Did you mean {near[0]!r}?" if near else ""
    raise DataError(
        f"{wanted!s} is neither a file nor a known set.{meant} The sets are: {', '.join(entries)}"
    )


def data_root() -> Path:
    """Return the folder that holds the sets: COTMILL_SHARED, or ../shared/data."""
    return Path(os.environ.get(ROOT_VARIABLE) or ROOT_DEFAULT)


def _files(entry: Entry, parts: str, root: Path) -> dict[str, Path]:
    """Find the file of every part that is wanted."""
    names = parts.split("+") if parts else list(entry.default or entry.parts)
    if unknown := [part for part in names if part not in entry.parts]:
        raise DataError(f"{entry.name} has no part {unknown[0]!r}; its parts are {', '.join(entry.parts)}")
    found = {}
    for part in names:
        paths = [root / relative for relative in entry.parts[part]]
        there = next((path for path in paths if path.exists()), None)
        if there is None:
            raise DataError(_absent(entry, part, paths, root))
        found[part] = there
    return found


def _absent(entry: Entry, part: str, paths: list[Path], root: Path) -> str:
    """Say where a set was looked for, where it comes from and what to type."""
    looked = " or ".join(path.relative_to(root).as_posix() for path in paths)
    return (
        f"{entry.name}: part {part!r} is not in {root} (looked for {looked}). The set comes from "
        f"{entry.source} (licence: {entry.licence}). Put the file there, name its folder with "
        f"{ROOT_VARIABLE}, or pass {entry.name}=PATH"
    )


def _of_entry(entry: Entry, files: Mapping[str, Path], *, name: str) -> Benchmark:
    """Read the parts, one after the other, into one pool."""
    rows: list[Row] = []
    aside: Counter[str] = Counter()
    for part, path in files.items():
        rows += _rows(entry, part, path, aside)
    if not rows:
        raise DataError(f"{name}: none of the {aside.total()} rows can be asked: {dict(aside)}")
    return Benchmark(
        name=name,
        pool=Pool.from_rows(rows),
        strict_rule=entry.strict_rule,
        groups=entry.groups,
        cluster=entry.cluster,
        base=IS_BASE if entry.base else None,
        set_aside=aside.total(),
    )


def _rows(entry: Entry, part: str, path: Path, aside: Counter[str]) -> Iterator[Row]:
    """Yield the rows of one file; the base question stands before the first row that varies it."""
    seen: set[str] = set()
    for number, raw in enumerate(raw_rows(path, aside)):
        try:
            row = entry.question({**raw, ROW: number})
            base = entry.base(raw) if entry.base else None
        except BadRowError as error:
            aside[error.reason] += 1
            continue
        except (KeyError, TypeError, StopIteration) as error:
            raise DataError(
                f"{path} is not in the form of {entry.name}: row {number} lacks {error}"
            ) from error
        if base and base["question"] not in seen:
            seen.add(base["question"])
            yield _marked(base, entry, part, is_base=True)
        yield _marked(row, entry, part, is_base=False)


def _marked(row: Row, entry: Entry, part: str, *, is_base: bool) -> Row:
    """Add the columns that every row of a set has."""
    marks: Row = {IS_BASE: is_base} if entry.base else {}
    if entry.part_column:
        marks[entry.part_column] = part
    return {**row, **marks}
