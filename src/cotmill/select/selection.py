"""A Selection: which rows of a pool were taken, and for every row why it was taken or left."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
from jaxtyping import Bool, Int, Shaped

from cotmill.core.checked import read_table, write_table
from cotmill.core.errors import DataError
from cotmill.core.files import canonical_json, folder_aside, read_json, write_checked_json
from cotmill.core.ids import as_strings, content_id
from cotmill.data.pool import Pool
from cotmill.select.budget import Budget, Unit
from cotmill.select.drawing import Drawing, groups_of
from cotmill.select.limits import FULL, Limits
from cotmill.select.pick import Groups

TABLE, FACTS = "selection.parquet", "selection.json"


@dataclass(frozen=True, eq=False)
class Selection:
    """The manifest: one line per row of the pool, in the pool's order, and the facts of the choice.

    Columns of `table`: row_id; taken; reason, a sentence; place, where the rule drew the row (0 is first;
    taken rows are those with the lowest places; empty when the rule cannot draw it); score and group,
    where the method has them.
    """

    table: pa.Table
    method: str
    budget: Budget
    seed: int
    pool_fingerprint: str
    facts: Mapping[str, Any] = field(default_factory=dict)
    """What the choice is a function of: method, options, budget, seed, evidence, pool, version."""
    summary: Mapping[str, Any] = field(default_factory=dict)
    """Rows and tokens taken, per source, and the method's diagnostics."""

    def __len__(self) -> int:
        """Count the rows taken."""
        return int(self.taken.sum())

    @cached_property
    def taken(self) -> Bool[np.ndarray, " row"]:
        """Whether each row of the pool was taken."""
        return self.table["taken"].to_numpy()

    @cached_property
    def row_ids(self) -> Shaped[np.ndarray, " taken"]:
        """Ids of the rows taken, in the pool's order."""
        return as_strings(self.table["row_id"].filter(self.table["taken"]))

    @property
    def key(self) -> str:
        """Equal keys mean equal selections."""
        return key_of(self.facts)

    def apply(self, pool: Pool) -> Pool:
        """Give the rows taken as a pool.

        Raises:
            DataError: rows that were taken are not in this pool.
        """
        return pool.take(self.row_ids)

    def write(self, folder: Path | str) -> Path:
        """Write selection.parquet and selection.json, whole or not at all."""
        folder = Path(folder)
        if folder.exists() and (
            not folder.is_dir() or (any(folder.iterdir()) and not (folder / FACTS).is_file())
        ):
            raise DataError(f"{folder} exists and is not a selection; name a new folder to write to")
        with folder_aside(folder) as part:
            write_table(self.table, part / TABLE, row_group_size=1 << 17)
            write_checked_json(part / FACTS, {"facts": self.facts, "key": self.key, "summary": self.summary})
        return folder

    @classmethod
    def read(cls, folder: Path | str) -> Selection:
        """Read what `write` wrote.

        Raises:
            DataError: not a selection, or damaged.
        """
        folder = Path(folder)
        if not (folder / FACTS).is_file() or not (folder / TABLE).is_file():
            raise DataError(
                f"{folder} is not a selection: it lacks {FACTS} or {TABLE}; make one with cotmill select"
            )
        written = read_json(folder / FACTS)
        facts = written["facts"]
        if written["key"] != key_of(facts):
            raise DataError(f"{folder / FACTS} was changed after it was written; select again")
        return cls(
            table=read_table(folder / TABLE),
            method=facts["method"],
            budget=Budget.parse(facts["budget"]),
            seed=facts["seed"],
            pool_fingerprint=facts["pool_fingerprint"],
            facts=facts,
            summary=written["summary"],
        )


def key_of(facts: Mapping[str, Any]) -> str:
    """Hash what a selection is a function of; the version of cotmill is one of the facts."""
    return content_id("selection", canonical_json(facts))


def cut(
    pool: Pool,
    drawing: Drawing,
    budget: Budget,
    *,
    tokens: Int[np.ndarray, " row"] | None,
    facts: Mapping[str, Any],
    limits: Limits | None = None,
) -> Selection:
    """Take the first rows of a drawing up to the budget, and write down why for every row."""
    order = drawing.order
    held = np.zeros(len(pool), dtype=bool) if drawing.held is None else drawing.held
    if drawing.unfit is not None:
        late = drawing.unfit[order] & ~held[order]
        order = np.concatenate([order[~late], order[late]])
    rows = None if budget.unit is Unit.TOKENS else budget.rows_of(len(pool))
    if limits is not None:
        order, full = limits.apply(order, pool, budget, rows, held)
        drawing = replace(drawing, order=order, barred={**drawing.barred, FULL: full})
    count = budget.cut(None if tokens is None else tokens[order], len(order), len(pool))
    places = np.full(len(pool), -1, dtype=np.int64)
    places[order] = np.arange(len(order))
    taken = (places >= 0) & (places < count)
    return Selection(
        table=_manifest(pool, drawing, places, taken),
        method=facts["method"],
        budget=budget,
        seed=facts["seed"],
        pool_fingerprint=pool.fingerprint,
        facts=facts,
        summary=_summary(pool, drawing, taken, tokens, budget),
    )


def _manifest(
    pool: Pool, drawing: Drawing, places: Int[np.ndarray, " row"], taken: Bool[np.ndarray, " row"]
) -> pa.Table:
    columns = {
        "row_id": pool.column("row_id"),
        "taken": pa.array(taken),
        "reason": _reasons(drawing, places, taken),
        "place": pa.array(places, mask=places < 0),
    }
    if drawing.scores is not None:
        scores = drawing.scores.astype(np.float64)
        columns["score"] = pa.array(scores, mask=np.isnan(scores))
    if drawing.groups is not None:
        columns["group"] = _group_column(drawing.groups, drawing.group_names)
    return pa.table(columns)


def _reasons(
    drawing: Drawing, places: Int[np.ndarray, " row"], taken: Bool[np.ndarray, " row"]
) -> pa.DictionaryArray:
    """One of a few sentences for every row; the number of the sentence is computed for all rows at once."""
    why = drawing.why
    sentences = [
        f"left: {why}; the budget was met before its turn",
        f"taken: {why}",
        f"left: {why}; its group had its share",
        f"taken: {why}; within its group's share",
        f"taken: {why}; its whole group was taken",
        f"left: {drawing.unfit_because}",
        f"taken to fill the budget, although {drawing.unfit_because}",
        "left: the rule does not draw it at any budget",
        "taken: an earlier selection took it",
    ]
    codes = taken.astype(np.int8)
    if drawing.groups is not None:
        sizes = np.bincount(drawing.groups)
        whole = np.bincount(drawing.groups, weights=taken) == sizes
        codes += 2
        codes[taken & whole[drawing.groups]] = 4
    if drawing.unfit is not None:
        codes[drawing.unfit] = 5 + taken[drawing.unfit]
    codes[places < 0] = 7
    if drawing.held is not None:
        codes[drawing.held & taken] = 8
    for reason, rows in drawing.barred.items():
        codes[rows & ~taken] = len(sentences)
        sentences.append(f"left: {reason}")
    return pa.DictionaryArray.from_arrays(pa.array(codes), pa.array(sentences))


def _group_column(groups: Groups, names: Shaped[np.ndarray, " group"] | None) -> pa.Array:
    if names is None:
        names = np.arange(groups.max(initial=-1) + 1).astype(str)
    numbers = pa.array(groups.astype(np.int32))
    return pa.DictionaryArray.from_arrays(numbers, pa.array(names, type=pa.string()))


def _summary(
    pool: Pool,
    drawing: Drawing,
    taken: Bool[np.ndarray, " row"],
    tokens: Int[np.ndarray, " row"] | None,
    budget: Budget,
) -> dict[str, Any]:
    summary: dict[str, Any] = {
        "rows": int(taken.sum()),
        "of_rows": len(pool),
        "sources": by_source(pool, taken),
        "details": drawing.details,
    }
    if tokens is not None:
        summary |= {"tokens": int(tokens[taken].sum()), "of_tokens": int(tokens.sum())}
    if drawing.unfit is not None:
        summary |= {"unfit_rows": int(drawing.unfit.sum()), "unfit_taken": int((drawing.unfit & taken).sum())}
    if budget.unit is Unit.TOKENS:
        summary["tokens_below_budget"] = int(budget.amount) - summary["tokens"]
        summary["budget_rule"] = "the longest run of rows in drawing order that does not exceed the budget"
    return summary


def by_source(pool: Pool, taken: Bool[np.ndarray, " row"]) -> dict[str, dict[str, int]]:
    """Count rows taken and rows there are, per source, by name."""
    groups, names = groups_of(pool.column("source"))
    have = np.bincount(groups, minlength=len(names))
    took = np.bincount(groups[taken], minlength=len(names))
    return {str(name): {"taken": int(t), "of": int(h)} for name, t, h in zip(names, took, have, strict=True)}
