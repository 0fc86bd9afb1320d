"""Judge raw outputs: a verdict per item, or scores against a reference text. Nothing is generated here."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pyarrow as pa

from cotmill.core.files import read_json, write_json
from cotmill.data.types import Example
from cotmill.evaluate.items import (
    ASKED,
    JUDGED,
    SCORED,
    Layout,
    layout_of,
    read_items,
    with_layout,
    write_items,
)
from cotmill.evaluate.summary import summarise
from cotmill.evaluate.text import bertscore_of, bleu_of, rouge_l_of
from cotmill.verify.verifier import Verifier

METRICS = "metrics.json"
MEASURED = ("loss",)
"""Numbers that come from the model itself, which grading cannot make again."""


def grade(asked: pa.Table, layout: Layout) -> pa.Table:
    """Add the judgement of every item to a table of what was asked and what came back."""
    said = [cut_at(output, layout.stop) for output in asked.column("output").to_pylist()]
    judged = (
        _scores(asked, said, layout.bertscore)
        if layout.metric == "text"
        else _verdicts(asked, said, layout.strict_rule)
    )
    kept = [
        name for name in asked.column_names if name not in ASKED.names and name not in judged.column_names
    ]
    columns = {name: asked.column(name) for name in (*ASKED.names, *kept)}
    columns |= {name: judged.column(name) for name in judged.column_names}
    order = [*ASKED.names, *judged.column_names, *kept]
    return with_layout(pa.table({name: columns[name] for name in order}), layout)


def cut_at(text: str, stops: Sequence[str]) -> str:
    r"""Cut a text at the first of the stop texts.

    >>> cut_at("#### 4\n\nQuestion: next", ("Question:",))
    '#### 4\n\n'
    """
    ends = [place for stop in stops if (place := text.find(stop)) >= 0]
    return text[: min(ends)] if ends else text


def _verdicts(asked: pa.Table, said: Iterable[str], strict_rule: str) -> pa.Table:
    """Judge answers by the flexible rules and the benchmark's own; a hostile one costs a worker at most."""
    questions, golds = (asked.column(name).to_pylist() for name in ("question", "gold"))
    examples = [Example(question, gold) for question, gold in zip(questions, golds, strict=True)]
    verifier = Verifier(strict_rule, equations=False, grounding=False)
    try:
        found = list(verifier.verdicts(zip(examples, said, strict=True)))
    finally:
        verifier.close()
    columns = {name: [getattr(judgement, name) for judgement in found] for name in JUDGED.names}
    columns["verdict"] = [str(verdict) for verdict in columns["verdict"]]
    return pa.table(columns, schema=JUDGED)


def _scores(asked: pa.Table, said: Iterable[str], bertscore: str) -> pa.Table:
    """Score texts against their references; by BERTScore too where a model is named for it."""
    pairs = list(zip(asked.column("gold").to_pylist(), said, strict=True))
    columns = {
        "rouge_l": [rouge_l_of(reference, text) for reference, text in pairs],
        "bleu": [bleu_of(reference, text) for reference, text in pairs],
    }
    table = pa.table(columns, schema=SCORED)
    if not bertscore:
        return table
    references, texts = ([pair[side] for pair in pairs] for side in (0, 1))
    return table.append_column(
        "bertscore", pa.array(bertscore_of(references, texts, bertscore), pa.float64())
    )


def regrade(folder: Path, *, strict_rule: str | None = None, bertscore: str | None = None) -> dict[str, Any]:
    """Judge the stored outputs of an evaluation again, with today's rules, and rewrite its tables.

    Nothing is generated; what was measured otherwise (the loss) stays. Returns the new metrics.
    """
    items = read_items(folder)
    layout = layout_of(items)
    if strict_rule:
        layout = replace(layout, strict_rule=strict_rule)
    if bertscore:
        layout = replace(layout, bertscore=bertscore)
    metrics = read_json(folder / METRICS) if (folder / METRICS).is_file() else {}
    measured = {name: metrics[name] for name in MEASURED if name in metrics}
    return write_graded(grade(items, layout), folder, **measured)


def write_graded(items: pa.Table, folder: Path, **more: Any) -> dict[str, Any]:
    """Write items and their metrics to a folder, with what was measured otherwise."""
    write_items(items, folder)
    metrics = {**more, **summarise(items)}
    write_json(folder / METRICS, metrics)
    return metrics
