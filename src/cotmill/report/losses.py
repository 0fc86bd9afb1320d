"""Loss of the tests' own solutions: what still tells arms apart when a small model's accuracy is near zero.

The loss is a ratio, nats over tokens. Its interval is that of its linear form (Cochran 1977, chapter 6): each
solution's nats beyond what its tokens would have at the mean, over seeds and solutions that are crossed.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np
from jaxtyping import Float

from cotmill.report import draw
from cotmill.report.findings import ONE_SEED, Finding, Findings
from cotmill.report.intervals import Interval, crossed_differences, crossed_means
from cotmill.report.parts import Csv, Figure, Panel, Section, Table
from cotmill.report.read import LoadedRun, Step
from cotmill.report.scores import colour_of
from cotmill.report.svg import drawing
from cotmill.report.text import count, signed, visible

FILE = "losses.parquet"
UNIT = "nats per token"


@dataclass(frozen=True, eq=False)
class Loss:
    """One arm's losses on one test: by seed and solution, in a form whose mean is nats per token."""

    variant: str
    test: str
    values: Float[np.ndarray, "seed row"]
    seeds: tuple[int, ...]
    rows: tuple[str, ...]
    interval: Interval
    """Mean over seeds and solutions."""


@dataclass(frozen=True)
class Difference:
    """An arm's loss minus that of the arm it is compared to, and how many seeds both have."""

    against: str
    interval: Interval
    seeds: int


def losses(run: LoadedRun, test: str) -> tuple[Loss, ...]:
    """Read every arm's losses on a test; arms whose seeds scored different solutions are left out."""
    read = {variant: _read(run, variant, test) for variant in run.variants}
    tables = {name: table for name, table in read.items() if table is not None}
    intervals = _by_shape({name: values for name, (values, _, _) in tables.items()})
    return tuple(Loss(name, test, *table, intervals[name]) for name, table in tables.items())


Scored = tuple[np.ndarray, tuple[int, ...], tuple[str, ...]]


def _read(run: LoadedRun, variant: str, test: str) -> Scored | None:
    """Losses by seed and solution, with the seeds and the solutions."""
    cells = run.of(variant, test)
    read = [_by_row(run.step(cell, "evaluate")) for cell in cells]
    if not read or not all(read) or any(one.keys() != read[0].keys() for one in read):
        return None
    values = np.array([_linear(list(one.values())) for one in read])
    return values, tuple(cell.seed for cell in cells), tuple(read[0])


def _by_shape(tables: Mapping[str, Float[np.ndarray, "_ _"]]) -> dict[str, Interval]:
    """Means with intervals; tables of one shape are pooled in what they say about spread."""
    found: dict[str, Interval] = {}
    for shape in {table.shape for table in tables.values()}:
        alike = {name: table for name, table in tables.items() if table.shape == shape}
        found |= dict(zip(alike, crossed_means(list(alike.values())), strict=True))
    return found


def _by_row(step: Step | None) -> dict[str, tuple[float, int]]:
    """Nats and tokens by solution; solutions without a token are passed over."""
    table = step.table(FILE, ("row_id", "loss_sum", "tokens")) if step else None
    if table is None:
        return {}
    rows = zip(*(table[name].to_pylist() for name in ("row_id", "loss_sum", "tokens")), strict=True)
    return {row: (float(nats), int(tokens)) for row, nats, tokens in rows if tokens}


def _linear(pairs: Sequence[tuple[float, int]]) -> Float[np.ndarray, " row"]:
    """Give every solution a number such that their mean is all nats over all tokens."""
    nats, tokens = np.array(pairs, dtype=float).T
    ratio = nats.sum() / tokens.sum()
    return (nats - ratio * tokens) / tokens.mean() + ratio


def differences(run: LoadedRun, found: Sequence[Loss]) -> dict[str, Difference]:
    """Loss of each arm minus that of its reference, paired by seed and solution.

    Arms with the reference's seeds and solutions are compared together, the others each on their own.
    """
    against = _references(run, found)
    made: dict[str, Difference] = {}
    for other in dict.fromkeys(against.values()):
        arms = [one for one in found if against.get(one.variant) is other and one.rows == other.rows]
        alike = [one for one in arms if one.seeds == other.seeds]
        if alike:
            intervals = crossed_differences([one.values for one in alike], other.values)
            for one, interval in zip(alike, intervals, strict=True):
                made[one.variant] = Difference(other.variant, interval, len(one.seeds))
        for one in arms:
            seeds = [seed for seed in one.seeds if seed in other.seeds]
            if one not in alike and seeds:
                mine, theirs = (
                    side.values[[side.seeds.index(seed) for seed in seeds]] for side in (one, other)
                )
                interval = crossed_differences([mine], theirs)[0]
                made[one.variant] = Difference(other.variant, interval, len(seeds))
    return made


def _references(run: LoadedRun, found: Sequence[Loss]) -> Mapping[str, Loss]:
    """Give every other arm the one that it is compared to, at its own grid point."""
    base = {run.points[one.variant][1]: one for one in found if run.points[one.variant][0] == run.compare_to}
    arms = {one.variant: base.get(run.points[one.variant][1]) for one in found}
    return {name: other for name, other in arms.items() if other is not None and other.variant != name}


def loss_findings(run: LoadedRun) -> tuple[Findings, ...]:
    """Put every comparison of losses into a sentence, by test."""
    made = []
    for test in run.tests:
        found = losses(run, test)
        compared = differences(run, found)
        sentences = tuple(_finding(one, compared[one.variant]) for one in found if one.variant in compared)
        if sentences:
            one_seed = all(one.seeds == 1 for one in compared.values())
            summary = _summary(sentences) + (ONE_SEED if one_seed else "")
            made.append(Findings(f"{visible(test)}, loss of the solutions", summary, sentences))
    return tuple(made)


def _finding(one: Loss, compared: Difference) -> Finding:
    interval, seeds = compared.interval, compared.seeds
    apart = interval.low > 0 or interval.high < 0
    against = visible(compared.against)
    size = f"{abs(interval.mean):.3f} {UNIT}"
    if apart:
        statement = f"has a loss {size} {'above' if interval.mean > 0 else 'below'} that of {against}"
    else:
        statement = f"cannot be told apart from {against}: {signed(interval.mean, 3)} {UNIT}"
    evidence = (
        f"95 % interval {signed(interval.low, 3)} to {signed(interval.high, 3)}; "
        f"{count(len(one.rows))} solutions; {seeds} seed{'s' if seeds != 1 else ''}"
    )
    sign = "open" if not apart else "worse" if interval.mean > 0 else "better"
    return Finding(visible(one.variant), statement, evidence, sign)


def _summary(sentences: Sequence[Finding]) -> str:
    signs = [one.sign for one in sentences]
    better, worse, rest = (signs.count(sign) for sign in ("better", "worse", "open"))
    return (
        f"Lower is better. Of {count(len(signs))} arms {better} fit the test’s solutions better than the "
        f"reference, {worse} worse, {rest} cannot be told apart."
    )


def losses_section(run: LoadedRun, prefix: str) -> Section | None:
    """Build the section on the loss of the tests' solutions."""
    found = {test: losses(run, test) for test in run.tests}
    found = {test: arms for test, arms in found.items() if arms}
    if not found:
        return None
    panels = tuple(
        _panel(run, test, arms, f"{prefix}-sol-{place}") for place, (test, arms) in enumerate(found.items())
    )
    header = ("arm", "test", "seed", "solutions", "loss", "mean", "low", "high")
    rows = tuple(
        (
            one.variant,
            one.test,
            seed,
            len(one.rows),
            float(value),
            one.interval.mean,
            one.interval.low,
            one.interval.high,
        )
        for arms in found.values()
        for one in arms
        for seed, value in zip(one.seeds, one.values.mean(axis=1), strict=True)
    )
    caption = f"Loss of the tests’ own solutions, {UNIT}; lower is better. Bars are 95 % intervals."
    figure = Figure("solution-loss", caption, panels, Csv("solution-loss", header, rows))
    text = (
        "How likely a model finds the solutions that the tests bring with them. It moves long before "
        "accuracy does."
    )
    tables = tuple(_table(run, test, arms) for test, arms in found.items())
    return Section("losses", "Loss on the tests", (text,), (figure,), tables)


def _panel(run: LoadedRun, test: str, found: Sequence[Loss], name: str) -> Panel:
    rows = [
        draw.Whisker(
            one.variant, one.interval, f"{one.interval.mean:.3f}", tuple(one.values.mean(axis=1).tolist()),
            "muted" if colour_of(run, one.variant) == "muted" else "c1",
        )
        for one in found
    ]  # fmt: skip
    base = [one.interval.mean for one in found if one.variant == run.compare_to]
    about = "; ".join(f"{one.variant}: {_ends(one.interval)}" for one in found)
    paint = partial(draw.whiskers, rows=rows, label=UNIT, reference=base[0] if base else None)
    return Panel(visible(test), drawing(name, f"Loss on {test}", about, draw.rows_height(len(rows)), paint))


def _ends(interval: Interval) -> str:
    if not math.isfinite(interval.low):
        return "one solution"
    return f"{interval.low:.3f}\u00a0to\u00a0{interval.high:.3f}"


def _table(run: LoadedRun, test: str, found: Sequence[Loss]) -> Table:
    against = differences(run, found)
    rows, strong = [], set()
    for one in found:
        compared = against[one.variant].interval if one.variant in against else None
        change, ends = "", ""
        if compared:
            change = signed(compared.mean, 3)
            ends = f"{signed(compared.low, 3)}\u00a0to\u00a0{signed(compared.high, 3)}"
        if run.points[one.variant][0] == run.compare_to:
            strong.add(len(rows))
        mean = one.interval
        rows.append((
            visible(one.variant), count(len(one.rows)), str(len(one.seeds)), f"{mean.mean:.3f}", _ends(mean),
            change, ends,
        ))  # fmt: skip
    columns = ("Arm", "n solutions", "Seeds", "Mean", "95 % interval", "Difference", "95 % interval")
    note = f"In {UNIT}."
    return Table(f"Loss on {visible(test)}", columns, tuple(rows), note=note, strong=frozenset(strong))
