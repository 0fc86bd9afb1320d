"""The table of items: one row per question and sample, with everything that was said about it.

    row_id, example_id, sample, question, gold      what was asked
    output, tokens, finish_reason                   what came back, whole
    verdict, rule, reason, predicted, strict        how it was judged
    rouge_l, bleu, bertscore                          instead of a verdict, for text benchmarks
    (group columns)                                 what results are broken down by

How the columns are to be read (which are groups, what belongs together) travels in the file's metadata.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from cotmill.core.checked import read_table, write_table
from cotmill.core.errors import DataError
from cotmill.core.files import aside, canonical_json

META = b"cotmill_items"
ITEMS = "items.parquet"

ASKED = pa.schema(
    [
        pa.field("row_id", pa.string()),
        pa.field("example_id", pa.string()),
        pa.field("sample", pa.int32()),
        pa.field("question", pa.string()),
        pa.field("gold", pa.string()),
        pa.field("output", pa.string()),
        pa.field("tokens", pa.int32()),
        pa.field("finish_reason", pa.string()),
    ]
)
JUDGED = pa.schema(
    [
        pa.field("verdict", pa.string()),
        pa.field("rule", pa.string()),
        pa.field("reason", pa.string()),
        pa.field("predicted", pa.string()),
        pa.field("strict", pa.bool_()),
    ]
)
SCORED = pa.schema([pa.field("rouge_l", pa.float64()), pa.field("bleu", pa.float64())])


@dataclass(frozen=True)
class Layout:
    """How the columns of an items table are to be read."""

    benchmark: str
    metric: str = "answer"
    strict_rule: str = "gsm8k"
    groups: tuple[str, ...] = ()
    cluster: str | None = None
    base: str | None = None
    stop: tuple[str, ...] = ()
    bertscore: str = ""
    """The model of BERTScore, for text benchmarks; empty: not computed."""

    @property
    def kept(self) -> tuple[str, ...]:
        """Columns taken over from the benchmark."""
        return (*self.groups, *(name for name in (self.cluster, self.base) if name))


def with_layout(table: pa.Table, layout: Layout) -> pa.Table:
    """Attach a layout to a table."""
    return table.replace_schema_metadata({META: canonical_json(asdict(layout)).encode()})


def layout_of(table: pa.Table) -> Layout:
    """Read the layout of a table; a table without one is an items table of one's own making."""
    raw = (table.schema.metadata or {}).get(META)
    if raw is None:
        return Layout("items")
    found: dict[str, Any] = json.loads(raw)
    found["groups"], found["stop"] = tuple(found["groups"]), tuple(found["stop"])
    return Layout(**found)


def write_items(table: pa.Table, folder: Path) -> Path:
    """Write the table, whole or not at all."""
    with aside(folder / ITEMS) as part:
        write_table(table, part)
    return folder / ITEMS


def read_items(path: Path) -> pa.Table:
    """Read the items of an evaluation folder, or of a file.

    Raises:
        DataError: there is no items table.
    """
    file = path / ITEMS if path.is_dir() else path
    if not file.is_file():
        raise DataError(f"{path} holds no {ITEMS}; name a folder that `cotmill evaluate` wrote")
    table = read_table(file)
    if missing := [name for name in ("row_id", "sample") if name not in table.column_names]:
        raise DataError(f"{file} is no items table: it lacks {', '.join(missing)}")
    return table


def correct_of(table: pa.Table) -> np.ndarray:
    """Whether each item's answer is right by the flexible rule."""
    return np.asarray(table.column("verdict").to_pylist(), dtype=object) == "correct"


def column_of(table: pa.Table, name: str) -> np.ndarray:
    """One column as a numpy array of Python values."""
    return np.asarray(table.column(name).to_pylist(), dtype=object)


def is_base(table: pa.Table) -> np.ndarray:
    """Whether each item is an unchanged base question, which stays out of the headline numbers."""
    name = layout_of(table).base
    if name is None:
        return np.zeros(len(table), dtype=bool)
    return np.asarray(table.column(name).to_pylist(), dtype=bool)


def without_base(table: pa.Table) -> pa.Table:
    """Keep the items that the benchmark is about."""
    return table.filter(pa.array(~is_base(table)))
