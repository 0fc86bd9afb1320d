"""Grade somebody else's outputs: any file of texts, beside their gold answers or matched to a benchmark.

A field is named by its path: `solution`, `175b_finetuning.solution`, `resps.0.0`. Where it holds a list, its
members are the samples of that question.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa

from cotmill.core.errors import DataError
from cotmill.data.forms import answer_text
from cotmill.data.pool import Pool
from cotmill.evaluate.benchmark import Benchmark
from cotmill.evaluate.benchmarks.files import raw_rows
from cotmill.evaluate.grade import METRICS, grade, write_graded
from cotmill.evaluate.items import ASKED, ITEMS, Layout
from cotmill.verify.extract import find_answer

QUESTION_FIELDS = ("question", "problem", "input", "prompt", "doc.question", "doc.problem")
"""Where the question is looked for when no field is named."""


@dataclass(frozen=True)
class OutputFields:
    """Which fields of a foreign file hold what; `keep` become groups of the report."""

    text: str
    gold: str | None = None
    question: str | None = None
    keep: tuple[str, ...] = ()


def grade_outputs(
    path: Path,
    fields: OutputFields,
    *,
    benchmark: Benchmark | None = None,
    strict_rule: str | None = None,
    out: Path | None = None,
) -> pa.Table:
    """Judge the texts of a file; with `out`, write items and metrics there as an evaluation does.

    With a benchmark the gold answers, groups and strict rule are its own, and rows are matched by their
    question; without one every row must bring its gold answer.

    Raises:
        DataError: a field is not there, no question of the file is one of the benchmark, or the folder holds
            something else.
    """
    if out is not None and out.is_dir():
        foreign = sorted(path.name for path in out.iterdir() if not path.name.startswith((ITEMS, METRICS)))
        if foreign and not (out / METRICS).is_file():
            raise DataError(f"{out} exists and holds {foreign[0]}, but no evaluation; name a new folder")
    rows = list(_read(path, fields, with_gold=benchmark is None))
    if benchmark is None:
        layout = Layout(path.name, strict_rule=strict_rule or "gsm8k", groups=fields.keep)
        asked = _table(_with_ids(rows), layout)
    else:
        rule = strict_rule or benchmark.strict_rule
        groups = (*benchmark.groups, *fields.keep)
        layout = Layout(benchmark.name, benchmark.metric, rule, groups, benchmark.cluster, benchmark.base)
        asked = _table(_matched(rows, benchmark, path), layout)
    items = grade(asked, layout)
    if out is not None:
        write_graded(items, out)
    return items


def field_of(row: Any, path: str) -> Any:
    """Follow a path into a row.

    >>> field_of({"a": [{"b": 7}]}, "a.0.b")
    7
    """
    here = row
    for step in path.split("."):
        if isinstance(here, Mapping) and step in here:
            here = here[step]
        elif isinstance(here, list) and step.isdigit() and int(step) < len(here):
            here = here[int(step)]
        else:
            have = ", ".join(map(str, here)) if isinstance(here, Mapping) else type(here).__name__
            raise DataError(f"there is no field {path!r} in the outputs: {step!r} is not in ({have})")
    return here


def _read(path: Path, fields: OutputFields, *, with_gold: bool) -> Iterator[dict[str, Any]]:
    """Yield one row per question: its text, its gold answer if wanted, its samples and what is kept."""
    if with_gold and fields.gold is None:
        raise DataError(
            "name the field of the gold answers (--gold), or a benchmark to match the questions with"
        )
    for raw in raw_rows(path, Counter()):
        texts = field_of(raw, fields.text)
        row = {
            "question": _question(raw, fields.question),
            "texts": [str(text) for text in texts] if isinstance(texts, list) else [str(texts)],
            **{name: str(field_of(raw, name)) for name in fields.keep},
        }
        if with_gold:
            row["gold"] = _final(answer_text(field_of(raw, fields.gold or "")))
        yield row


def _final(gold: str) -> str:
    """Take the answer out of a gold answer that is a whole solution."""
    is_solution = "\n" in gold.strip() or "####" in gold or "\\boxed" in gold
    return (find_answer(gold)[1] if is_solution else None) or gold


def _question(raw: Mapping[str, Any], field: str | None) -> str:
    if field:
        return str(field_of(raw, field))
    for path in QUESTION_FIELDS:
        try:
            return str(field_of(raw, path))
        except DataError:
            continue
    have = ", ".join(raw)
    raise DataError(
        f"cannot tell which field holds the question; name it with --question. The fields are: {have}"
    )


def _with_ids(rows: Sequence[Mapping[str, Any]]) -> Iterator[dict[str, Any]]:
    """Give rows the ids that the same questions have in a Pool."""
    pool = Pool.from_rows([{"question": row["question"], "gold": row["gold"]} for row in rows])
    columns = (pool.column(name).to_pylist() for name in ("row_id", "example_id"))
    for row, row_id, example_id in zip(rows, *columns, strict=True):
        yield {**row, "row_id": row_id, "example_id": example_id}


def _matched(rows: Sequence[Mapping[str, Any]], benchmark: Benchmark, path: Path) -> Iterator[dict[str, Any]]:
    """Take over what the benchmark says of each question that it knows."""
    known = {_plain(row["question"]): row for row in benchmark.pool.rows()}
    found = [(row, known.get(_plain(row["question"]))) for row in rows]
    if not any(match for _, match in found):
        raise DataError(
            f"none of the {len(rows)} questions of {path} is one of {benchmark.name}; "
            f"the first is {rows[0]['question'][:60]!r}"
            if rows
            else f"{path} is empty"
        )
    for row, match in found:
        if match is not None:
            yield {**match, **row, "gold": match["gold"], "question": match["question"]}


def _plain(question: str) -> str:
    return " ".join(question.split())


def _table(rows: Iterable[Mapping[str, Any]], layout: Layout) -> pa.Table:
    """One row per question and sample; foreign outputs bring no token counts."""
    flat = [
        {**row, "sample": sample, "output": text, "tokens": None, "finish_reason": None}
        for row in rows
        for sample, text in enumerate(row["texts"])
    ]
    kept = pa.schema(
        [pa.field(name, pa.bool_() if name == layout.base else pa.string()) for name in layout.kept]
    )
    return pa.Table.from_pylist(flat, schema=pa.schema([*ASKED, *kept]))
