"""A measured setting: one base, one method, one amount of labelled data, and what came of it on one test."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from jaxtyping import Float

from cotmill.core.errors import DataError

PLAIN = "SFT"
"""The method that the others are measured against: fine-tuning on the given solutions."""


@dataclass(frozen=True)
class Point:
    """Accuracies are shares. With a `table` every answer is known, else only the mean."""

    model: str
    method: str
    rows: float
    """Labelled rows that the setting starts from; sampled solutions do not count."""
    test: str
    accuracy: float
    items: int | None = None
    """Questions of the test; None: not told."""
    facts: Mapping[str, float] = field(default_factory=dict)
    """Whatever else is known: `parameters`, `loss`, `k`, `paths`, `train_rows`, `flops`, `hours`…"""
    table: Float[np.ndarray, "seed item"] | None = None
    seeds: tuple[int, ...] = ()
    questions: tuple[str, ...] = ()
    kind: str = ""
    """What sort of method it is (`sft`, `rft`, `pooled`, `mask`, `select`); empty: read from its name."""

    @property
    def name(self) -> str:
        """Name the setting in a message."""
        return f"{self.model} · {self.method} · {self.rows:,.0f} rows"

    @property
    def base(self) -> tuple[str, str]:
        """Model and method: what a curve against data is drawn for."""
        return self.model, self.method

    def fact(self, name: str) -> float | None:
        """Look up a fact; None where it is not known."""
        return self.facts.get(name)


def of_test(points: Iterable[Point], test: str | None = None) -> list[Point]:
    """Keep the settings of one test: the one named, or the first.

    Raises:
        DataError: there are no results, or none on that test.
    """
    listed = list(points)
    tests = list(dict.fromkeys(point.test for point in listed))
    if not tests:
        raise DataError(
            "there are no finished results to fit; finish the Run first (cotmill run RUN/recipe.yaml)"
        )
    if test is not None and test not in tests:
        raise DataError(f"there are no results on a test {test!r}; the tests are {', '.join(tests)}")
    wanted = test or tests[0]
    return [point for point in listed if point.test == wanted]


def curves_of(points: Sequence[Point]) -> Iterator[tuple[tuple[str, str], list[Point]]]:
    """Group settings that differ only in the amount of labelled data, smallest first."""
    for base in dict.fromkeys(point.base for point in points):
        members = sorted((point for point in points if point.base == base), key=lambda point: point.rows)
        yield base, members


def kind_of(point: Point) -> str:
    """Say what sort of method a setting used.

    >>> [kind_of(Point("m", name, 1.0, "t", 0.5)) for name in ("SFT", "RFT k=12", "pooled RFT", "SFT + mask")]
    ['sft', 'rft', 'pooled', 'mask']
    """
    if point.kind:
        return point.kind
    words = point.method.lower()
    for mark, kind in (
        ("mask", "mask"),
        ("mft", "mask"),
        ("pool", "pooled"),
        ("u13b", "pooled"),
        ("u33b", "pooled"),
    ):
        if mark in words:
            return kind
    if "rft" in words:
        return "rft"
    return "sft" if words.startswith("sft") and "+" not in words else "other"
