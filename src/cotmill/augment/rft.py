"""Rejection-sampling fine-tuning data: samples of any number of models and a Pool D → the Pool D ∪ D′.

Yuan et al. 2023 (arXiv 2308.01825): keep the sampled solutions whose answer is right and whose equations
compute, one for each distinct reasoning path, beside the given ones. Samples are streamed a question at a
time, judged in worker processes a shard at a time, and never held together: memory does not grow with
their number, and a killed job goes on where it was.

    OUT/pool/                the rows of D, then those of D′ with where each came from
    OUT/counts.json          what every filter did, what was kept; written last
    OUT/shards/              every sample with what became of it and why (samples.parquet of each shard)
    OUT/questions.parquet paths.parquet      what was found, by question and writer
    OUT/shares.parquet yield_curves.parquet coverage.parquet     see `augment.pooling`
    OUT/suspects.jsonl unsolved.jsonl        questions to look at
"""

from __future__ import annotations

import json
import shutil
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa

from cotmill.augment import shards as sharding
from cotmill.augment.collect import Question, Writers, questions_of, sampled_questions, writers_of
from cotmill.augment.config import RftConfig
from cotmill.augment.pooling import PATHS, QUESTIONS, coverage, curves, shares
from cotmill.augment.repo import MISTAKES
from cotmill.augment.shards import KEPT_ROWS, Shard, cut, work
from cotmill.augment.store import SampleStore
from cotmill.core.checked import damage_of, read_table, sums_of, write_table
from cotmill.core.errors import DamagedError, DataError, RunError
from cotmill.core.files import (
    aside,
    canonical_json,
    folder_aside,
    read_json,
    sweep_parts,
    write_checked_json,
    write_text,
)
from cotmill.core.ids import content_id
from cotmill.core.progress import progress, tell
from cotmill.data.identity import RowIds
from cotmill.data.pool import Pool
from cotmill.data.rejects import RejectLog
from cotmill.data.table import table_of
from cotmill.data.write import PoolWriter
from cotmill.execute.executor import Execution

VERSION = 1
JOB, COUNTS, SHARDS, POOL = "rft.json", "counts.json", "shards", "pool"
FILES = "files"
"""Entry of the counts: the hashes of the files beside them."""


@dataclass(frozen=True)
class Place:
    """Where shards go, and what they are made from."""

    out: Path
    mark: str


@dataclass(frozen=True)
class RftResult:
    """What came of it: the folder, and its counts."""

    folder: Path
    counts: dict[str, Any]

    @property
    def pool(self) -> Pool:
        """D ∪ D′."""
        return Pool.open(self.folder / POOL)


def make_rft(
    stores: Sequence[SampleStore | Path | str],
    pool: Pool,
    out: Path,
    config: RftConfig | None = None,
    *,
    execution: Execution | None = None,
) -> RftResult:
    """Filter the samples, keep the distinct correct paths, and put them beside the given solutions.

    Call it again after a kill: finished shards are not done again, and the result is the same bytes.

    Raises:
        DataError: there are no samples, or none of a question of this Pool.
        RunError: the folder holds the result of other samples, other data, or other settings.
    """
    config = (config or RftConfig()).resolved()
    pool = pool.without_labels()  # labels of the given rows would be missing in the new ones
    opened = [one if isinstance(one, SampleStore) else SampleStore.open(one, create=False) for one in stores]
    mark = _claim(out, config, pool, opened)
    if (done := _done(out)) is not None:
        return RftResult(out, done)
    writers, questions = writers_of(opened), questions_of(pool)
    folders = _work_all(opened, questions, writers, config, Place(out, mark), execution or Execution())
    if not folders:
        raise DataError(
            f"none of the {writers.samples:,} samples belongs to one of the {len(questions):,} questions of "
            "this data; give the data that was sampled from"
        )
    counts = _finish(out, folders, pool, questions, writers, config)
    made = sums_of(out)
    made.pop(COUNTS, None)
    write_checked_json(out / COUNTS, {**counts, FILES: made})
    return RftResult(out, counts)


def _done(out: Path) -> dict[str, Any] | None:
    """Read the counts of a result that is whole; what was damaged is removed, and will be made again."""
    if not (out / COUNTS).is_file():
        return None
    try:
        counts = read_json(out / COUNTS)
    except DamagedError as error:
        tell(f"warning: {error}")
        return None
    files = counts.pop(FILES, {})
    wrong = {name: said for name in files if (said := damage_of(out, {name: files[name]})) is not None}
    for name, said in wrong.items():
        tell(f"warning: {said}; it is made again")
        if name.startswith(f"{SHARDS}/"):
            shutil.rmtree(out / SHARDS / name.split("/")[1], ignore_errors=True)
    return None if wrong else counts


def _claim(out: Path, config: RftConfig, pool: Pool, stores: Sequence[SampleStore]) -> str:
    """Write down what is being made of what, or check that it is ours; return its mark."""
    mine = {
        "version": VERSION, "config": config.model_dump(mode="json"), "pool": pool.fingerprint,
        "rows": len(pool), "shard_samples": sharding.SHARD_SAMPLES,
        "samples": sorted({store.fingerprint for store in stores}),
    }  # fmt: skip
    mark = content_id("rft", canonical_json(mine))
    sweep_parts(out)
    if (out / JOB).is_file():
        if canonical_json(read_json(out / JOB)) != canonical_json(mine):
            raise RunError(
                f"{out} was made from other samples, data or settings; name another --out, or remove it"
            )
        return mark
    if out.is_dir() and any(out.iterdir()):
        raise RunError(f"{out} exists and holds something else; name a new folder")
    write_checked_json(out / JOB, mine)
    return mark


def samples_used(config: RftConfig, writers: Writers) -> int | None:
    """How many samples of a question are used: the public script never reads the last one."""
    if config.mode != "repo":
        return config.k
    drawn = writers.last_index + 1
    return max(1, min(config.k or drawn, drawn) - 1)


def _work_all(
    stores: Sequence[SampleStore],
    questions: dict[str, Question],
    writers: Writers,
    config: RftConfig,
    place: Place,
    execution: Execution,
) -> list[Path]:
    """Do the shards that are missing; return the folders of all."""
    sampled = sampled_questions(stores, questions, writers, samples_used(config, writers))
    folders: list[Path] = []

    def missing() -> Iterator[Shard]:
        for shard in cut(sampled, config, place.out.absolute() / SHARDS, place.mark):
            folders.append(shard.folder)
            if not shard.done:
                yield shard

    with execution.start() as executor:
        for _ in progress(executor.each(work, missing()), "shards of samples"):
            pass
    return folders


def _finish(
    out: Path,
    folders: Sequence[Path],
    pool: Pool,
    questions: dict[str, Question],
    writers: Writers,
    config: RftConfig,
) -> dict[str, Any]:
    """Put the shards together."""
    found = _joined(folders, "questions", QUESTIONS)
    paths = _joined(folders, "paths", PATHS)
    _write_table(out / "questions.parquet", found)
    _write_table(out / "paths.parquet", paths)
    owned = shares(paths)
    for name, rows in (
        ("shares", owned),
        ("yield_curves", curves(found, paths)),
        ("coverage", coverage(found, paths)),
    ):
        _write_table(out / f"{name}.parquet", pa.Table.from_pylist(rows))
    write_text(
        out / "suspects.jsonl", "".join((folder / "suspects.jsonl").read_text("utf-8") for folder in folders)
    )
    unsolved = _unsolved(found, questions)
    write_text(out / "unsolved.jsonl", "".join(unsolved))
    made = _write_pool(out / POOL, pool, folders)
    return _summary(folders, pool, made, questions, writers, config) | {
        "unsolved": len(unsolved), "paths": owned[0]["all_paths"] if owned else 0, "shares": owned,
    }  # fmt: skip


def _joined(folders: Sequence[Path], name: str, schema: pa.Schema) -> pa.Table:
    tables = [read_table(folder / f"{name}.parquet", schema=schema) for folder in folders]
    return pa.concat_tables(tables)


def _write_table(path: Path, table: pa.Table) -> None:
    with aside(path) as part:
        write_table(table, part)


def _unsolved(found: pa.Table, questions: dict[str, Question]) -> list[str]:
    """One line for every sampled question without a right answer."""
    right: Counter[str] = Counter()
    drawn: Counter[str] = Counter()
    columns = [found.column(name).to_pylist() for name in ("example_id", "right", "samples")]
    for example_id, count, samples in zip(*columns, strict=True):
        right[example_id] += count
        drawn[example_id] += samples
    return [
        json.dumps(
            {"example_id": name, "question": questions[name].example.question,
             "gold": questions[name].example.gold, "samples": drawn[name]},
            ensure_ascii=False, sort_keys=True,
        ) + "\n"
        for name, count in right.items()
        if not count
    ]  # fmt: skip


def _write_pool(folder: Path, pool: Pool, folders: Sequence[Path]) -> Pool:
    """Write D and then D′, streaming; the rows of D keep their ids and columns."""
    with folder_aside(folder) as part:
        writer = PoolWriter(part)
        for batch in pool.batches():
            writer.add(pa.Table.from_batches([batch]))
        ids = RowIds()
        for shard in folders:
            kept = read_table(shard / "kept.parquet", schema=KEPT_ROWS)
            told = [kept.column(name).to_pylist() for name in ("example_id", "trace", "origin")]
            writer.add(table_of({"row_id": pa.array(ids(*told), pa.string()), **_columns(kept)}))
        with RejectLog(lambda: part) as log:
            writer.finish(
                log, {**pool.about, "augmented": "distinct correct sampled paths beside the given ones"}
            )
    return Pool.open(folder)


def _columns(table: pa.Table) -> dict[str, pa.ChunkedArray]:
    return {name: table.column(name) for name in table.column_names}


def _summary(
    folders: Sequence[Path],
    pool: Pool,
    made: Pool,
    questions: dict[str, Question],
    writers: Writers,
    config: RftConfig,
) -> dict[str, Any]:
    """Sum up the shards' counts."""
    total: dict[str, Any] = {}
    for folder in folders:
        _add(total, read_json(folder / COUNTS))
    compared = total["diversity"]
    if compared["spread"]:
        compared["gap_of_greedy"] = round(1 - compared["greedy"] / compared["spread"], 6)
    return {
        **total, "given_rows": len(pool), "new_rows": len(made) - len(pool), "rows": len(made),
        "pool": made.fingerprint, "questions_of_the_data": len(questions),
        "questions_without_samples": len(questions) - total["questions"],
        "samples_of_other_questions_or_beyond_k": writers.samples - total["samples"],
        "writers": sorted(set(writers.names.values())),
        "mistakes_reproduced": MISTAKES if config.mode == "repo" else {},
    }  # fmt: skip


def _add(total: dict[str, Any], more: dict[str, Any]) -> None:
    """Add counts, however nested."""
    for name, value in more.items():
        if isinstance(value, dict):
            _add(total.setdefault(name, {}), value)
        else:
            total[name] = total.get(name, 0) + value
