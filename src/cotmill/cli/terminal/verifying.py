"""What `cotmill verify` says before it starts."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from cotmill.data.pool import Pool
from cotmill.execute.executor import Execution
from cotmill.verify.estimate import estimate
from cotmill.verify.verifier import Verifier


def plan_lines(pool: Pool, out: Path, verifier: Verifier, execution: Execution) -> Iterator[str]:
    """Say what will be verified, what is there already, and how long and how much memory it will take."""
    yield f"{len(pool):,} traces, by {execution.told}; results go to {out}"
    found = estimate(pool, out, verifier, workers=execution.workers or 1)
    if found.there:
        yield f"{found.there:,} are verified already, {found.rows:,} are left"
    if not found.rows:
        return
    algebra = "some answers need algebra" if found.algebra else "no algebra among them, which takes longer"
    yield (
        f"roughly {_time(found.seconds)} and at most {found.megabytes:,.0f} MB, reckoned from "
        f"{found.probed} rows just verified ({algebra})"
    )


def _time(seconds: float) -> str:
    """Say a time.

    >>> _time(0.2), _time(42.0), _time(600.0), _time(9000.0)
    ('1 s', '42 s', '10 min', '2.5 h')
    """
    if seconds < 120:
        return f"{max(1, round(seconds))} s"
    return f"{seconds / 60:.0f} min" if seconds < 7200 else f"{seconds / 3600:.1f} h"
