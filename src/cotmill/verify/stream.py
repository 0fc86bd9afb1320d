"""Verify any number of traces into a folder: parallel, resumable, in flat memory.

OUT/verify.json what was verified, with which rules; a folder made from something else is refused
OUT/shards/part-00000.parquet … one row per trace, in order; a shard that is there is not made again
OUT/summary.json counts of every verdict, rule and reason, and examples of each verdict
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa

from cotmill.core.checked import read_table, write_table
from cotmill.core.errors import RunError
from cotmill.core.files import PART, aside, canonical_json, sweep_parts, write_json, write_once
from cotmill.core.ids import content_id
from cotmill.core.progress import tell
from cotmill.data.marks import marked, unfit
from cotmill.data.pool import Pool
from cotmill.data.types import Example
from cotmill.execute.executor import Execution
from cotmill.verify.verifier import Verification, Verifier

VERSION = 2
"""Raised when a rule changes, so that old shards are not mixed with new ones."""
SHARD_ROWS = 4_096
EXAMPLES = 5
SHOWN = 600
MANIFEST, SUMMARY, SHARDS = "verify.json", "summary.json", "shards"

SCHEMA = pa.schema(
    [
        ("row_id", pa.string()), ("verdict", pa.string()), ("reason", pa.string()), ("rule", pa.string()),
        ("predicted", pa.string()), ("gold", pa.string()), ("strict", pa.bool_()),
        ("equations_right", pa.int32()), ("equations_wrong", pa.int32()), ("equations_unchecked", pa.int32()),
        ("equations_rounded", pa.int32()), ("first_wrong", pa.string()),
        ("grounding_score", pa.float64()), ("answer_is_result", pa.bool_()),
        ("ungrounded", pa.list_(pa.string())), ("from_nowhere", pa.list_(pa.string())),
        ("used_early", pa.list_(pa.string())), ("unused_results", pa.list_(pa.string())),
        ("unused_numbers", pa.list_(pa.string())),
        ("accepted", pa.bool_()), ("because", pa.string()),
    ]
)  # fmt: skip


@dataclass(frozen=True)
class Shard:
    """One stretch of rows to verify, and the file that its results go to."""

    verifier: Verifier
    rows: pa.RecordBatch
    path: Path
    mark: str = ""
    """What it is made from."""


def verify_pool(
    pool: Pool, out: Path, *, verifier: Verifier | None = None, execution: Execution | None = None
) -> dict[str, Any]:
    """Verify every trace of a Pool into a folder, and return the summary.

    Raises:
        RunError: the folder holds results of other data or other rules.
    """
    verifier = verifier or Verifier()
    mark = _claim(out, pool, verifier)
    with (execution or Execution()).start() as executor:
        for _ in executor.each(verify_shard, _missing(pool, out.absolute(), verifier, mark)):
            pass
    summary = summarise(out, pool)
    write_json(out / SUMMARY, summary)
    return summary


def _claim(out: Path, pool: Pool, verifier: Verifier) -> str:
    """Write down what is verified here, or check that it is the same; return its mark."""
    rules = dict(asdict(verifier).items())
    mine = {
        "version": VERSION,
        "pool": pool.fingerprint,
        "rows": len(pool),
        "rules": rules,
        "shard_rows": SHARD_ROWS,
    }
    _refuse_foreign(out)
    sweep_parts(out)
    if canonical_json(write_once(out / MANIFEST, mine)) != canonical_json(mine):
        raise RunError(
            f"{out} holds verdicts on other data or by other rules; name another --out, or remove it"
        )
    return content_id("verdicts", canonical_json(mine))


def _refuse_foreign(out: Path) -> None:
    """Do not write verdicts among other things."""
    if out.is_dir() and not (out / MANIFEST).exists():
        ours = {path for path in out.iterdir() if path.suffix == PART or path.name in (SHARDS, SUMMARY)}
        if foreign := sorted(set(out.iterdir()) - ours):
            raise RunError(f"{out} exists and holds {foreign[0].name}; name a new folder to write to")


def shard_path(out: Path, number: int) -> Path:
    """The file of a shard."""
    return out / SHARDS / f"part-{number:05d}.parquet"


def _missing(pool: Pool, out: Path, verifier: Verifier, mark: str = "") -> Iterator[Shard]:
    """The shards that are not there yet; only a few are in memory at a time.

    A shard that is damaged, or was made from something else, is not there.
    """
    for number, batch in enumerate(_even(pool, ["row_id", "question", "gold", "trace"])):
        path, wanted = shard_path(out, number), f"{mark} {number}"
        wrong = unfit(path, wanted) if mark and path.exists() else None
        if wrong:
            tell(f"{path} {wrong}; it is made again")
            path.unlink()
        if not path.exists():
            yield Shard(verifier, batch, path, wanted)


def rows_missing(pool: Pool, out: Path) -> int:
    """How many rows have no verdict in the folder yet."""
    return sum(
        min(SHARD_ROWS, len(pool) - start)
        for number, start in enumerate(range(0, len(pool), SHARD_ROWS))
        if not shard_path(out, number).exists()
    )


def first_missing(pool: Pool, out: Path, verifier: Verifier) -> pa.RecordBatch | None:
    """The rows of the first shard that is not there; None when all are."""
    return next((shard.rows for shard in _missing(pool, out, verifier)), None)


def _even(pool: Pool, names: list[str]) -> Iterator[pa.RecordBatch]:
    """Batches of the same size whatever the Pool's files are, so that a shard's number fixes its rows."""
    waiting: list[pa.RecordBatch] = []
    count = 0
    for batch in pool.batches(names, rows=SHARD_ROWS):
        while len(batch):
            piece = batch.slice(0, SHARD_ROWS - count)
            batch = batch.slice(len(piece))
            waiting.append(piece)
            count += len(piece)
            if count == SHARD_ROWS:
                yield _one(waiting)
                waiting, count = [], 0
    if waiting:
        yield _one(waiting)


def _one(batches: list[pa.RecordBatch]) -> pa.RecordBatch:
    return pa.Table.from_batches(batches).combine_chunks().to_batches()[0]


def verify_shard(shard: Shard) -> int:
    """Verify one stretch of rows and write its file, whole or not at all."""
    if shard.path.exists():
        return len(shard.rows)
    rows = shard.rows.to_pylist()
    pairs = ((Example(row["question"], row["gold"]), row["trace"]) for row in rows)
    found = [_row(row["row_id"], item) for row, item in zip(rows, shard.verifier.all(pairs), strict=True)]
    shard.path.parent.mkdir(parents=True, exist_ok=True)
    table = marked(pa.Table.from_pylist(found, schema=SCHEMA), shard.mark)
    with aside(shard.path, shared=True) as part:
        write_table(table, part)
    return len(rows)


def _row(row_id: str, item: Verification) -> dict[str, Any]:
    answer, found, grounds = item.answer, item.equations, item.grounding
    return {
        "row_id": row_id, "verdict": str(answer.verdict), "reason": answer.reason, "rule": answer.rule,
        "predicted": answer.predicted, "gold": answer.gold, "strict": answer.strict,
        "equations_right": found.right, "equations_wrong": found.wrong,
        "equations_unchecked": found.unchecked, "equations_rounded": found.rounded,
        "first_wrong": found.first_wrong, "grounding_score": grounds.score,
        "answer_is_result": grounds.answer_is_result, "ungrounded": list(grounds.ungrounded),
        "from_nowhere": list(grounds.from_nowhere), "used_early": list(grounds.used_early),
        "unused_results": list(grounds.unused_results),
        "unused_numbers": list(grounds.unused_numbers), "accepted": item.accepted, "because": item.because,
    }  # fmt: skip


def summarise(out: Path, pool: Pool) -> dict[str, Any]:
    """Count verdicts, rules and signs over all shards, and keep the first examples of each outcome."""
    counts: dict[str, Counter[str]] = {name: Counter() for name in ("verdict", "rule", "because")}
    totals: Counter[str] = Counter()
    chosen: dict[str, list[dict[str, Any]]] = {}
    for number in range(-(-len(pool) // SHARD_ROWS)):
        for row in read_table(shard_path(out, number)).to_pylist():
            counts["verdict"][row["verdict"]] += 1
            counts["rule"][row["rule"] or "none"] += 1
            counts["because"][row["because"].partition(":")[0] or "accepted"] += 1
            for name in (
                "equations_right",
                "equations_wrong",
                "equations_unchecked",
                "equations_rounded",
                "strict",
                "accepted",
            ):
                totals[name] += int(row[name])
            chosen.setdefault(row["because"].partition(":")[0] or "accepted", [])
            if len(kept := chosen[row["because"].partition(":")[0] or "accepted"]) < EXAMPLES:
                kept.append(row)
    return {
        "rows": len(pool),
        "verdicts": dict(counts["verdict"]), "rules": dict(counts["rule"]),
        "outcomes": dict(counts["because"]),
        "totals": dict(totals), "examples": _with_texts(chosen, pool),
    }  # fmt: skip


def _with_texts(chosen: dict[str, list[dict[str, Any]]], pool: Pool) -> dict[str, list[dict[str, Any]]]:
    """Add the question and the end of the trace to the example rows."""
    wanted = {row["row_id"] for rows in chosen.values() for row in rows}
    texts: dict[str, dict[str, Any]] = {}
    for batch in pool.batches(["row_id", "question", "trace"]):
        ids = batch.column("row_id").to_pylist()
        for place in (k for k, row_id in enumerate(ids) if row_id in wanted):
            row = batch.slice(place, 1).to_pylist()[0]
            texts[row["row_id"]] = {"question": row["question"][:SHOWN], "trace": row["trace"][-SHOWN:]}
    kept = ("row_id", "verdict", "rule", "predicted", "gold", "because")
    return {
        outcome: [{name: row[name] for name in kept} | texts[row["row_id"]] for row in rows]
        for outcome, rows in sorted(chosen.items())
    }
