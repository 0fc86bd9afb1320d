"""A measurement in shards of rows: each is a file that is whole or not there, so nothing is measured twice.

The shards of a measurement lie in a work folder with a note of what is measured by what, and each shard
says what it was made from: one that was made from something else, or is damaged, is made again. Several
processes or machines may work on one folder: the workers of an executor, processes that torchrun started,
or commands that each do a part of the shards. What comes out does not depend on who did which.
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
from cotmill.core.files import aside, canonical_json, sweep_parts, write_once
from cotmill.core.ids import content_id
from cotmill.core.progress import progress, tell
from cotmill.data.marks import marked, unfit
from cotmill.data.pool import Pool
from cotmill.evidence.files import from_arrow, to_arrow
from cotmill.execute.executor import Executor
from cotmill.model.ranks import meet, processes, rank
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


@dataclass(frozen=True)
class Measuring:
    """What is measured: a function of (model, rows), the model, and how workers get the model.

    The function is one of a module, or a partial of one, so that it can travel. `source` has a method
    `model()`; None where the model exists in this process alone.
    """

    function: Callable[[Any, list[Row]], Columns]
    model: Any
    source: Callable[[], Any]
    """Gives what workers load the model by; asked only where there are workers."""

    def __call__(self, rows: list[Row]) -> Columns:
        """Measure in this process."""
        return self.function(self.model, rows)


def in_shards(
    pool: Pool,
    measure: Measuring,
    *,
    label: str,
    job: Mapping[str, Any],
    work: Path | None = None,
    part: Part | None = None,
    executor: Executor | None = None,
) -> Columns:
    """Measure a pool shard by shard and return the columns, rows in the pool's order.

    Without a work folder nothing is kept, and all is done here. With a part, only the shards of that part
    are measured, and the columns returned are theirs.

    Raises:
        RunError: the work folder holds another measurement.
    """
    part = part or Part()
    if work is None:
        shards = enumerate(progress(_shards(pool), label, total=-(-len(pool) // SHARD_ROWS)))
        done = [measure(rows) for number, rows in shards if part.has(number)]
    else:
        mark = _claim(work, {**job, "pool": pool.fingerprint, "shard_rows": SHARD_ROWS})
        wanted = [number for number in range(-(-len(pool) // SHARD_ROWS)) if part.has(number)]
        _measure(pool, measure, Place(work, mark), wanted, label, executor)
        meet()
        done = [Place(work, mark).read(number) for number in wanted]
        meet()  # before the first to return removes the folder
    if not done:
        done = [measure([])]
    return {name: np.concatenate([columns[name] for columns in done]) for name in done[0]}


@dataclass(frozen=True)
class Place:
    """Where the shards of one measurement lie."""

    work: Path
    mark: str
    """What they are made from."""

    def path(self, number: int) -> Path:
        """The file of a shard."""
        return self.work / f"shard-{number:06d}.parquet"

    def has(self, number: int) -> bool:
        """Say whether a shard is there, made from the same; one that is not is removed."""
        path = self.path(number)
        if not path.is_file():
            return False
        wrong = unfit(path, f"{self.mark} {number}")
        if wrong is None:
            return True
        tell(f"{path} {wrong}; it is made again")
        path.unlink(missing_ok=True)
        return False

    def write(self, number: int, columns: Columns) -> None:
        """Write a shard, whole or not at all."""
        table = pa.table({name: to_arrow(values) for name, values in columns.items()})
        with aside(self.path(number), shared=True) as part:
            write_table(marked(table, f"{self.mark} {number}"), part)

    def read(self, number: int) -> Columns:
        """Read a shard."""
        table = read_table(self.path(number))
        return {name: from_arrow(table[name]) for name in table.column_names}


@dataclass(frozen=True)
class Shard:
    """Some rows for a worker to measure, and where they go."""

    function: Callable[[Any, list[Row]], Columns]
    source: Any
    place: Place
    number: int
    rows: list[Row]


def measure_shard(shard: Shard) -> int:
    """Measure some rows in a worker, by the model that it has, or loads."""
    if not shard.place.has(shard.number):
        shard.place.write(shard.number, shard.function(shard.source.model(), shard.rows))
    return len(shard.rows)


def _measure(
    pool: Pool, measure: Measuring, place: Place, wanted: list[int], label: str, executor: Executor | None
) -> None:
    """Measure the shards that are not there."""
    missing = {number for number in wanted if not place.has(number)}
    own = {number for number in missing if number % processes() == rank()}
    numbered = ((number, rows) for number, rows in enumerate(_shards(pool)) if number in own)
    steps = iter(progress(range(len(own)), label))
    if executor is None or executor.here:
        for number, rows in numbered:
            next(steps)
            place.write(number, measure(rows))
    else:
        source = measure.source()
        away = Place(place.work.absolute(), place.mark)
        shards = (Shard(measure.function, source, away, number, rows) for number, rows in numbered)
        for _ in executor.each(measure_shard, shards):
            next(steps)
    for _ in steps:
        pass


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


def _claim(work: Path, job: Mapping[str, Any]) -> str:
    """Note what is measured here, or check that it is the same; return its mark."""
    sweep_parts(work)
    found = write_once(work / JOB, dict(job))
    differing = sorted(key for key in job if found.get(key) != job[key])
    if differing:
        raise RunError(f"{work} holds a measurement with another {', '.join(differing)}; name another folder")
    return content_id("measurement", canonical_json(dict(job)))
