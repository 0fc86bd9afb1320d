"""What a verification will cost, measured on a few of its rows before it starts."""

from __future__ import annotations

import os
import sys
import time
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa

from cotmill.data.pool import Pool
from cotmill.data.types import Example
from cotmill.verify.stream import first_missing, rows_missing
from cotmill.verify.verifier import Verifier

PROBE_ROWS = 96
PROBE_SECONDS = 3.0
STRETCH = 16
"""Rows that are verified together in the probe; the clock is looked at in between."""
ALGEBRA_MB = 110
"""One Math-Verify process, measured; one beside each process that meets an answer it must decide."""


@dataclass(frozen=True)
class Estimate:
    """Rows to do and done already, clock seconds for what is to do, and megabytes at the most."""

    rows: int
    there: int
    probed: int
    seconds: float
    megabytes: float
    algebra: bool
    """Whether the probe met an answer that only algebra decides; its share is then in the seconds."""


def estimate(pool: Pool, out: Path, verifier: Verifier, *, workers: int) -> Estimate:
    """Verify a few of the missing rows, keep nothing, and reckon time and memory from them.

    The rows stand evenly in the first shard that is missing. Caches are cold and the machine is as busy as it
    is, so that the time is rather too long than too short for a pool of equal texts.
    """
    left = rows_missing(pool, out)
    batch = first_missing(pool, out, verifier)
    if batch is None:
        return Estimate(0, len(pool), 0, 0.0, _peak_megabytes(), algebra=False)
    started, probed, algebra = time.perf_counter(), 0, False
    for rows in _stretches(batch):
        found = verifier.all((Example(row["question"], row["gold"]), row["trace"]) for row in rows)
        algebra |= any("Math-Verify" in item.answer.reason for item in found)
        probed += len(rows)
        if time.perf_counter() - started > PROBE_SECONDS:
            break
    spent = time.perf_counter() - started
    verifier.close()
    at_once = max(1, min(workers, os.cpu_count() or 1))
    memory = _peak_megabytes() * (1 + workers if workers > 1 else 1) + ALGEBRA_MB * workers
    return Estimate(left, len(pool) - left, probed, spent / probed * left / at_once, memory, algebra)


def _stretches(batch: pa.RecordBatch) -> list[list[dict[str, str]]]:
    """Rows spread evenly over a batch, in stretches."""
    step = max(1, batch.num_rows // PROBE_ROWS)
    rows = batch.take(pa.array(range(0, batch.num_rows, step)[:PROBE_ROWS])).to_pylist()
    return [rows[at : at + STRETCH] for at in range(0, len(rows), STRETCH)]


def _peak_megabytes() -> float:
    """The most memory that this process has had."""
    if sys.platform == "win32":
        return 0.0
    import resource

    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak / (2**20 if sys.platform == "darwin" else 2**10)
