"""The lab's problems as Pools: the same rows, under the names of a Pool's columns."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from cotmill.core.errors import DataError
from cotmill.data.gold import final_answer
from cotmill.data.pool import Pool
from cotmill.lab.clinical import clinical_rows
from cotmill.lab.defects import NONE, make_pool_rows
from cotmill.lab.testsets import TEST_SETS

TEST_START = 10**9
"""Clinical rows from here on are for tests; no training pool reaches so far."""


def make_pool(seed: int, rows: int, *, sound_only: bool = False, **settings: Any) -> Pool:
    """Make a training pool; the settings are those of `make_pool_rows`.

    `sound_only` takes the rows with a labelled defect out again and leaves the others as they were: what an
    oracle that knows the defects would keep. It is for comparison only; no method sees the labels.

    >>> pool = make_pool(0, 50, defects=0.3)
    >>> len(pool), pool.has_labels, pool.without_labels().has_labels
    (50, True, False)
    >>> len(make_pool(0, 50, defects=0.3, sound_only=True)) < 50
    True
    """
    made = make_pool_rows(seed, rows, **settings)
    if sound_only:
        made = (row for row in made if row["lab_defect"] == NONE)
    return Pool.from_rows(_as_pool_rows(made))


def make_test(name: str, seed: int, rows: int, **settings: Any) -> Pool:
    """Make one of the lab's test sets; none of its questions is in any training pool.

    Raises:
        DataError: there is no such test set.
    """
    if name not in TEST_SETS:
        raise DataError(f"no test set is called {name!r}; there are {', '.join(TEST_SETS)}")
    return Pool.from_rows(_as_pool_rows(TEST_SETS[name](seed, rows, **settings)))


def make_clinical(seed: int, rows: int, *, test: bool = False) -> Pool:
    """Make findings with their impression as rows of texts; questions of a test come from far behind.

    >>> make_clinical(0, 3).column("trace")[0].as_py() != ""
    True
    """
    made = clinical_rows(seed, rows, start=TEST_START if test else 0)
    return Pool.from_rows(
        {
            "question": str(row["prompt"]),
            "trace": str(row["completion"]).strip(),
            "origin": "lab",
            "lab_findings": row["lab_findings"],
        }
        for row in made
    )


def _as_pool_rows(rows: Iterable[Mapping[str, Any]]) -> Iterator[dict[str, Any]]:
    """Give the lab's rows the names of a pool's columns."""
    for row in rows:
        solution = str(row["answer"])
        rest = {name: value for name, value in row.items() if name != "answer"}
        yield {**rest, "trace": solution, "gold": final_answer(solution), "origin": "lab"}
