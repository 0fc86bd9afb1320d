"""What could be done next, what it brings and what it costs, from settings that were measured.

A gain is an expected difference of accuracy to the setting that one has now. Where a method was measured at
the amount of data that one has, its gain is read off. Where it was measured at smaller amounts only, the
gains there are carried over: as a constant or along a line in the logarithm of the rows, whichever foretells
a left-out amount better, and with the spread of what it missed. Labelling more follows the curve of the
present method. What was never measured has no gain: it is listed as such, with what to run.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

import numpy as np
from jaxtyping import Float

from cotmill.core.ids import rng_of
from cotmill.study.choose import choose
from cotmill.study.curves import LEAST, spread_of_new, stacked
from cotmill.study.draws import Draws, Interval, interval
from cotmill.study.points import PLAIN, Point, kind_of

KINDS = {
    "label": "label more",
    "rft": "sample more per question",
    "pooled": "pool another model",
    "select": "prune",
    "mask": "mask",
    "train": "train longer or otherwise",
    "base": "take another base",
}
TO_RUN = {
    "label": "SFT at three amounts of data or more: `grid: {data.train.limit: [500, 1000, 2000]}`",
    "rft": "an arm `RFT: {sample: {k: 8}, augment: {}}`",
    "pooled": "an arm `pooled: {sample: {k: 8, model: [BASE, ANOTHER]}, augment: {}}`",
    "select": "an arm `pruned: {select: {method: influence, budget: 70%}}` (or s2l)",
    "mask": "an arm `masked: {train: {mask: 0.2}}`",
    "train": "an arm `longer: {train: {epochs: 6}}`",
    "base": "SFT of a larger base: `grid: {model: [BASE, LARGER]}`",
}
"""What to add to a recipe so that a move has evidence."""


@dataclass(frozen=True)
class Now:
    """What one has: base, method, labelled rows."""

    model: str
    method: str = PLAIN
    rows: float = 0.0
    keep_base: bool = False
    """Whether another base is out of the question."""


@dataclass(frozen=True)
class Move:
    """Something that could be done next; `drawn` are its gains in every draw, aligned over moves."""

    name: str
    kind: str
    gain: Interval
    drawn: Float[np.ndarray, " draw"]
    basis: str
    labels: float = 0.0
    flops: tuple[float, float] | None = None
    """Of training, and of sampling and measuring; None: not known."""
    hours: float | None = None
    """Where the evidence tells hours and no FLOPs."""


@dataclass(frozen=True)
class Evidence:
    """Settings of one test with their draws."""

    points: Sequence[Point]
    draws: Draws
    stacked: Float[np.ndarray, "draw point"] = field(init=False)

    def __post_init__(self) -> None:
        """Put what was measured first among the draws."""
        object.__setattr__(self, "stacked", stacked(self.draws))

    def find(self, model: str, method: str, rows: float) -> int | None:
        """Find a setting."""
        for place, point in enumerate(self.points):
            if (point.model, point.method, point.rows) == (model, method, rows):
                return place
        return None

    def sizes(self, model: str, method: str) -> list[int]:
        """List the settings of a base and method, smallest amount first."""
        mine = [n for n, point in enumerate(self.points) if point.base == (model, method) and point.rows > 0]
        return sorted(mine, key=lambda n: self.points[n].rows)


def all_moves(evidence: Evidence, now: Now, more: float) -> Iterator[Move]:
    """Yield every move that the settings say something about."""
    label = labelled(evidence, now, more)
    if label is not None:
        yield label
    for method in dict.fromkeys(p.method for p in evidence.points if p.model == now.model):
        kind = _kind(evidence, now.model, method)
        if method != now.method and kind in (*KINDS, "combined", "sft"):
            yield from _carried(evidence, now, (now.model, method), kind)
    yield from _more_samples(evidence, now)
    for model in dict.fromkeys(point.model for point in evidence.points):
        if model != now.model and not now.keep_base:
            yield from _carried(evidence, now, (model, now.method), "base")


def _kind(evidence: Evidence, model: str, method: str) -> str:
    return next(kind_of(point) for point in evidence.points if point.base == (model, method))


def labelled(evidence: Evidence, now: Now, more: float) -> Move | None:
    """Follow the curve of the present base and method to more labelled rows."""
    places = evidence.sizes(now.model, now.method)
    x = np.array([evidence.points[place].rows for place in places])
    if len(np.unique(x)) < LEAST:
        return None  # through two amounts any form goes, and none can be tested
    y = evidence.stacked[:, places]
    choice = choose(x, y)
    ends = choice.at(np.array([now.rows, now.rows + more]))
    gains = ends[:, 1] - ends[:, 0]
    spread = math.sqrt(0.5) * spread_of_new(choice, y, x, "label")
    form = f"{choice.best.about}, through {len(x)} amounts up to {x[-1]:,.0f} rows"
    drawn = gains[1:] + spread
    return Move(
        f"label {more:,.0f} more", "label", interval(float(gains[0]), drawn), drawn, form, labels=more,
        flops=_flops(evidence, places[-1], now.rows + more), hours=evidence.points[places[-1]].fact("hours"),
    )  # fmt: skip


def _carried(evidence: Evidence, now: Now, other: tuple[str, str], kind: str) -> Iterator[Move]:
    """Read off the gain of another method or base, or carry it over from smaller amounts."""
    pairs = []
    for place in evidence.sizes(*other):
        same = evidence.find(now.model, now.method, evidence.points[place].rows)
        if same is not None:
            pairs.append((same, place))
    if not pairs:
        return
    x = np.array([evidence.points[place].rows for _, place in pairs])
    before, after = (list(side) for side in zip(*pairs, strict=True))
    gains = evidence.stacked[:, after] - evidence.stacked[:, before]
    value, drawn, basis = carried_to(x, gains, now.rows, salt="/".join(other))
    last = evidence.points[after[-1]]
    name = other[1] if other[0] == now.model else other[0]
    yield Move(
        name, kind, interval(value, drawn), drawn, basis,
        flops=_flops(evidence, after[-1], now.rows), hours=last.fact("hours"),
    )  # fmt: skip


def carried_to(
    x: Float[np.ndarray, " size"], gains: Float[np.ndarray, "draw size"], rows: float, *, salt: str
) -> tuple[float, Float[np.ndarray, " other"], str]:
    """Give a gain at an amount of data, measured or carried over: value, draws, how it is known."""
    measured = np.flatnonzero(x == rows)
    if len(measured):
        place = int(measured[0])
        return float(gains[0, place]), gains[1:, place], f"measured at {rows:,.0f} rows"
    if len(x) < 3:
        told = f"measured at {x[-1]:,.0f} rows; that it holds at {rows:,.0f} is assumed"
        return float(gains[0, -1]), gains[1:, -1], told
    z = np.log2(x)
    level, line = gains.mean(axis=1), _at(z, gains, math.log2(rows))
    missed = [_left_out(z, gains, straight=straight) for straight in (False, True)]
    sloped = missed[1] < missed[0]
    found = np.where(sloped, line, level)
    noise = float(gains[1:].var(axis=0).mean())
    sigma = math.sqrt(max(noise, float(missed[int(sloped[0])][0]) ** 2))
    drawn = found[1:] + sigma * rng_of(0, "study", "carried", salt).standard_normal(len(found) - 1)
    way = "along a line" if sloped[0] else "as a constant"
    return float(found[0]), drawn, f"carried over {way} from {len(x)} amounts up to {x[-1]:,.0f} rows"


def _at(
    z: Float[np.ndarray, " size"], gains: Float[np.ndarray, "draw size"], place: float
) -> Float[np.ndarray, " draw"]:
    """Follow a straight line through gains."""
    centred = z - z.mean()
    slope = gains @ centred / float(centred @ centred)
    return gains.mean(axis=1) + slope * (place - z.mean())


def _left_out(
    z: Float[np.ndarray, " size"], gains: Float[np.ndarray, "draw size"], *, straight: bool
) -> Float[np.ndarray, " draw"]:
    """Root mean square error on each amount, foretold from the others by a line or by their mean."""
    squares = np.zeros(len(gains))
    for left in range(len(z)):
        rest = np.arange(len(z)) != left
        others = gains[:, rest]
        told = _at(z[rest], others, float(z[left])) if straight else others.mean(axis=1)
        squares += (told - gains[:, left]) ** 2
    return np.sqrt(squares / len(z))


def _more_samples(evidence: Evidence, now: Now) -> Iterator[Move]:
    """Follow the gain of rejection sampling to twice the most samples, in the logarithm of the samples."""
    found = {}
    for place, point in enumerate(evidence.points):
        if point.model == now.model and kind_of(point) == "rft" and point.fact("k"):
            same = evidence.find(now.model, now.method, point.rows)
            if same is not None:
                found.setdefault(point.rows, []).append((point.facts["k"], same, place))
    if not found:
        return
    rows = now.rows if now.rows in found else max(found)
    listed = sorted(found[rows])
    if len({k for k, _, _ in listed}) < 3:
        return
    k = np.array([one[0] for one in listed])
    gains = evidence.stacked[:, [one[2] for one in listed]] - evidence.stacked[:, [one[1] for one in listed]]
    value, drawn, _ = carried_to(k, gains, 2 * float(k[-1]), salt="samples")
    cost = _flops(evidence, listed[-1][2], now.rows)
    yield Move(
        f"RFT k={2 * k[-1]:.0f}", "rft", interval(value, drawn), drawn,
        f"carried over from k = {k[0]:.0f} to {k[-1]:.0f}, measured at {rows:,.0f} rows",
        flops=None if cost is None else (cost[0], 2 * cost[1]),
    )  # fmt: skip


def _flops(evidence: Evidence, place: int, rows: float) -> tuple[float, float] | None:
    """Scale what a setting took to other rows: sampling in proportion, training where it grew so."""
    point = evidence.points[place]
    training, other = point.fact("training_flops"), point.fact("other_flops")
    if training is None or other is None:
        return None
    share = rows / max(1.0, point.rows)
    smaller = evidence.sizes(*point.base)[0]
    steps = {evidence.points[n].fact("train_steps") for n in (place, smaller)}
    grows = len(steps) > 1 and smaller != place
    return training * (share if grows else 1.0), other * share
