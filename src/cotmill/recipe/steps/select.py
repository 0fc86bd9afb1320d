"""Choosing rows."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from cotmill.evidence.parts import READINGS, file_of
from cotmill.recipe.graph import Task
from cotmill.recipe.steps.places import EVIDENCE, POOL, SELECTION, open_pool


def make_select(task: Task) -> None:
    """Choose rows by a method; it sees no labels."""
    from cotmill.evidence import Embeddings, Lengths
    from cotmill.select import SELECTORS, Extras, Limits

    config, inputs = task.config, task.inputs
    selector = SELECTORS[config["method"]].model_validate(config["options"])
    part = selector.parts[0] if selector.needs is Embeddings else READINGS
    evidence = _measured(inputs["evidence"], part) if selector.needs else None
    queries = None
    if selector.asks is not None:
        measured = selector.asks is Embeddings
        queries = _measured(inputs["queries"], part) if measured else open_pool(inputs["queries"])
    embeddings = _measured(inputs["embeddings"], "mean") if "embeddings" in inputs else None
    chosen = selector(
        open_pool(inputs["pool"]),
        evidence,
        budget=config["budget"],
        seed=config["seed"],
        lengths=Lengths.read(inputs["lengths"] / EVIDENCE) if "lengths" in inputs else None,
        extras=Extras(
            queries=queries,
            embeddings=embeddings,
            limits=Limits.model_validate(config["limits"]) if "limits" in config else None,
        ),
    )
    chosen.write(task.out / SELECTION)


def make_prune(task: Task) -> None:
    """Write the rows that were chosen as a pool, with their labels, which later steps take off again."""
    from cotmill.data.pool import Pool
    from cotmill.select import Selection

    chosen = Selection.read(task.inputs["selection"] / SELECTION)
    chosen.apply(Pool.open(task.inputs["pool"] / POOL)).write(task.out / POOL)


def _measured(folder: Path, part: str) -> Any:
    """Read what a measurement left: its one file, or of a forward pass the file of a part."""
    from cotmill.evidence import Evidence

    whole = folder / EVIDENCE
    return Evidence.read(whole if whole.is_file() else folder / file_of(part))
