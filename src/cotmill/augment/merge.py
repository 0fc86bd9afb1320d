"""Sorted streams of samples into one: a merge in bounded memory, in which the best attempt of each wins.

Every source is sorted by key and holds a key once. At each step all rows up to the smallest of the
sources' last keys are taken, sorted and thinned, so that all attempts at a sample meet in one step. With
many sources some are first merged into a file of their own.

Which of two attempts at a sample wins is a function of the two alone: one that ended by itself before one
that was cut off, that before a failed one; of two cut off the longer; else the smaller limit, then the
text. The order in which they were written does not matter.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
from jaxtyping import Bool
from pyarrow import compute

from cotmill.augment.samples import LENGTH, ORDER, SCHEMA, STOP
from cotmill.core.checked import opened, writing

pc: Any = compute
"""Its functions are made at run time, which type checkers cannot see."""

FAN_IN = 32
"""Files merged at a time: with 2,048 rows read from each, some 50 MB."""
SOURCE_ROWS = 2_048
GROUP_ROWS = 4_096
"""Rows in a row group: what must be decoded to read one row."""


def write_rows(path: Path, batches: Iterable[pa.RecordBatch | pa.Table]) -> int:
    """Write batches into one file whose bytes do not depend on how the rows were cut into batches."""
    written = 0
    with writing(path, SCHEMA) as writer:
        for table in equal_slices(batches, GROUP_ROWS):
            writer.write_table(table, row_group_size=GROUP_ROWS)
            written += len(table)
    return written


def equal_slices(batches: Iterable[pa.RecordBatch | pa.Table], rows: int) -> Iterator[pa.Table]:
    """Cut a stream of batches into tables of one chunk and of `rows` rows, the last one shorter."""
    waiting: list[pa.RecordBatch] = []
    held = 0
    for batch in batches:
        waiting += batch.to_batches() if isinstance(batch, pa.Table) else [batch]
        held += len(batch)
        if held < rows:
            continue
        table = pa.Table.from_batches(waiting).combine_chunks()
        whole = held - held % rows
        for start in range(0, whole, rows):
            yield table.slice(start, rows)
        waiting, held = table.slice(whole).to_batches(), held - whole
    if held:
        yield pa.Table.from_batches(waiting).combine_chunks()


def sort_and_thin(table: pa.Table) -> tuple[pa.Table, int]:
    """Sort by key and keep the best attempt of each; also count the attempts that lost to a longer one.

    A second copy of an attempt (two processes drew it at once) is dropped and not counted.
    """
    if not len(table):
        return table, 0
    ranked = table.append_column("_rank", _rank(table.column("finish_reason")))
    limits = pc.cast(ranked.column("max_new_tokens"), pa.int64())
    cut_off = pc.equal(ranked.column("finish_reason"), LENGTH)
    ranked = ranked.append_column("_limit", pc.if_else(cut_off, pc.negate(limits), limits))
    by = [*ORDER, "_rank", "_limit", "tokens", "text"]
    ranked = ranked.sort_by([(name, "ascending") for name in by])
    first = _first_of_each(ranked)
    lost = 0
    if not first.all():
        lost = _beaten(ranked, first)
    return ranked.filter(pa.array(first)).select(SCHEMA.names), lost


def _rank(reasons: Any) -> Any:
    """0 for stop, 1 for length, 2 for error."""
    return pc.if_else(pc.equal(reasons, STOP), 0, pc.if_else(pc.equal(reasons, LENGTH), 1, 2))


def _first_of_each(table: pa.Table) -> Bool[np.ndarray, " row"]:
    """Mark the first row of every run of equal ids."""
    ids = table.column("sample_id").combine_chunks()
    first = np.ones(len(table), dtype=bool)
    if len(table) > 1:
        first[1:] = pc.not_equal(ids[1:], ids[:-1]).to_numpy(zero_copy_only=False)
    return first


def _beaten(table: pa.Table, first: Bool[np.ndarray, " row"]) -> int:
    """Count cut-off attempts that a longer one replaced; of attempts with one limit, one."""
    group = np.cumsum(first)
    limits = table.column("max_new_tokens").to_numpy()
    winners = limits[first][group - 1]
    cut = pc.equal(table.column("finish_reason"), LENGTH).to_numpy()
    lost = ~first & cut & (limits < winners)
    return len(set(zip(group[lost].tolist(), limits[lost].tolist(), strict=True)))


@dataclass
class _Source:
    """A sorted stream, and the part of its next batch that is still waiting."""

    stream: Iterator[pa.RecordBatch]
    waiting: pa.Table | None = None

    def fill(self) -> bool:
        """Have rows waiting, unless the stream is over."""
        while self.waiting is None or not len(self.waiting):
            batch = next(self.stream, None)
            if batch is None:
                return False
            self.waiting = pa.Table.from_batches([batch])
        return True

    def last(self) -> tuple[Any, ...]:
        """Key of the last waiting row."""
        assert self.waiting is not None
        return key_at(self.waiting, len(self.waiting) - 1)

    def take(self, bound: tuple[Any, ...]) -> pa.Table:
        """Give up the waiting rows whose key is not above a bound."""
        assert self.waiting is not None
        low, high = 0, len(self.waiting)
        while low < high:
            middle = (low + high) // 2
            if key_at(self.waiting, middle) <= bound:
                low = middle + 1
            else:
                high = middle
        taken, self.waiting = self.waiting.slice(0, low), self.waiting.slice(low)
        return taken


def key_at(table: pa.Table, row: int) -> tuple[Any, ...]:
    """Read the key of one row."""
    return tuple(table.column(name)[row].as_py() for name in ORDER)


def merged(runs: Sequence[Sequence[Path]], on_lost: Callable[[int], object]) -> Iterator[pa.Table]:
    """Stream the best attempt of every sample in canonical order; `on_lost` hears how many were beaten.

    A run is a sequence of files that are sorted one after the other.
    """
    with tempfile.TemporaryDirectory(prefix="cotmill-merge-") as folder:
        runs = _fewer(list(runs), Path(folder), on_lost)
        yield from _steps([_Source(read_run(run)) for run in runs], on_lost)


def read_run(
    files: Sequence[Path], columns: Sequence[str] | None = None, rows: int = SOURCE_ROWS
) -> Iterator[pa.RecordBatch]:
    """Stream sorted files one after the other, in the order of the named columns."""
    names = SCHEMA.names if columns is None else list(columns)
    for file in files:
        with opened(file) as parquet:
            for batch in parquet.iter_batches(batch_size=rows, columns=names):
                yield batch.select(names)


def _fewer(
    runs: list[Sequence[Path]], folder: Path, on_lost: Callable[[int], object]
) -> list[Sequence[Path]]:
    """Merge groups of runs into one file each, until few enough are left."""
    numbers = count()
    while len(runs) > FAN_IN:
        groups = [runs[start : start + FAN_IN] for start in range(0, len(runs), FAN_IN)]
        runs = []
        for group in groups:
            path = folder / f"{next(numbers)}.parquet"
            write_rows(path, _steps([_Source(read_run(run)) for run in group], on_lost))
            runs.append([path])
    return runs


def _steps(sources: list[_Source], on_lost: Callable[[int], object]) -> Iterator[pa.Table]:
    """Take rows up to the smallest last key, again and again."""
    while live := [source for source in sources if source.fill()]:
        if len(live) == 1:
            assert live[0].waiting is not None
            taken, live[0].waiting = live[0].waiting, None
            yield taken
            continue
        bound = min(source.last() for source in live)
        rows = pa.concat_tables([source.take(bound) for source in live])
        table, lost = sort_and_thin(rows)
        if lost:
            on_lost(lost)
        yield table
