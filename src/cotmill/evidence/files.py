"""Evidence files on disk: Parquet with a row_id, columns of numbers, and provenance as metadata."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from cotmill.core.checked import read_table, write_table
from cotmill.core.errors import DamagedError, EvidenceError
from cotmill.core.files import aside, canonical_json
from cotmill.core.row_ids import RowIds

METADATA_KEY = b"cotmill"
STEP_COLUMN = "loss_sum@"
"""Prefix of the columns of a trajectory; what follows is the step."""
END_COLUMN = "end_loss@"
"""Prefix of the columns of a trajectory's end-of-text token."""
ROW_GROUP = 1 << 17


TOLD = ("kind", "pool_fingerprint", "model_fingerprint")
ID_COLUMNS = ("row_id", "example_id")


def write_columns(
    path: Path,
    row_ids: RowIds,
    columns: Mapping[str, np.ndarray],
    about: Mapping[str, Any],
    *,
    id_column: str = "row_id",
) -> None:
    """Write row ids and columns, whole or not at all."""
    arrays = {id_column: row_ids.to_arrow()}
    arrays |= {name: to_arrow(values) for name, values in columns.items()}
    table = pa.table(arrays).replace_schema_metadata({METADATA_KEY: canonical_json(about).encode()})
    with aside(path) as part:
        write_table(table, part, row_group_size=ROW_GROUP)


def to_arrow(values: np.ndarray) -> pa.Array:
    """Make an Arrow column of numbers, or of vectors of one length."""
    flat = pa.array(np.ascontiguousarray(values).reshape(-1))
    return flat if values.ndim == 1 else pa.FixedSizeListArray.from_arrays(flat, values.shape[1])


def from_arrow(column: pa.ChunkedArray) -> np.ndarray:
    """Turn a column of numbers, or of vectors of one length, to an array."""
    if not pa.types.is_fixed_size_list(column.type):
        return column.to_numpy()
    parts = [chunk.flatten().to_numpy(zero_copy_only=False) for chunk in column.chunks]
    flat = np.concatenate(parts) if parts else np.zeros(0, column.type.value_type.to_pandas_dtype())
    return flat.reshape(-1, column.type.list_size)


def read_columns(path: Path) -> tuple[RowIds, dict[str, np.ndarray], dict[str, Any]]:
    """Read row ids, columns and provenance of a Parquet file, or of a folder that holds exactly one.

    Raises:
        EvidenceError: not Parquet, no row ids, or cells that are empty or not numbers.
    """
    path = _one_file(path)
    try:
        table = read_table(path)
    except (OSError, DamagedError) as error:
        raise EvidenceError(f"{path} cannot be read as a Parquet evidence file: {error}") from error
    id_column = next((name for name in ID_COLUMNS if name in table.column_names), None)
    if id_column is None:
        raise EvidenceError(
            f"{path} has columns {table.column_names}; expected a row_id column with the pool's ids"
        )
    raw = (table.schema.metadata or {}).get(METADATA_KEY)
    about = _about(path, raw)
    about.setdefault("kind", kind_of_columns(path, table.column_names))
    return (
        RowIds(table[id_column]),
        {name: _numbers(path, name, table[name]) for name in table.column_names if name != id_column},
        about,
    )


def _about(path: Path, raw: bytes | None) -> dict[str, Any]:
    """Read the provenance that a file of cotmill's carries; others have none."""
    try:
        about = json.loads(raw) if raw else {}
    except ValueError as error:
        raise EvidenceError(
            f"{path} is damaged: its provenance is not JSON ({error}); measure again"
        ) from error
    if not isinstance(about, dict) or not all(isinstance(about.get(name, ""), str) for name in TOLD):
        raise EvidenceError(f"{path} is damaged: its provenance is not that of evidence; measure again")
    if not isinstance(about.get("about", {}), dict):
        raise EvidenceError(f"{path} is damaged: its provenance is not that of evidence; measure again")
    return about


def kind_of_columns(path: Path, names: list[str]) -> str:
    """Tell the kind of a file of another tool by its columns."""
    if any(name.startswith(STEP_COLUMN) for name in names) and "tokens" in names:
        return "trajectories"
    for telling, kind in (("rank_sum", "readings"), ("vector", "embeddings"), ("correct", "pass_rates")):
        if telling in names:
            return kind
    if any(name.startswith(("correct@", "incorrect@")) for name in names):
        return "influence"
    if {"loss_sum", "tokens"} <= set(names):
        return "losses"
    if "values" in names:
        return "scores"
    if "tokens" in names:
        return "lengths"
    raise EvidenceError(
        f"{path} has columns {names}; expected row_id with one of: {STEP_COLUMN}STEP… and tokens; "
        "loss_sum and tokens; vector; values; tokens; or example_id with correct and samples"
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
    values = from_arrow(column)
    if values.dtype.kind not in "biuf":
        raise EvidenceError(f"{path}: column {name} is of type {column.type}; expected numbers")
    return values
