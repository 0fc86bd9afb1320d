"""Read any of the schemas people have into a Pool: detect the form, stream, set bad rows aside.

A source is a file, a folder of files, a folder that `Pool.write` made, or the name of a data set on the
hub. Every file is detected by itself, so that a folder may mix schemas.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from itertools import chain
from pathlib import Path
from typing import Any

from cotmill.core.errors import DataError
from cotmill.core.files import folder_aside
from cotmill.core.progress import progress
from cotmill.core.stores import fetched, is_address
from cotmill.data.chunk import Chunk
from cotmill.data.convert import Converter
from cotmill.data.detect import detect, form_named, form_of_columns
from cotmill.data.fields import normal
from cotmill.data.forms import Form
from cotmill.data.identity import RowIds
from cotmill.data.licence import Licence, licence_near
from cotmill.data.pool import MANIFEST, Pool, refuse_foreign
from cotmill.data.records import SUFFIXES, chunks, suffix_of
from cotmill.data.rejects import REJECTS, RejectLog
from cotmill.data.scratch import Scratch
from cotmill.data.write import PoolWriter

AUTO = "auto"
SAMPLE_ROWS = 200
"""Rows that are looked at to tell the form."""

_NOT_DATA = {REJECTS, "dataset_info.json", "dataset_infos.json", "state.json", "package.json", "config.json"}
_SHARD = re.compile(r"[-_.]\d+([-_]of[-_]\d+)?$")


@dataclass(frozen=True)
class _File:
    """One file to read: what to call it, its rows, and the source of rows that name none."""

    name: str
    rows: Iterator[Chunk]
    stratum: str = ""


def read_pool(
    source: str | Path,
    *,
    form: str = AUTO,
    columns: Mapping[str, str] | None = None,
    out: Path | None = None,
    source_name: str | None = None,
) -> Pool:
    """Read data into a Pool, in bounded memory; bad rows are set aside and counted in `pool.rejects`.

    `form` names one of `FORMS`, `columns` says which column is the question, answer, trace, gold or source;
    without either the form is detected. With `out` the Pool is written there, else it stays in memory
    while it is small and in a temporary folder when it is not.

    Raises:
        DataError: nothing usable, or not clear what it is: the message says what to type.
    """
    told = (_wanted(form, columns), out, source_name)
    if not is_address(str(source)):
        return _read(str(source), str(source), *told)
    scratch = Scratch()
    return _read(str(fetched(str(source), scratch.path())), str(source), *told, keep=scratch)


def _read(
    source: str,
    called: str,
    wanted: Form | None,
    out: Path | None,
    source_name: str | None,
    keep: Scratch | None = None,
) -> Pool:
    """Read what lies here; `keep` is the scratch folder that it lies in, if it came from elsewhere."""
    found = Path(source)
    if (found / MANIFEST).is_file():
        pool = Pool.open(found, keep=keep)
        return pool.write(out) if out else pool
    files = _files(source)
    with _writer(out) as writer:
        forms: dict[str, str] = {}
        row_ids = RowIds()
        with RejectLog(writer.place) as log:
            for file in files(log):
                forms |= _read_file(file, wanted, writer, log, row_ids, source_name)
        if not writer.rows:
            raise DataError(_nothing(called, log))
        about = {
            "read_from": called,
            "forms": forms,
            "rows_read": writer.rows,
            "licences": _licences(source, found, forms),
        }
        pool = writer.finish(log, about)
    return Pool.open(out) if out else pool


def _licences(source: str, path: Path, forms: Mapping[str, str]) -> dict[str, dict[str, str]]:
    """Note the licence that lies beside each input file."""
    if not path.exists():
        return {source: asdict(Licence())}
    files = {name: path / name for name in forms} if path.is_dir() else {path.name: path}
    return {name: asdict(licence_near(file)) for name, file in files.items()}


@contextmanager
def _writer(out: Path | None) -> Iterator[PoolWriter]:
    """Write to a folder that takes its name only when all went well, or to memory."""
    if out is None:
        yield PoolWriter(None)
        return
    refuse_foreign(Path(out))
    with folder_aside(Path(out)) as part:
        yield PoolWriter(part)


def _wanted(form: str, columns: Mapping[str, str] | None) -> Form | None:
    """Return the form that the caller settles on, if any."""
    if columns:
        return form_of_columns(columns)
    return None if form == AUTO else form_named(form)


def _read_file(
    file: _File,
    form: Form | None,
    writer: PoolWriter,
    log: RejectLog,
    row_ids: RowIds,
    source_name: str | None,
) -> dict[str, str]:
    """Read one file; returns the form it has, by its name."""
    rows = (chunk for chunk in file.rows if len(chunk))
    first = next(rows, None)
    if first is None:
        return {}
    names = list(first.columns)
    if form is None:
        sample = [first.row(position) for position in range(min(SAMPLE_ROWS, len(first)))]
        form = detect(names, sample, where=file.name)
    else:
        _check_needs(form, names, file.name)
    converter = Converter(form, file.name, log, row_ids, source_name, file.stratum, writer.promoted)
    for chunk in progress(chain([first], rows), f"reading {file.name}, some thousand rows at a time"):
        table = converter.table(chunk)
        if len(table):
            writer.add(table)
    return {file.name: form.name}


def _check_needs(form: Form, names: list[str], where: str) -> None:
    """Refuse a form whose columns are not there at all."""
    missing = [name for name in form.needs if name not in set(map(normal, names))]
    if missing:
        raise DataError(
            f"{where} has no column {', '.join(map(repr, missing))}, which form '{form.name}' needs; "
            f"its columns are {', '.join(map(repr, names))}"
        )


def _nothing(source: str, log: RejectLog) -> str:
    """Say why there is not one usable row."""
    if not log.count:
        return f"{source} holds no rows"
    return f"{source} holds no usable row: all {log.count:,} were set aside: {log.in_words()}"


# ---- where the rows come from ---------------------------------------------------------------------


def _files(source: str) -> Any:
    """Return a function from the log of rejects to the files to read."""
    path = Path(source)
    if path.is_dir():
        return lambda log: _in_folder(path, log)
    if path.exists():
        return lambda log: iter([_File(path.name, chunks(path, log))])
    if HUB_NAME.fullmatch(source) and path.suffix not in (*SUFFIXES, ".gz"):
        from cotmill.data.hub import hub_chunks

        return lambda _log: iter([_File(source, hub_chunks(source))])
    raise DataError(
        f"{source} does not exist; expected a file ({', '.join(SUFFIXES)}, each also .gz), a folder of such "
        "files, or the name of a data set on the hub as in openai/gsm8k or openai/gsm8k:main:train"
    )


HUB_NAME = re.compile(r"[\w.-]+/[\w.-]+(:[\w.-]+){0,2}")


def _in_folder(folder: Path, log: RejectLog) -> Iterator[_File]:
    """Yield a folder's data files, by name; each file's name is the source of rows that have none."""
    entries = sorted(folder.rglob("*"))
    lost = [
        path for path in entries if suffix_of(path) in SUFFIXES and path.is_symlink() and not path.exists()
    ]
    if lost:
        raise DataError(f"{lost[0]} links to {lost[0].readlink()}, which is not there; mend it or remove it")
    paths = [
        path
        for path in entries
        if path.is_file()
        and suffix_of(path) in SUFFIXES
        and path.name not in _NOT_DATA
        and not any(part.startswith(".") or part.endswith(".part") for part in path.relative_to(folder).parts)
    ]
    if not paths:
        raise DataError(f"{folder} holds no data files ({', '.join(SUFFIXES)}, each also .gz)")
    strata = [_stratum(path.relative_to(folder)) for path in paths]
    several = len(set(strata)) > 1
    for path, stratum in zip(paths, strata, strict=True):
        name = path.relative_to(folder).as_posix()
        yield _File(name, chunks(path, log), stratum if several else "")


def _stratum(path: Path) -> str:
    """Name a file's rows: its path without suffixes and shard numbers.

    >>> _stratum(Path("main/train-00000-of-00002.parquet"))
    'main/train'
    """
    stem = path.name.removesuffix(".gz").removesuffix(suffix_of(path))
    name = (path.parent / (_SHARD.sub("", stem) or stem)).as_posix()
    return name.encode(errors="backslashreplace").decode()
