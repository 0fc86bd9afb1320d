"""SampleStore: samples on disk, append-only, each exactly once, the same bytes however they were written.

    DIR/
      store.json              which files are whole, how many samples, how many cut-off attempts were replaced
      whole-<hash16>/part-00000.parquet …   samples in canonical order, one row each
      parts/<random>.parquet  what was added since: any process, any order; each file is whole or not there
      settings/<hash>.json    every set of sampling settings, in full
      .lock                   shared while a file is added, exclusive while `finish` puts files together

A row is durable when `add` returns. Reading merges `whole` and `parts`, so a store can be read at any time;
`finish` does that merge on disk. Which attempt at a sample counts is decided by `merge`, not by the order
of writing: the finished files of a job that was killed and resumed are those of an undisturbed one.
"""

from __future__ import annotations

import fcntl
import os
import shutil
import uuid
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from itertools import groupby
from pathlib import Path
from typing import Any

import pyarrow as pa
from pyarrow import compute

from cotmill.augment.done import Done
from cotmill.augment.merge import GROUP_ROWS, equal_slices, merged, read_run, sort_and_thin, write_rows
from cotmill.augment.samples import SCHEMA, Sample, settings_hash, table_of
from cotmill.core import mirror
from cotmill.core.errors import DataError, RunError
from cotmill.core.files import (
    PART,
    aside,
    canonical_json,
    flush,
    folder_aside,
    read_json,
    remove,
    sha256_of,
    write_checked_json,
)
from cotmill.core.ids import content_id

pc: Any = compute
"""Its functions are made at run time, which type checkers cannot see."""

STORE, PARTS, SETTINGS, WHOLE = "store.json", "parts", "settings", "whole"
MERGING = ".merging"
VERSION = 1
SHARD_ROWS = 32 * GROUP_ROWS
"""Rows of one file."""
BATCH_ROWS = 8_192
KEY_COLUMNS = ("sample_id", "finish_reason", "max_new_tokens")


class SampleStore:
    """The samples of a folder; any number of processes may add to it at once."""

    def __init__(self, folder: Path) -> None:
        """Use `open`."""
        self.folder = folder

    @classmethod
    def open(cls, folder: Path | str, *, create: bool = True) -> SampleStore:
        """Open a store, or make an empty one.

        Raises:
            DataError: the folder holds something else, a newer version, or nothing and `create` is off.
        """
        folder = Path(folder)
        path = folder / STORE
        if path.is_file():
            version = read_json(path).get("version")
            if version != VERSION:
                raise DataError(
                    f"{folder} is a store of samples of version {version}; this cotmill reads {VERSION}"
                )
        elif not create:
            raise DataError(f"{folder} holds no samples: it has no {STORE}; make it with `cotmill sample`")
        elif folder.is_file() or (folder.is_dir() and set(_entries(folder))):
            raise DataError(f"{folder} exists and is no store of samples; name a new folder")
        else:
            folder.mkdir(parents=True, exist_ok=True)
            with cls(folder)._locked(fcntl.LOCK_EX):
                if not path.is_file():
                    write_checked_json(path, _record())
        return cls(folder)

    # ---- writing ----------------------------------------------------------------------------------

    def add(self, rows: Iterable[Sample] | pa.Table) -> int:
        """Add samples; they are on disk when this returns. What is there already is not doubled.

        Raises:
            DataError: a sample belongs to settings that `add_settings` has not been told.
        """
        table: Any = rows if isinstance(rows, pa.Table) else table_of(rows)
        table = table.select(SCHEMA.names).cast(SCHEMA)
        for name in table.column("settings").unique().to_pylist():
            if not self._settings_path(name).is_file():
                raise DataError(f"settings {name} are not in {self.folder}; add_settings() comes first")
        limits = table.column("max_new_tokens")
        # One file per limit, so that a file holds a sample once and no replaced attempt goes uncounted.
        groups = [table.filter(pc.equal(limits, limit)) for limit in limits.unique().to_pylist()]
        return sum(self._add(sort_and_thin(group)[0]) for group in groups)

    def _add(self, table: pa.Table) -> int:
        path = self.folder / PARTS / f"{uuid.uuid4().hex}.parquet"
        with self._locked(fcntl.LOCK_SH), aside(path) as part:
            write_rows(part, [table])
        return len(table)

    def add_settings(self, settings: Mapping[str, Any]) -> str:
        """Keep a set of sampling settings in full, and return its hash."""
        name = settings_hash(settings)
        path = self._settings_path(name)
        if not path.is_file():
            # Two processes may do this at once: each under a name of its own, with the same content.
            own = path.with_name(f".{uuid.uuid4().hex}.json")
            with self._locked(fcntl.LOCK_SH):
                write_checked_json(own, dict(settings))
                own.replace(path)
            mirror.published(path)
        return name

    def finish(self) -> int:
        """Put all files together in canonical order; return the number of samples.

        The bytes of the result depend on the samples alone. Other processes that add wait for it. A reader
        that began before must begin again.
        """
        with self._locked(fcntl.LOCK_EX):
            self._sweep()
            parts = self._parts()
            if parts:
                self._put_together(parts)
                self._sweep()
        return int(self._record()["samples"])

    def _put_together(self, parts: list[Path]) -> None:
        """Write the new files aside, switch over to them in one rename, then remove the old ones."""
        record = self._record()
        lost: list[int] = [int(record["replaced"])]
        work = self.folder / MERGING
        rows = 0
        with folder_aside(work) as part:
            stream = merged([self._whole(), *([path] for path in parts)], lost.append)
            for number, shard in enumerate(_shards(stream)):
                rows += write_rows(part / f"part-{number:05d}.parquet", shard)
        name = f"{WHOLE}-{_fingerprint(work)[:16]}"
        final = self.folder / name
        if name != record["whole"] or _fingerprint(final) != _fingerprint(work):
            # The same samples again: a file that was lost or damaged has been drawn anew.
            shutil.rmtree(final, ignore_errors=True)
            work.replace(final)
            flush(self.folder)
            mirror.published(final)
        told = _record(name, rows, sum(lost))
        # From this line on the parts count as taken in, though they are still there.
        write_checked_json(self.folder / STORE, {**told, "taken": sorted(path.name for path in parts)})

    def _sweep(self) -> None:
        """Remove what a killed process left, and what has been taken in; only under the exclusive lock."""
        record = self._record()
        for path in list(self.folder.rglob(f"*{PART}")):
            shutil.rmtree(path) if path.is_dir() else path.unlink(missing_ok=True)
        for path in self.folder.glob(f"{WHOLE}-*"):
            if path.name != record["whole"]:
                remove(path)
        shutil.rmtree(self.folder / MERGING, ignore_errors=True)
        for path in (self.folder / SETTINGS).glob("*.json"):
            if settings_hash(read_json(path)) != path.stem:
                path.unlink()
        if "taken" in record:
            for name in record.pop("taken"):
                remove(self.folder / PARTS / name)
            write_checked_json(self.folder / STORE, record)
        if (self.folder / PARTS).is_dir() and not _entries(self.folder / PARTS):
            remove(self.folder / PARTS)

    # ---- reading ----------------------------------------------------------------------------------

    def batches(
        self, columns: Sequence[str] | None = None, rows: int = BATCH_ROWS
    ) -> Iterator[pa.RecordBatch]:
        """Stream the samples by example, model, settings, prompt and index, in bounded memory.

        Raises:
            DataError: there is no such column.
            RunError: the files were put together while they were read.
        """
        names = list(SCHEMA.names if columns is None else columns)
        unknown = [name for name in names if name not in SCHEMA.names]
        if unknown:
            raise DataError(f"samples have no column '{unknown[0]}'; they have {', '.join(SCHEMA.names)}")
        parts = self._parts()
        try:
            if not parts:
                yield from read_run(self._whole(), names, rows)
                return
            for table in merged([self._whole(), *([path] for path in parts)], lambda _: None):
                yield from table.select(names).to_batches(max_chunksize=rows)
        except FileNotFoundError as error:
            raise RunError(f"{self.folder} was put together while it was read; read it again") from error

    def keys(self) -> Done:
        """Say which samples are there and which of them were cut off: 24 bytes a sample."""
        return Done.of(
            batch
            for file in [*self._whole(), *self._parts()]
            for batch in read_run([file], KEY_COLUMNS, SHARD_ROWS)
        )

    def count(self) -> int:
        """Number of samples, each counted once."""
        if not self._parts():
            return int(self._record()["samples"])
        return len(self.keys())

    def models(self) -> dict[str, str]:
        """Fingerprint to name of every model that wrote a sample; of several names the first."""
        found: dict[str, str] = {}
        for file in [*self._whole(), *self._parts()]:
            for batch in read_run([file], ["model", "model_name"], SHARD_ROWS):
                pairs = pa.Table.from_batches([batch]).group_by(["model", "model_name"]).aggregate([])
                rows: list[dict[str, Any]] = pairs.to_pylist()
                for row in rows:
                    name: str = row["model_name"]
                    known = found.get(row["model"], name)
                    found[row["model"]] = min(known, name)
        return dict(sorted(found.items()))

    def settings(self, name: str | None = None) -> dict[str, Any]:
        """Return one set of sampling settings by its hash, or all of them by hash.

        Raises:
            DataError: there is none of this hash.
        """
        if name is not None:
            if not self._settings_path(name).is_file():
                raise DataError(f"{self.folder} has no settings {name}")
            return read_json(self._settings_path(name))
        paths = sorted((self.folder / SETTINGS).glob("*.json"))
        return {path.stem: read_json(path) for path in paths}

    @property
    def replaced(self) -> int:
        """Cut-off attempts that a longer one has replaced, up to the last `finish`."""
        return int(self._record()["replaced"])

    @property
    def fingerprint(self) -> str:
        """Hash of the samples: ids, texts and how they ended, in canonical order."""
        digest = content_id("samples")
        stream = self.batches(["sample_id", "finish_reason", "text"])
        for table in equal_slices(stream, GROUP_ROWS):
            digest = content_id(digest, *(canonical_json(column.to_pylist()) for column in table.columns))
        return digest

    # ---- files ------------------------------------------------------------------------------------

    def _record(self) -> dict[str, Any]:
        return read_json(self.folder / STORE)

    def _whole(self) -> list[Path]:
        """Files in canonical order, one after the other."""
        whole = self._record()["whole"]
        return sorted((self.folder / whole).glob("part-*.parquet")) if whole else []

    def _parts(self) -> list[Path]:
        """Files that were added since."""
        taken = set(self._record().get("taken", ()))
        return [path for path in sorted((self.folder / PARTS).glob("*.parquet")) if path.name not in taken]

    def _settings_path(self, name: str) -> Path:
        return self.folder / SETTINGS / f"{name}.json"

    @contextmanager
    def _locked(self, how: int) -> Iterator[None]:
        """Hold the store's lock, waiting for it if need be."""
        handle = os.open(self.folder / ".lock", os.O_RDWR | os.O_CREAT, 0o644)
        try:
            fcntl.flock(handle, how)
            yield
        finally:
            os.close(handle)


def _record(whole: str = "", samples: int = 0, replaced: int = 0) -> dict[str, Any]:
    """Build the content of `store.json`."""
    return {"version": VERSION, "whole": whole, "samples": samples, "replaced": replaced}


def _entries(folder: Path) -> list[str]:
    """Name what lies in a folder, but for locks and unfinished files."""
    return [path.name for path in folder.iterdir() if path.name[0] != "." and path.suffix != PART]


def _shards(stream: Iterable[pa.Table]) -> Iterator[Iterator[pa.Table]]:
    """Cut a stream into files; each must be read to its end before the next."""
    numbered = enumerate(equal_slices(stream, GROUP_ROWS))
    for _, shard in groupby(numbered, key=lambda slice_: slice_[0] // (SHARD_ROWS // GROUP_ROWS)):
        yield (table for _, table in shard)


def _fingerprint(folder: Path) -> str:
    """Hash the files of a folder."""
    files = sorted(folder.iterdir()) if folder.is_dir() else []
    return content_id(*(part for path in files for part in (path.name, sha256_of(path))))
