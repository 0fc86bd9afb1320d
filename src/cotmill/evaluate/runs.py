"""Two Runs, or two arms of Runs, compared test by test: over the questions, and over the seeds.

`RUN` means all its arms, `RUN:ARM` one. Arms of one name are compared with each other; where each side
is one arm, their names need not agree.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa

from cotmill.core.checked import read_table
from cotmill.core.errors import RunError
from cotmill.evaluate.compare import Comparison, compare_items
from cotmill.evaluate.items import ITEMS, layout_of, read_items, with_layout
from cotmill.evaluate.paired import SeedDifference, difference_over_seeds
from cotmill.evaluate.run import EvalResult

CELLS = "cells.parquet"
TEST = "evaluate."
GRID = "grid."


@dataclass(frozen=True)
class RunComparison:
    """One test of two arms."""

    title: str
    names: tuple[str, str]
    items: Comparison
    seeds: SeedDifference


@dataclass(frozen=True)
class _Side:
    """Evaluation folders of one side: (arm and grid point, test) → seed → folder."""

    cells: dict[tuple[str, str], dict[int, Path]]

    @property
    def arms(self) -> set[str]:
        return {arm for arm, _ in self.cells}


def compare_runs(a: str, b: str, *, seed: int = 0) -> Iterator[RunComparison]:
    """Compare everything that two Runs, or two arms, have in common.

    Raises:
        RunError: one is no Run, has no such arm, or they have no arm and test in common.
    """
    left, right = _side(a), _side(b)
    single = len(left.arms) == 1 and len(right.arms) == 1
    pairs = [
        (one, other)
        for one in left.cells
        for other in right.cells
        if one[1] == other[1] and (single or one[0] == other[0])
    ]
    if not pairs:
        raise RunError(
            f"{a} and {b} have no arm and test in common; a has {_names(left)}, b has {_names(right)}. "
            "Name one arm of each: RUN:ARM"
        )
    for one, other in pairs:
        names = ("a", "b") if one[0] == other[0] else (one[0], other[0])
        title = f"{one[0]}: {one[1]}" if one[0] == other[0] else one[1]
        yield _compared(left.cells[one], right.cells[other], title, names, seed)


def _names(side: _Side) -> str:
    return "; ".join(f"{arm}: {test}" for arm, test in sorted(side.cells))


def _side(name: str) -> _Side:
    """Open `RUN` or `RUN:ARM`."""
    folder, arm = (Path(name), "") if Path(name).exists() else _split(name)
    if not (folder / CELLS).is_file():
        raise RunError(f"{folder} is no finished Run: it holds no {CELLS}")
    cells: dict[tuple[str, str], dict[int, Path]] = defaultdict(dict)
    for row in read_table(folder / CELLS).to_pylist():
        grid = ", ".join(
            f"{key.removeprefix(GRID)}={row[key]}" for key in sorted(row) if key.startswith(GRID)
        )
        label = f"{row['arm']} [{grid}]" if grid else str(row["arm"])
        if arm in ("", row["arm"], label):
            for key, step in row.items():
                if key.startswith(TEST) and step and (folder / "steps" / step / ITEMS).is_file():
                    cells[label, key.removeprefix(TEST)][int(row["seed"])] = folder / "steps" / step
    if not cells:
        raise RunError(f"{folder} has no evaluated arm {arm!r}" if arm else f"{folder} has no evaluations")
    return _Side(dict(cells))


def _split(name: str) -> tuple[Path, str]:
    folder, _, arm = name.rpartition(":")
    return Path(folder), arm


def _compared(
    a: dict[int, Path], b: dict[int, Path], title: str, names: tuple[str, str], seed: int
) -> RunComparison:
    """Compare the answers of the seeds that both have, question by question, and the seeds' accuracies."""
    shared = sorted(a.keys() & b.keys())
    if not shared:
        raise RunError(f"{title}: no seed in common; a has {sorted(a)}, b has {sorted(b)}")
    items = compare_items(_together(a, shared), _together(b, shared), seed=seed)
    means = [{one: _accuracy(folder) for one, folder in side.items()} for side in (a, b)]
    return RunComparison(title, names, items, difference_over_seeds(*means))


def _together(folders: dict[int, Path], seeds: list[int]) -> pa.Table:
    """Put the items of several seeds into one table: more samples of the same questions."""
    tables = [read_items(folders[seed]) for seed in seeds]
    return with_layout(
        pa.concat_tables([table.replace_schema_metadata(None) for table in tables]), layout_of(tables[0])
    )


def _accuracy(folder: Path) -> float:
    result = EvalResult.read(folder)
    found = result.estimate("accuracy") or result.estimate("rouge_l")
    if found is None:
        raise RunError(f"{folder} has neither accuracy nor ROUGE-L")
    return found.value
