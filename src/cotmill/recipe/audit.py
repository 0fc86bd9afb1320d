"""How many traces that the filters let through are unsound all the same: counted exactly, in the lab.

The lab knows every problem's graph, so `lab.check_solution` says of any trace whether it is sound. This
reads the labels of the data for this table alone; no method has seen them. Every combination of the three
filters is counted from one run, because each sample's findings are on record whether a filter was on or
not: a false accept is a trace that the filters let through and that is unsound.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import product
from pathlib import Path
from typing import Any

from cotmill.augment.filter import trimmed
from cotmill.augment.store import SampleStore
from cotmill.core.checked import read_table
from cotmill.data.pool import Pool
from cotmill.lab.check import FormError, check_solution
from cotmill.lab.graph import Graph

GRAPH = "lab_graph"
FILTERS = ("answer", "equations", "grounding")


def audit(pool: Pool, stores: Iterable[Path], augmented: Path) -> list[dict[str, Any]]:
    """One row for every combination of filters, and one for what was kept.

    `unsound` counts samples (repeats as well); `undecided` those with too many readings to decide.
    """
    graphs = graphs_of(pool)
    texts = {name: text for folder in stores for name, text in _texts(folder)}
    known: dict[tuple[str, str], bool | None] = {}
    judged = []
    for row in _samples(augmented):
        if row["answer"] is None or row["example_id"] not in graphs:
            continue
        place = row["example_id"], texts[row["sample_id"]]
        if place not in known:
            known[place] = sound(graphs[place[0]], place[1])
        judged.append((row, known[place]))
    rows = [
        _row(
            " + ".join(name for name, on in zip(FILTERS, combination, strict=True) if on) or "none",
            judged,
            combination,
        )
        for combination in product((False, True), repeat=len(FILTERS))
    ]
    kept = [(row, verdict) for row, verdict in judged if row["kept"]]
    return [*rows, _row("kept", kept, (False,) * len(FILTERS))]


def graphs_of(pool: Pool) -> dict[str, Graph]:
    """The graph of every question that has one."""
    if GRAPH not in pool.columns:
        return {}
    ids, graphs = (pool.column(name).to_pylist() for name in ("example_id", GRAPH))
    return {name: Graph.from_json(text) for name, text in dict(zip(ids, graphs, strict=True)).items() if text}


def sound(graph: Graph, text: str) -> bool | None:
    """Say whether a trace is sound; None where it has too many readings."""
    try:
        return check_solution(graph, text).sound
    except FormError:
        return None


def _texts(folder: Path) -> Iterator[tuple[str, str]]:
    for batch in SampleStore.open(folder, create=False).batches(["sample_id", "text"]):
        for name, text in zip(*(column.to_pylist() for column in batch.columns), strict=True):
            yield name, trimmed(text)


def _samples(folder: Path) -> Iterator[dict[str, Any]]:
    for path in sorted((folder / "shards").glob("*/samples.parquet")):
        yield from read_table(path).to_pylist()


def _row(
    name: str, judged: list[tuple[dict[str, Any], bool | None]], combination: tuple[bool, ...]
) -> dict[str, Any]:
    passed = [
        (row, verdict)
        for row, verdict in judged
        if all(row[one] for one, on in zip(FILTERS, combination, strict=True) if on)
    ]
    decided = [verdict for _, verdict in passed if verdict is not None]
    unsound = decided.count(False)
    return {
        "filters": name, "passed": len(passed), "unsound": unsound, "undecided": len(passed) - len(decided),
        "share": unsound / len(decided) if decided else None,
        "sound_refused": sum(verdict is True for _, verdict in judged) - decided.count(True),
        "paths": len({(row["example_id"], row["path"]) for row, _ in passed if row["path"]}),
    }  # fmt: skip
