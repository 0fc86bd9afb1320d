"""A measurement in shards of rows: each is a file that is whole or not there, so nothing is measured twice.

The shards of a measurement lie in a work folder with a note of what is measured by what. Several processes
or machines may work on one folder, each on its own part of the shards.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
from jaxtyping import Shaped

from cotmill.core.checked import read_table, write_table
from cotmill.core.errors import EvidenceError, RunError
from cotmill.core.files import aside, read_json, write_json
from cotmill.core.progress import progress
from cotmill.data.pool import Pool
from cotmill.evidence.files import from_arrow, to_arrow
from cotmill.model.render import COLUMNS, Row, row_of

SHARD_ROWS = 2_048
"""Rows between two completion marks: a few seconds for a small model on a CPU."""
JOB = "measure.json"

Columns = dict[str, Shaped[np.ndarray, "row *rest"]]


@dataclass(frozen=True)
class Part:
    """One of several equal parts of the shards, counted from 0.

    >>> [shard for shard in range(5) if Part(1, 2).has(shard)]
    [1, 3]
    """

    number: int = 0
    of: int = 1

    def has(self, shard: int) -> bool:
        """Say whether a shard belongs to this part."""
        return shard % self.of == self.number

    @classmethod
    def parse(cls, text: str) -> Part:
        """Read `2/8`: the second of eight parts.

        >>> Part.parse("2/8")
        Part(number=1, of=8)
        """
        number, _, of = text.partition("/")
        if not (number.isdigit() and of.isdigit() and 0 < int(number) <= int(of)):
            raise EvidenceError(
                f"{text!r} is no part of a whole; write for example 2/8 for the second of eight"
            )
        return cls(int(number) - 1, int(of))


def in_shards(
    pool: Pool,
    measure: Callable[[list[Row]], Columns],
    *,
    label: str,
    job: Mapping[str, Any],
    work: Path | None = None,
    part: Part | None = None,
) -> Columns:
    """Measure a pool shard by shard and return the columns, rows in the pool's order.

    Without a work folder nothing is kept. With a part, only the shards of that part are measured, and the
    columns returned are theirs.

    Raises:
        RunError: the work folder holds another measurement.
    """
    part = part or Part()
    if work is not None:
        _claim(work, {**job, "pool": pool.fingerprint, "shard_rows": SHARD_ROWS})
    count = -(-len(pool) // SHARD_ROWS)
    done: list[Columns] = []
    for number, rows in enumerate(progress(_shards(pool), label, total=count)):
        if part.has(number):
            done.append(_shard(rows, measure, work, number))
    if not done:
        done = [measure([])]
    return {name: np.concatenate([columns[name] for columns in done]) for name in done[0]}


def _shards(pool: Pool) -> Iterator[list[Row]]:
    """Cut the pool into shards of exactly `SHARD_ROWS` rows, the last one shorter."""
    waiting: list[Row] = []
    for batch in pool.batches(list(COLUMNS), rows=SHARD_ROWS):
        waiting += map(row_of, batch.to_pylist())
        while len(waiting) >= SHARD_ROWS:
            yield waiting[:SHARD_ROWS]
            waiting = waiting[SHARD_ROWS:]
    if waiting:
        yield waiting


def _shard(
    rows: list[Row], measure: Callable[[list[Row]], Columns], work: Path | None, number: int
) -> Columns:
    """Read a shard that was measured, or measure it and leave it behind."""
    if work is None:
        return measure(rows)
    path = work / f"shard-{number:06d}.parquet"
    if not path.is_file():
        with aside(path) as place:
            write_table(pa.table({name: to_arrow(values) for name, values in measure(rows).items()}), place)
    table = read_table(path)
    return {name: from_arrow(table[name]) for name in table.column_names}


def _claim(work: Path, job: Mapping[str, Any]) -> None:
    """Note what is measured here, or check that it is the same."""
    if not (work / JOB).is_file():
        write_json(work / JOB, dict(job))
    found = read_json(work / JOB)
    differing = sorted(key for key in job if found.get(key) != job[key])
    if differing:
        raise RunError(f"{work} holds a measurement with another {', '.join(differing)}; name another folder")
