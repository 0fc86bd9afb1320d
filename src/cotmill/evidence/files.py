"""Evidence files on disk: Parquet with a row_id, columns of numbers, and provenance as metadata."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from cotmill.core.errors import EvidenceError
from cotmill.core.files import aside, canonical_json
from cotmill.core.ids import as_strings

METADATA_KEY = b"cotmill"
STEP_COLUMN = "loss_sum@"
"""Prefix of the columns of a trajectory; what follows is the step."""
ROW_GROUP = 1 << 17


def write_columns(
    path: Path, row_ids: np.ndarray, columns: Mapping[str, np.ndarray], about: Mapping[str, Any]
) -> None:
    """Write row ids and columns, whole or not at all."""
    arrays = {"row_id": pa.array(row_ids, type=pa.string())}
    arrays |= {name: pa.array(np.ascontiguousarray(values)) for name, values in columns.items()}
    table = pa.table(arrays).replace_schema_metadata({METADATA_KEY: canonical_json(about).encode()})
    with aside(path) as part:
        pq.write_table(table, part, compression="zstd", row_group_size=ROW_GROUP)


def read_columns(path: Path) -> tuple[np.ndarray, dict[str, np.ndarray], dict[str, Any]]:
    """Read row ids, columns and provenance of a Parquet file, or of a folder that holds exactly one.

    Raises:
        EvidenceError: not Parquet, no row ids, or cells that are empty or not numbers.
    """
    path = _one_file(path)
    try:
        table = pq.read_table(path)
    except (OSError, pa.ArrowInvalid) as error:
        raise EvidenceError(f"{path} cannot be read as a Parquet evidence file: {error}") from error
    if "row_id" not in table.column_names:
        raise EvidenceError(
            f"{path} has columns {table.column_names}; expected a row_id column with the pool's ids"
        )
    raw = (table.schema.metadata or {}).get(METADATA_KEY)
    about = json.loads(raw) if raw else {}
    about.setdefault("kind", kind_of_columns(path, table.column_names))
    ids = as_strings(table["row_id"])
    return (
        ids,
        {name: _numbers(path, name, table[name]) for name in table.column_names if name != "row_id"},
        about,
    )


def kind_of_columns(path: Path, names: list[str]) -> str:
    """Tell the kind of a file of another tool by its columns."""
    if any(name.startswith(STEP_COLUMN) for name in names) and "tokens" in names:
        return "trajectories"
    if {"loss_sum", "tokens"} <= set(names):
        return "losses"
    if "values" in names:
        return "scores"
    if "tokens" in names:
        return "lengths"
    raise EvidenceError(
        f"{path} has columns {names}; expected row_id with one of: {STEP_COLUMN}STEP… and tokens; "
        "loss_sum and tokens; values; tokens"
    )


def _one_file(path: Path) -> Path:
    if not path.is_dir():
        return path
    files = sorted(path.glob("*.parquet"))
    if len(files) != 1:
        raise EvidenceError(f"{path} holds {len(files)} Parquet files; name the one that holds the evidence")
    return files[0]


def _numbers(path: Path, name: str, column: pa.ChunkedArray) -> np.ndarray:
    if column.null_count:
        raise EvidenceError(
            f"{path}: column {name} has {column.null_count} empty cells; write one number per row"
        )
    values = column.to_numpy()
    if values.dtype.kind not in "biuf":
        raise EvidenceError(f"{path}: column {name} is of type {column.type}; expected numbers")
    return values
