"""What to do next: moves ranked by what they bring, with costs, and what would change the ranking.

All gains are drawn together, so that the chance that one move is better than another counts what they share.
Moves are ranked by expected gain among those within the budget; with prices, gain for the money is given
beside it. Prices are the user's: where none is told, costs stay in labels and hours.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from cotmill.core.errors import DataError
from cotmill.study.choose import choose
from cotmill.study.cost import Device
from cotmill.study.draws import DRAWS, draw
from cotmill.study.moves import KINDS, TO_RUN, Evidence, Move, Now, all_moves
from cotmill.study.points import PLAIN, Point, of_test

VERSION = 1
MOST_LABELS = 64.0
"""Break-even amounts of labels are looked for up to so many times the rows that there are."""
SEARCHED = 600


@dataclass(frozen=True)
class Prices:
    """What things cost, in one currency; None: not told."""

    label: float | None = None
    """Of one labelled row."""
    hour: float | None = None
    """Of an hour of the stated device."""
    budget: float | None = None


def make_plan(
    points: Sequence[Point],
    now: Now | None = None,
    *,
    more: float | None = None,
    device: Device,
    prices: Prices | None = None,
    test: str | None = None,
    draws: int = DRAWS,
) -> dict[str, Any]:
    """Compare the next moves.

    Args:
        points: what was measured.
        now: what one has; None: plain fine-tuning of the base that most is known of, with the most rows.
        more: how many rows could be labelled; None: as many as there are.
        device: what hours are stated of.
        prices: what things cost.
        test: which test counts; None: the first.
        draws: bootstrap draws.

    Raises:
        DataError: nothing was measured of what one has.
    """
    chosen = of_test(points, test)
    now, prices = resolved(chosen, now), prices or Prices()
    evidence = Evidence(chosen, draw(chosen, draws=draws))
    moves = list(all_moves(evidence, now, more or now.rows))
    costs = {move.name: _cost(move, device, prices) for move in moves}
    ranked = ranking(moves, {name: told["money"] for name, told in costs.items()}, prices.budget)
    return {
        "version": VERSION,
        "test": chosen[0].test,
        "now": {"model": now.model, "method": now.method, "rows": now.rows, **_accuracy(evidence, now)},
        "device": device.name,
        "prices": {"label": prices.label, "hour": prices.hour, "budget": prices.budget},
        "intervals": evidence.draws.method,
        "moves": [
            _told(move, moves, costs[move.name], affordable=move in ranked)
            for move in _ordered(moves, ranked)
        ],
        "unknown": list(_unknown(moves, keep_base=now.keep_base)),
        "flips": list(_flips(evidence, now, ranked, costs)) if ranked else [],
    }


def resolved(points: Sequence[Point], now: Now | None) -> Now:
    """Say what one has, where it was not told.

    Raises:
        DataError: nothing was measured of it.
    """
    told = now or Now("", PLAIN, 0.0)
    methods = [point for point in points if point.method == told.method and point.rows > 0]
    if not methods:
        known = ", ".join(dict.fromkeys(point.method for point in points))
        raise DataError(f"no setting has the method {told.method!r}; give --method, one of: {known}")
    counts = {p.model: sum(q.model == p.model for q in points) for p in methods}
    model = told.model or max(counts, key=lambda name: counts[name])
    mine = [point.rows for point in methods if point.model == model]
    if not mine:
        raise DataError(f"no setting has the base {model!r}; give --model, one of: {', '.join(counts)}")
    return Now(model, told.method, told.rows or max(mine), told.keep_base)


def ranking(moves: Sequence[Move], money: dict[str, float | None], budget: float | None) -> list[Move]:
    """Order the moves that can be paid for by expected gain; where the price is not known, they stay."""
    able = [move for move in moves if budget is None or (money[move.name] or 0.0) <= budget]
    return sorted(able, key=lambda move: -move.gain.value)


def _ordered(moves: Sequence[Move], ranked: Sequence[Move]) -> list[Move]:
    return [*ranked, *(move for move in moves if move not in ranked)]


def _accuracy(evidence: Evidence, now: Now) -> dict[str, Any]:
    place = evidence.find(now.model, now.method, now.rows)
    return {"accuracy": None if place is None else evidence.points[place].accuracy}


def _cost(move: Move, device: Device, prices: Prices) -> dict[str, Any]:
    """Price a move; what is not known stays None."""
    hours = device.hours(*move.flops) if move.flops is not None else move.hours
    parts = [
        0.0 if amount == 0 else None if amount is None or price is None else amount * price
        for amount, price in ((move.labels, prices.label), (hours, prices.hour))
    ]
    money = None if None in parts else float(sum(part or 0.0 for part in parts))
    return {
        "labels": move.labels,
        "hours": hours,
        "flops": None if move.flops is None else sum(move.flops),
        "label_money": parts[0],
        "hour_money": parts[1],
        "money": money,
    }


def _told(move: Move, moves: Sequence[Move], cost: dict[str, Any], *, affordable: bool) -> dict[str, Any]:
    """Write a move down as plain data."""
    every = np.stack([one.drawn for one in moves])
    largest = every == every.max(axis=0)
    mine = moves.index(move)
    gain, money = move.gain.value, cost["money"]
    return {
        "name": move.name, "kind": move.kind, "what": KINDS.get(move.kind, "several at once"),
        "basis": move.basis,
        "gain": move.gain.as_json(), "positive": float((move.drawn > 0).mean()),
        "best": float((largest[mine] / largest.sum(axis=0)).mean()), "cost": cost, "affordable": affordable,
        "gain_per_money": gain / money if money else None,
    }  # fmt: skip


def _unknown(moves: Sequence[Move], *, keep_base: bool) -> Iterator[dict[str, str]]:
    """List the sorts of moves that nothing was measured of."""
    known = {move.kind for move in moves}
    for kind, what in KINDS.items():
        if kind not in known and not (keep_base and kind == "base"):
            yield {"kind": kind, "what": what, "run": TO_RUN[kind]}


def _flips(
    evidence: Evidence, now: Now, ranked: Sequence[Move], costs: dict[str, dict[str, Any]]
) -> Iterator[dict[str, Any]]:
    """Say what would have to be true for each other move to come first."""
    first = ranked[0]
    for move in ranked[1:]:
        gap = first.gain.value - move.gain.value
        told: dict[str, Any] = {
            "move": move.name, "against": first.name, "short_by": gap,
            "chance": float((move.drawn > first.drawn).mean()),
        }  # fmt: skip
        if move.kind == "label":
            told["labels"] = labels_to_match(evidence, now, first.gain.value)
        told |= _prices_to_flip(first, move, costs)
        yield told


def labels_to_match(evidence: Evidence, now: Now, gain: float) -> float | None:
    """Find how many more labels bring a gain, along the curve; None where it never does within the search."""
    places = evidence.sizes(now.model, now.method)
    x = np.array([evidence.points[place].rows for place in places])
    choice = choose(x, evidence.stacked[:1, places])
    more = np.concatenate([[0.0], np.geomspace(1.0, MOST_LABELS * now.rows, SEARCHED)])
    curve = choice.at(now.rows + more)[0]
    enough = np.flatnonzero(curve - curve[0] >= gain)
    return float(more[enough[0]]) if len(enough) else None


def _prices_to_flip(first: Move, move: Move, costs: dict[str, dict[str, Any]]) -> dict[str, Any]:
    """Say what worth of a point pays for the dearer move, and what price of a label makes both alike."""
    mine, theirs = costs[move.name]["money"], costs[first.name]["money"]
    found: dict[str, Any] = {}
    if mine is None or theirs is None:
        return found
    gap = first.gain.value - move.gain.value
    if theirs > mine and gap > 0:
        found["point_worth"] = (theirs - mine) / (100 * gap)
    if bool(move.labels) != bool(first.labels) and min(first.gain.value, move.gain.value) > 0:
        with_labels, without = (move, first) if move.labels else (first, move)
        alike = with_labels.gain.value / without.gain.value * costs[without.name]["money"]
        hours = costs[with_labels.name]["hour_money"] or 0.0
        found["label_price"] = max(0.0, (alike - hours) / with_labels.labels)
    return found
