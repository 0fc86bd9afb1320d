"""The viewer of answers: every test question with what each arm said to it and how that was judged."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from cotmill.core.ids import order_keys
from cotmill.report.answers import FILE, verdicts
from cotmill.report.read import Cell, LoadedRun
from cotmill.report.text import count, visible
from cotmill.report.viewer import Row, Shape, Sort, Viewer, bounded, viewer

COLUMNS = (
    "row_id",
    "sample",
    "question",
    "gold",
    "output",
    "verdict",
    "reason",
    "rule",
    "predicted",
    "tokens",
    "rouge_l",
)
MOST = 6_000
"""Answers embedded at most; the byte limit usually comes first."""

GAINED, LOST, SAME_RIGHT, SAME_WRONG = "wrong → right", "right → wrong", "right in both", "wrong in both"
REFERENCE, UNKNOWN = "the reference itself", ""
_CHANGES: dict[tuple[bool | None, bool | None], str] = {
    (False, True): GAINED,
    (True, False): LOST,
    (True, True): SAME_RIGHT,
    (False, False): SAME_WRONG,
}
_SHAPE = Shape(
    facets=("Test", "Arm", "Seed", "Verdict", "Against the reference"),
    blocks=("Question", "Gold answer", "Output", "Answer read", "Reason"),
    numbers=("Tokens", "ROUGE-L"),
    sorts=(Sort("longest output first", 0, falling=True), Sort("shortest output first", 0, falling=False)),
    line=2,
    tones={
        "correct": "good",
        "wrong": "bad",
        "unparsed": "bad",
        "timeout": "bad",
        GAINED: "good",
        LOST: "bad",
    },
)


@dataclass(frozen=True)
class _Answer:
    """One answer before its texts are read: enough to decide whether it is embedded."""

    cell: Cell
    at: int
    """Its place in the table of items."""
    row_id: str
    change: str
    key: int


def items_viewer(run: LoadedRun, prefix: str, budget: int) -> Viewer | None:
    """Build the viewer of answers: gained ones are embedded first, the others by lowest hash."""
    answers = sorted(_answers(run), key=lambda one: (one.change != GAINED, one.key))
    if not answers:
        return None
    gained = sum(one.change == GAINED for one in answers)
    rows = list(_rows(run, answers[:MOST]))
    found = viewer(f"{prefix}-items", "Answers", _SHAPE, rows, len(answers), budget=budget)
    note = (
        f"“Against the reference” compares with “{visible(run.compare_to)}”, same seed."
        if run.compare_to
        else ""
    )
    if found.shown < found.total and gained:
        part = "All" if gained <= found.shown else f"{count(found.shown)} of"
        note = (
            f"{part} {count(gained)} answers that turned from wrong to right are among them; "
            f"the rest is drawn by hash. {note}"
        )
    return replace(found, note=f"{found.note}{note}".strip())


def _answers(run: LoadedRun) -> Iterator[_Answer]:
    """List all answers, each with its change against the reference arm at the same grid point and seed."""
    found = {id(cell): verdicts(run.step(cell, "evaluate")) for cell in run.cells}
    base = {
        (cell.grid, cell.seed, cell.test): found[id(cell)] for cell in run.cells if cell.arm == run.compare_to
    }
    for cell in run.cells:
        mine, theirs = found[id(cell)], base.get((cell.grid, cell.seed, cell.test), {})
        keys = order_keys(cell.seed, (f"{cell.variant}/{cell.test}/{row}/{sample}" for row, sample in mine))
        for at, (row, key) in enumerate(zip(mine, keys.tolist(), strict=True)):
            change = (
                REFERENCE
                if cell.arm == run.compare_to
                else _CHANGES.get((theirs.get(row), mine[row]), UNKNOWN)
            )
            yield _Answer(cell, at, row[0], change, key)


def _rows(run: LoadedRun, answers: Sequence[_Answer]) -> Iterator[Row]:
    """Read the texts of the answers that are embedded, one table of items at a time."""
    by_cell: dict[int, list[tuple[int, _Answer]]] = {}
    for place, one in enumerate(answers):
        by_cell.setdefault(id(one.cell), []).append((place, one))
    made: dict[int, Row] = {}
    for members in by_cell.values():
        step = run.step(members[0][1].cell, "evaluate")
        table = step.table(FILE, COLUMNS) if step else None
        if table is not None:
            texts = bounded(table.take([one.at for _, one in members]))
            for (place, one), text in zip(members, texts, strict=True):
                made[place] = _row(run, one, text)
    return (made[place] for place in sorted(made))


def _row(run: LoadedRun, one: _Answer, texts: Mapping[str, str]) -> Row:
    cell = one.cell
    reason = " · ".join(part for part in (texts.get("reason", ""), texts.get("rule", "")) if part)
    test, variant = run.tests.index(cell.test), run.variants.index(cell.variant)
    order = f"{test:03d}/{texts.get('question', '')[:200]}/{one.row_id}/{variant:04d}"
    numbers = (texts.get("tokens", ""), texts.get("rouge_l", ""))
    return Row(
        key=f"{order}/{cell.seed:06d}/{one.at:08d}",
        facets=(cell.test, cell.variant, f"seed {cell.seed}", texts.get("verdict", ""), one.change),
        numbers=tuple(float(value) if value else None for value in numbers),
        texts=(*(texts.get(name, "") for name in ("question", "gold", "output", "predicted")), reason),
        first=one.change == GAINED,
    )
