"""Stream the rows of a data set on the hub, through `datasets`.

`datasets` is imported here only, and only when a hub name is read; it fetches files, runs no code of
theirs, and does not import torch for what is used here.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from cotmill.core.errors import DataError, MissingExtra
from cotmill.data.chunk import CHUNK_ROWS, Chunk
from cotmill.data.records_table import table_chunks


def hub_chunks(name: str) -> Iterator[Chunk]:
    """Stream `owner/name`, `owner/name:split` or `owner/name:config:split`; the split is `train` by default.

    Raises:
        DataError: there is no such data set, config or split, or no network.
        MissingExtra: `datasets` is not installed.
    """
    data = _load(name)
    yield from table_chunks(batch for table in _tables(data) for batch in table.to_batches())


def _load(name: str) -> Any:
    """Fetch the data set, or say what is wrong with its name."""
    try:
        import datasets
        from datasets.exceptions import DatasetsError
    except ImportError as error:
        raise MissingExtra("datasets", "train") from error
    owner_name, *rest = name.split(":")
    config, split = (rest[0] if len(rest) == 2 else None), (rest[-1] if rest else "train")
    try:
        return datasets.load_dataset(owner_name, config, split=split)
    except (OSError, ValueError, RuntimeError, DatasetsError) as error:
        # All that `datasets` and its hub client raise: no such set, several configs, no network.
        raise DataError(f"there is no file '{name}', and the hub says: {error}") from error


def _tables(data: Any) -> Iterator[Any]:
    """Yield Arrow tables."""
    yield from data.with_format("arrow").iter(batch_size=CHUNK_ROWS)
