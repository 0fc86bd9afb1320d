"""The viewer of the pool: rows kept or dropped by a selection, by score, and those valued most and least."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
from jaxtyping import Float

from cotmill.core.ids import order_keys
from cotmill.report.parts import Example, Extremes
from cotmill.report.read import LoadedRun
from cotmill.report.selections import SOUND, Chosen, defect_name, label_column, selections
from cotmill.report.text import clipped, number, visible
from cotmill.report.viewer import Row, Shape, Sort, Viewer, bounded, viewer

ENDS = 150
"""Rows embedded for certain from each end of a selection's scores."""
SAMPLE = 400
"""Rows embedded from the rest of the pool: the same ones for every selection, drawn by hash."""
READ = 4
"""Rows set out for reading from each end."""

_TEXTS = ("question", "trace", "gold")
_SORTS = (
    Sort("highest score first", 0, falling=True),
    Sort("lowest score first", 0, falling=False),
    Sort("drawn first", 1, falling=False),
)


@dataclass(frozen=True)
class _Line:
    """One row of a selection: what was decided, and the order in which rows are shown."""

    row_id: str
    facts: Mapping[str, Any]
    rank: int
    first: bool


def rows_viewer(run: LoadedRun, prefix: str, budget: int) -> Viewer | None:
    """Build the viewer of the pool, with the first seed of every selecting arm."""
    chosen = _one_a_variant(run)
    if not chosen:
        return None
    lines = {one.step.name: _lines(one) for one in chosen}
    label = label_column(chosen[0].pool)
    wanted = dict.fromkeys(line.row_id for members in lines.values() for line in members)
    texts = _texts(chosen, list(wanted), label)
    facets = ("Selection", "Decision", "Source", *(("Defect",) if label else ()))
    blocks = ("Question", "Solution", "Gold answer", "Why", "Group")
    shape = Shape(facets, blocks, ("Score", "Place in the draw"), _SORTS, {"kept": "good", "dropped": "bad"})
    made = sorted(_rows(chosen, lines, texts, label), key=lambda row: row.key)
    total = sum(len(one.rows()) for one in chosen)
    note = "Scores are the method’s own. The first seed of each arm is shown."
    return viewer(f"{prefix}-pool", "Rows of the pool", shape, made, total, budget=budget, note=note)


def extremes(run: LoadedRun) -> tuple[Extremes, ...]:
    """Set out the rows that each scoring method valued most and least, one budget a method."""
    made: dict[tuple[str, ...], Extremes] = {}
    for one in _one_a_variant(run):
        lines = sorted(
            (line for line in _lines(one) if line.facts.get("score") is not None), key=lambda line: line.rank
        )
        if len(lines) < 2 * READ:
            continue
        ends = [*lines[:READ], *lines[-READ:][::-1]]
        key = tuple(line.row_id for line in ends)
        texts = _texts([one], list(key), label_column(one.pool))
        examples = [_example(line, texts[line.row_id]) for line in ends]
        made.setdefault(key, Extremes(visible(one.name), tuple(examples[:READ]), tuple(examples[READ:])))
    return tuple(made.values())


def _example(line: _Line, texts: Mapping[str, str]) -> Example:
    defect = texts["label"] if texts["label"] != SOUND else ""
    parts = ["kept" if line.facts["taken"] else "dropped", texts.get("source", ""), defect]
    facts = " · ".join(visible(part) for part in parts if part)
    return Example(
        number(line.facts["score"]), facts, clipped(texts["question"], 400), clipped(texts["trace"], 500)
    )


def _one_a_variant(run: LoadedRun) -> list[Chosen]:
    """Keep the first seed of each arm that selects."""
    found: dict[tuple[str, ...], Chosen] = {}
    for one in selections(run):
        found.setdefault(one.variants, one)
    return list(found.values())


def _lines(one: Chosen) -> list[_Line]:
    """Choose the rows of a selection to embed: both ends of the scores, and a sample."""
    rows = one.rows()
    ids = rows["row_id"].to_pylist()
    scores = _numbers(rows, "score")
    taken = np.array(rows["taken"].to_pylist(), dtype=bool)
    # The order of the draw is the method's own: whether it draws high scores or low ones first, it is said by
    # `place`. What the rule does not draw comes last.
    order = np.lexsort((-scores, _numbers(rows, "place"), ~taken))
    first = np.zeros(len(ids), dtype=bool)
    if np.isfinite(scores).any():
        first[order[:ENDS]] = first[order[-ENDS:]] = True
    kept = first.copy()
    kept[order_keys(0, ids).argsort(kind="stable")[:SAMPLE]] = True
    shown = [at for at in order.tolist() if kept[at]]
    facts = rows.take(shown).to_pylist()
    ranks = np.argsort(order)
    return [
        _Line(ids[at], told, int(ranks[at]), bool(first[at])) for at, told in zip(shown, facts, strict=True)
    ]


def _numbers(rows: pa.Table, name: str) -> Float[np.ndarray, " row"]:
    """Read a column of numbers; what is missing is not a number."""
    if name not in rows.column_names:
        return np.full(len(rows), np.nan)
    return rows[name].to_numpy(zero_copy_only=False).astype(float)


def _texts(chosen: Sequence[Chosen], ids: list[str], label: str | None) -> dict[str, dict[str, str]]:
    """Read the texts of some rows, from every Pool that was selected from."""
    found = {}
    for pool in {one.pool_folder: one.pool for one in chosen}.values():
        have = set(pool.column("row_id").to_pylist())
        rows = pool.take([row for row in ids if row in have]).table()
        columns = ["row_id", *_TEXTS, "source", *([label] if label else [])]
        for row in bounded(rows.select([name for name in columns if name in rows.column_names])):
            found[row["row_id"]] = {**row, "label": defect_name(row.get(label or ""))}
    return found


def _rows(
    chosen: Sequence[Chosen],
    lines: Mapping[str, list[_Line]],
    texts: Mapping[str, Mapping[str, str]],
    label: str | None,
) -> Iterator[Row]:
    for place, one in enumerate(chosen):
        for line in lines[one.step.name]:
            text, facts = texts[line.row_id], line.facts
            decision = "kept" if facts["taken"] else "dropped"
            group = facts.get("group")
            yield Row(
                key=f"{place:03d}/{line.rank:012d}",
                facets=(
                    one.name,
                    decision,
                    text["source"],
                    *((text["label"],) if label else ()),
                ),
                numbers=tuple(
                    None if facts.get(name) is None else float(facts[name]) for name in ("score", "place")
                ),
                texts=(
                    *(text[name] for name in _TEXTS),
                    clipped(facts.get("reason") or ""),
                    "" if group is None else clipped(group),
                ),
                first=line.first,
            )
