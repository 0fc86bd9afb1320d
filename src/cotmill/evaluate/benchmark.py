"""Benchmark: questions with gold answers, the rule of the literature, and what to break results down by."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal

import numpy as np

from cotmill.core.errors import DataError
from cotmill.core.ids import content_id, order_keys
from cotmill.data.pool import Pool

Metric = Literal["answer", "text"]

DEFAULT_GROUPS = ("source",)
"""What an own file is broken down by when nothing is said and the column is filled."""


@dataclass(frozen=True)
class Benchmark:
    """A Pool to be asked, and how its answers are judged and reported.

    `cluster` names a column whose equal values belong together (variations of one base question), so that
    intervals treat them as one draw. `base` names a boolean column: rows that are the unchanged base
    questions; they are answered and stored, and stay out of the headline numbers.
    """

    name: str
    pool: Pool
    metric: Metric = "answer"
    strict_rule: str = "gsm8k"
    groups: tuple[str, ...] = ()
    cluster: str | None = None
    base: str | None = None
    set_aside: int = 0
    """Rows of the file that cannot be asked (no passage, no gold answer, …)."""

    def __post_init__(self) -> None:
        """Refuse columns that are not there, an empty pool, and rows that cannot be judged."""
        named = [*self.groups, *(column for column in (self.cluster, self.base) if column)]
        if missing := [column for column in named if column not in self.pool.columns]:
            have = ", ".join(self.pool.columns)
            raise DataError(f"benchmark {self.name}: no column {', '.join(missing)}; the columns are {have}")
        if len(self.pool) == 0:
            raise DataError(
                f"benchmark {self.name} has no row that can be asked ({self.set_aside} set aside)"
            )
        if without := sum(not reference for reference in self.references().values()):
            raise DataError(
                f"benchmark {self.name}: {without} of {len(self.pool)} rows have nothing to be judged by; "
                "Benchmark.of() sets such rows aside"
            )

    @classmethod
    def of(
        cls, pool: Pool, *, name: str, metric: Metric | None = None, groups: tuple[str, ...] | None = None
    ) -> Benchmark:
        """Make a benchmark of one's own pool; by default broken down by source.

        Without a metric, answers are judged where there are gold answers; where there are only traces,
        texts are scored against them. Rows that bring neither are set aside.

        Raises:
            DataError: no row can be asked.
        """
        golds = np.array(pool.column("gold").to_pylist(), dtype=object).astype(bool)
        traces = np.array(pool.column("trace").to_pylist(), dtype=object).astype(bool)
        metric = metric or ("answer" if golds.any() or not traces.any() else "text")
        usable = golds if metric == "answer" else golds | traces
        if not usable.any():
            raise DataError(f"{name}: no row has a gold answer; the columns are {', '.join(pool.columns)}")
        lost = int((~usable).sum()) + pool.rejects.count
        pool = pool if usable.all() else pool.take(pool.ids[usable])
        if groups is None:
            groups = tuple(column for column in DEFAULT_GROUPS if _distinct(pool, column) > 1)
        return cls(name=name, pool=pool, metric=metric, groups=groups, set_aside=lost)

    def references(self) -> dict[str, str]:
        """What outputs are held against: the gold answer; for texts the trace where there is one."""
        columns = (self.pool.column(name).to_pylist() for name in ("row_id", "gold", "trace"))
        rows = zip(*columns, strict=True)
        if self.metric == "text":
            return {row_id: trace or gold for row_id, gold, trace in rows}
        return {row_id: gold for row_id, gold, _ in rows}

    @property
    def fingerprint(self) -> str:
        """Identify what is asked and how it is judged."""
        settings = (self.metric, self.strict_rule, *self.groups, str(self.cluster), str(self.base))
        return content_id("benchmark", self.name, self.pool.fingerprint, *settings)

    @property
    def questions(self) -> int:
        """Count the questions of the headline, without base questions."""
        return int((~self.is_base()).sum())

    def limited(self, rows: int | None, *, seed: int = 0) -> Benchmark:
        """Keep `rows` random rows, nested across sizes, and the base questions that they vary.

        The first rows of a file would be one kind of row in the sets that are sorted by kind.
        """
        base = self.is_base()
        asked = np.flatnonzero(~base)
        if rows is None or rows >= len(asked):
            return self
        ids = np.asarray(self.pool.column("row_id").to_pylist())
        kept = asked[np.argsort(order_keys(seed, ids[asked]), kind="stable")[:rows]]
        chosen = np.zeros(len(ids), dtype=bool)
        chosen[kept] = True
        if self.cluster:
            clusters = np.asarray(self.pool.column(self.cluster).to_pylist())
            chosen |= base & np.isin(clusters, clusters[kept])
        return replace(self, pool=self.pool.take(ids[chosen].tolist()))

    def is_base(self) -> np.ndarray:
        """Whether each row is an unchanged base question."""
        if self.base is None:
            return np.zeros(len(self.pool), dtype=bool)
        return np.asarray(self.pool.column(self.base).to_pylist(), dtype=bool)


def _distinct(pool: Pool, column: str) -> int:
    return len(pool.column(column).unique()) if column in pool.columns else 0
