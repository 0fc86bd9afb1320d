"""What a Run says of its factors: the effects it holds, and what each arm took to make."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from cotmill.report.read import LoadedRun, variant_name


@dataclass(frozen=True)
class Effect:
    """The answer to one question about factors; shares, not points."""

    kind: str
    """`main`, `interaction`, `alone`, `together`, `beyond` or `declared`; see `recipe.contrasts`."""
    name: str
    levels: Mapping[str, str]
    value: float
    low: float
    high: float
    p_value: float | None
    p_adjusted: float | None

    @property
    def sign(self) -> int:
        """1 or -1 where the interval leaves zero out, else 0."""
        return 1 if self.low > 0 else -1 if self.high < 0 else 0

    @property
    def stands(self) -> bool:
        """Whether it is still told apart when all questions like it are counted."""
        return self.p_adjusted is not None and self.p_adjusted < 0.05


@dataclass(frozen=True)
class Best:
    """The arm with the highest mean, and how sure that is."""

    arm: str
    mean: float
    level: float
    not_apart: tuple[str, ...]
    firsts: Mapping[str, float]
    over_baseline: tuple[float, float, float] | None


@dataclass(frozen=True)
class Crossed:
    """All effects at one grid point on one test."""

    test: str
    grid: tuple[tuple[str, str], ...]
    seeds: int
    items: int
    means: Mapping[str, float]
    effects: tuple[Effect, ...]
    best: Best

    def of(self, *kinds: str) -> tuple[Effect, ...]:
        """The effects of some kinds."""
        return tuple(one for one in self.effects if one.kind in kinds)

    def find(self, kind: str, name: str) -> Effect | None:
        """One effect, by its kind and name."""
        return next((one for one in self.effects if (one.kind, one.name) == (kind, name)), None)


@dataclass(frozen=True)
class Spent:
    """What a model took to make, the mean over seeds; without asking the tests."""

    tokens: float
    operations: float
    seconds: float | None
    counted: bool
    """Whether all tokens were counted; else some are the estimate of the plan."""


def crossed(run: LoadedRun) -> tuple[Crossed, ...]:
    """Read all effects of a Run; none where its recipe has no factors."""
    return tuple(_crossed(one) for one in run.effects)


def _crossed(told: Mapping[str, Any]) -> Crossed:
    grid = tuple(sorted((key, str(value)) for key, value in (told.get("grid") or {}).items()))
    return Crossed(
        str(told["test"]), grid, int(told["seeds"]), int(told["items"]), dict(told["means"]),
        tuple(_effect(one) for one in told["effects"]), _best(told["best"]),
    )  # fmt: skip


def _effect(told: Mapping[str, Any]) -> Effect:
    return Effect(
        str(told["kind"]),
        str(told["name"]),
        dict(told["levels"]),
        float(told["difference"]),
        float(told["low"]),
        float(told["high"]),
        told.get("p_value"),
        told.get("p_adjusted"),
    )


def _best(told: Mapping[str, Any]) -> Best:
    over = told.get("over_baseline")
    ends = (float(over["difference"]), float(over["low"]), float(over["high"])) if over else None
    return Best(
        str(told["arm"]), float(told["mean"]), float(told["level"]), tuple(told["not_apart"]),
        dict(told["firsts"]), ends,
    )  # fmt: skip


def spent(run: LoadedRun) -> dict[str, Spent]:
    """Say what each variant took to make: tokens and operations as the Run counted them, seconds as timed."""
    sums: dict[str, dict[int, list[Mapping[str, Any]]]] = defaultdict(lambda: defaultdict(list))
    for row in run.costs:
        grid = tuple(
            sorted((k.removeprefix("grid."), str(v)) for k, v in row.items() if k.startswith("grid."))
        )
        sums[variant_name(str(row["arm"]), grid)][int(row["seed"])].append(row)
    times = _seconds(run)
    return {name: _mean(by_seed, times.get(name, ())) for name, by_seed in sums.items()}


def _mean(by_seed: Mapping[int, Sequence[Mapping[str, Any]]], times: Sequence[float]) -> Spent:
    rows = [row for found in by_seed.values() for row in found]
    return Spent(
        sum(row["tokens"] for row in rows) / len(by_seed),
        sum(row["operations"] for row in rows) / len(by_seed),
        sum(times) / len(times) if times else None,
        all(row["counted"] for row in rows),
    )


def _seconds(run: LoadedRun) -> dict[str, list[float]]:
    """Add up, for every cell, the time of its training and of all steps that it rests on."""
    found: dict[str, dict[int, float]] = defaultdict(dict)
    for cell in run.cells:
        if cell.seed not in found[cell.variant] and "train" in cell.steps:
            took = list(_times(run, cell.steps["train"]))
            if took and all(one is not None for one in took):
                found[cell.variant][cell.seed] = sum(one for one in took if one is not None)
    return {name: list(by_seed.values()) for name, by_seed in found.items()}


def _times(run: LoadedRun, name: str) -> Iterator[float | None]:
    """Yield the time of a step and of all that it rests on; None for one that is not there."""
    waiting, seen = [name], set[str]()
    while waiting:
        name = waiting.pop()
        if name in seen:
            continue
        seen.add(name)
        step = run.steps.get(name)
        took = step.timing.get("seconds") if step else None
        yield None if took is None else float(took)
        waiting.extend(step.inputs if step else ())
