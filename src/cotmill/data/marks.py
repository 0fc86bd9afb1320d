"""What a shard was made from, written into its Parquet file: one made from something else is not used."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa

from cotmill.core.checked import DamagedError, read_schema

MARK = b"cotmill.made_from"


def marked(table: pa.Table, mark: str) -> pa.Table:
    """Write into a table what it was made from."""
    return table.replace_schema_metadata({**(table.schema.metadata or {}), MARK: mark.encode()})


def unfit(path: Path, mark: str) -> str | None:
    """Say what is wrong with a file that should have been made from this; None when nothing is.

    Only the end of the file is read: a file that was cut short has none.
    """
    try:
        told = read_schema(path).metadata or {}
    except DamagedError as error:
        return f"is damaged ({error})"
    return None if told.get(MARK) == mark.encode() else "was made from something else"
