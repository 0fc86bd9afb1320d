"""How often the advice was right: the large end of finished Runs is hidden, advised on, and looked up.

A situation is a base with so many rows, of which only settings with fewer rows are shown. The planner ranks
its moves for the rows that one has; then each move's true gain is read off: of a method or another base, at
those rows; of labelling, at the next larger amount. Its first choice is compared with always labelling more,
and with taking what gained most in the largest of the runs that were shown. With one seed shown at a time
the runs are as cheap as a user's. Situations of one Run share settings, so they are not independent, and
counts say more than they seem to.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from cotmill.core.errors import DataError
from cotmill.core.ids import rng_of
from cotmill.study.draws import draw, interval
from cotmill.study.moves import Evidence, Move, Now, all_moves
from cotmill.study.points import PLAIN, Point, of_test

SHOWN = 3
"""Amounts of data that must be shown before anything is asked."""
DRAWS = 120
TIED = 0.005
"""A choice whose true gain is within half a point of the best one's counts as right, too."""


def backtest(
    points: Sequence[Point], *, test: str | None = None, one_seed: bool = True, keep_base: bool = False
) -> dict[str, Any]:
    """Ask the planner in every situation that finished settings allow, and score its first choices.

    Raises:
        DataError: no base has so many amounts of data that some can be hidden.
    """
    chosen = of_test(points, test)
    models = dict.fromkeys(point.model for point in chosen)
    groups = (
        [[point for point in chosen if point.model == model] for model in models] if keep_base else [chosen]
    )
    asked = [
        told
        for group in groups
        for now, more in situations(group)
        for told in _answers(group, now, more, one_seed=one_seed)
    ]
    if not asked:
        raise DataError(
            f"nothing can be tested: that takes {PLAIN} of one base at {SHOWN + 2} amounts of data or "
            f"more, and "
            "other methods at the larger ones; run `cotmill study scaling` first"
        )
    return {"test": chosen[0].test, "asked": asked, "summary": summary(asked)}


def situations(points: Sequence[Point]) -> Iterator[tuple[Now, float]]:
    """List what one may have and how much more could be labelled, leaving both ends out."""
    for model in dict.fromkeys(point.model for point in points):
        sizes = sorted({p.rows for p in points if p.base == (model, PLAIN) and p.rows > 0})
        for place in range(SHOWN, len(sizes) - 1):
            yield Now(model, PLAIN, sizes[place]), sizes[place + 1] - sizes[place]


def _answers(points: Sequence[Point], now: Now, more: float, *, one_seed: bool) -> Iterator[dict[str, Any]]:
    """Ask with all seeds shown, and with each one alone."""
    shown = [point for point in points if point.rows < now.rows]
    seeds = sorted({seed for point in shown if point.table is not None for seed in point.seeds})
    views = [("all", shown)]
    if one_seed and len(seeds) > 1:
        views += [(str(seed), [view for point in shown if (view := only(point, seed))]) for seed in seeds]
    for name, view in views:
        told = _asked(points, view, now, more)
        if told is not None:
            yield {"model": now.model, "rows": now.rows, "seeds": name, **told}


def only(point: Point, seed: int) -> Point | None:
    """Show one seed of a setting."""
    if point.table is None or seed not in point.seeds:
        return None
    table = point.table[[point.seeds.index(seed)]]
    return replace(point, table=table, seeds=(seed,), accuracy=float(table.mean()))


def _asked(points: Sequence[Point], shown: Sequence[Point], now: Now, more: float) -> dict[str, Any] | None:
    """Score one situation; None when only one move can be looked up."""
    evidence = Evidence(shown, draw(shown, draws=DRAWS))
    truths = {}
    for move in all_moves(evidence, now, more):
        truth = true_gain(points, now, move, more)
        if truth is not None:
            truths[move.name] = (move, truth)
    if len(truths) < 2 or not any(move.labels for move, _ in truths.values()):
        return None
    best = max(truth for _, truth in truths.values())
    first = max(truths.values(), key=lambda one: one[0].gain.value)
    cheap = max(truths.values(), key=lambda one: _cheap_gain(shown, now, one[0]))
    label = next(one for one in truths.values() if one[0].labels)
    return {
        "moves": [
            {"name": move.name, "kind": move.kind, "gain": move.gain.as_json(), "truth": truth}
            for move, truth in truths.values()
        ],
        **{
            way: {"name": move.name, "truth": truth, "regret": best - truth, "right": best - truth <= TIED}
            for way, (move, truth) in (("planner", first), ("more data", label), ("best cheap run", cheap))
        },
    }  # fmt: skip


def true_gain(points: Sequence[Point], now: Now, move: Move, more: float) -> float | None:
    """Look up what a move really brought; None where that was not run."""
    found = {(point.model, point.method, point.rows): point.accuracy for point in points}
    before = found.get((now.model, now.method, now.rows))
    if move.labels:
        after = found.get((now.model, now.method, now.rows + more))
    elif move.kind == "base":
        after = found.get((move.name, now.method, now.rows))
    else:
        after = found.get((now.model, move.name, now.rows))
    return None if before is None or after is None else after - before


def _cheap_gain(shown: Sequence[Point], now: Now, move: Move) -> float:
    """Give a move's gain in the largest of the runs that were shown; of labelling, the last step's."""
    found = {(point.model, point.method, point.rows): point.accuracy for point in shown}
    sizes = sorted(rows for model, method, rows in found if (model, method) == (now.model, now.method))
    last = sizes[-1]
    if move.labels:
        return found[now.model, now.method, last] - found[now.model, now.method, sizes[-2]]
    other = (move.name, now.method) if move.kind == "base" else (now.model, move.name)
    after = found.get((*other, last))
    return -1.0 if after is None else after - found[now.model, now.method, last]


def summary(asked: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """Count right choices of each way, what wrong ones lost, and how often intervals held."""
    ways = ("planner", "more data", "best cheap run")
    held = [
        move["gain"]["low"] <= move["truth"] <= move["gain"]["high"] for one in asked for move in one["moves"]
    ]
    missed = [move["gain"]["value"] - move["truth"] for one in asked for move in one["moves"]]
    found: dict[str, Any] = {
        "situations": len({(one["model"], one["rows"]) for one in asked}),
        "asked": len(asked),
        "moves": len(held),
        "inside": sum(held),
        "error": float(np.mean(np.abs(missed))),
        "ways": [
            {
                "way": way,
                "right": sum(bool(one[way]["right"]) for one in asked),
                "regret": float(np.mean([one[way]["regret"] for one in asked])),
            }
            for way in ways
        ],
    }
    gaps = np.array([one["more data"]["regret"] - one["planner"]["regret"] for one in asked])
    places = rng_of(0, "study", "backtest").integers(0, len(gaps), size=(1000, len(gaps)))
    found["better_by"] = interval(float(gaps.mean()), gaps[places].mean(axis=1)).as_json()
    return found
