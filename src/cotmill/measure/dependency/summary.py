"""Shares with intervals: drawn over items, since the pairs of one item go together.

An interval is the 2.5 and 97.5 percent points over draws of the rows with replacement. A difference of two
models is drawn over the rows they share, the same rows for both, so it is paired.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

import numpy as np
import pyarrow as pa
from jaxtyping import Float, Int

from cotmill.core.ids import rng_of

DRAWS = 2_000
EDGES = (1, 8, 16, 32, 64, 128)
"""Distances in tokens at which the bins of the figure begin; the last is open."""
COUNTED = ("operand", "result", "answer", "other")
"""Roles of the predictions that are counted; a copy of the result next to it is not."""
ALL = "all"


def bins_of(distance: Int[np.ndarray, " pair"]) -> Int[np.ndarray, " pair"]:
    """Say in which bin a distance falls.

    >>> bins_of(np.array([1, 7, 8, 500])).tolist()
    [0, 0, 1, 5]
    """
    return np.searchsorted(np.asarray(EDGES), distance, side="right") - 1


def bin_name(place: int) -> str:
    """Name a bin.

    >>> bin_name(0), bin_name(5)
    ('1-7', '128+')
    """
    if place == len(EDGES) - 1:
        return f"{EDGES[place]}+"
    return f"{EDGES[place]}-{EDGES[place + 1] - 1}"


def influence_summary(tables: Mapping[str, pa.Table], *, seed: int = 0) -> pa.Table:
    """Summarise the probe of one model or several: influence and its share, by source and distance.

    `influence` is the share of alterations that changed a prediction; `share` is the part of all changes that
    came from the cell. With two models, rows named `second - first` give their paired difference.
    """
    row_ids = sorted(set.intersection(*(set(table["row_id"].to_pylist()) for table in tables.values())))
    draws = _draws(len(row_ids), seed)
    cells = {name: _cells(table, row_ids) for name, table in tables.items()}
    found: list[dict[str, object]] = []
    for name, sums in cells.items():
        found += [{"model": name, **row} for row in _influences(sums, draws)]
    if len(cells) == 2:
        (first, one), (second, two) = cells.items()
        found += [{"model": f"{second} - {first}", **row} for row in _influences(two, draws, less=one)]
    return pa.Table.from_pylist(found)


Cells = dict[tuple[str, str], Float[np.ndarray, "row kind"]]
"""For a source and a distance, per row: pairs, and pairs that changed."""


def _cells(table: pa.Table, row_ids: Sequence[str]) -> Cells:
    """Count pairs and changes in every cell of every row."""
    place = {row_id: number for number, row_id in enumerate(row_ids)}
    roles = np.isin(table["role"].to_numpy(zero_copy_only=False), COUNTED)
    rows = np.array([place.get(row_id, -1) for row_id in table["row_id"].to_pylist()])
    keep = roles & (rows >= 0)
    rows, source = rows[keep], table["source"].to_numpy(zero_copy_only=False)[keep]
    changed = table["changed"].to_numpy(zero_copy_only=False)[keep].astype(float)
    bins = bins_of(table["distance"].to_numpy()[keep])
    found: Cells = {}
    for name in (ALL, "question", "earlier line", "same line"):
        for number in (-1, *range(len(EDGES))):
            here = ((source == name) | (name == ALL)) & ((bins == number) | (number < 0))
            pairs = np.bincount(rows[here], minlength=len(row_ids)).astype(float)
            changes = np.bincount(rows[here], weights=changed[here], minlength=len(row_ids))
            found[name, ALL if number < 0 else bin_name(number)] = np.stack([pairs, changes], 1)
    return found


def _draws(rows: int, seed: int) -> Float[np.ndarray, "draw row"]:
    """Draw how often each row counts; the first draw is the rows themselves."""
    drawn = rng_of(seed, "dependency").multinomial(rows, np.full(rows, 1 / max(rows, 1)), size=DRAWS)
    return np.concatenate([np.ones((1, rows)), drawn]).astype(float)


def _influences(
    cells: Cells, draws: Float[np.ndarray, "draw row"], less: Cells | None = None
) -> Iterator[dict[str, object]]:
    """Give influence and share of every cell that has pairs, or their differences to another model's."""
    totals = draws @ cells[ALL, ALL][:, 1]
    less_totals = None if less is None else draws @ less[ALL, ALL][:, 1]
    for (source, distance), sums in cells.items():
        if not sums[:, 0].sum():
            continue
        drawn = draws @ sums
        influence, share = _over(drawn[:, 1], drawn[:, 0]), _over(drawn[:, 1], totals)
        if less is not None and less_totals is not None:
            other = draws @ less[source, distance]
            influence = influence - _over(other[:, 1], other[:, 0])
            share = share - _over(other[:, 1], less_totals)
        row: dict[str, object] = {"source": source, "distance": distance, "pairs": int(sums[:, 0].sum())}
        yield row | _with_ends("influence", influence) | _with_ends("share", share)


def _over(part: Float[np.ndarray, " draw"], whole: Float[np.ndarray, " draw"]) -> Float[np.ndarray, " draw"]:
    """Divide; nan where there is nothing."""
    return np.divide(part, whole, out=np.full(len(part), np.nan), where=whole > 0)


def _with_ends(name: str, drawn: Float[np.ndarray, " draw"]) -> dict[str, object]:
    """Name a value and the ends of its interval; the first draw is the value."""
    rest = drawn[1:][np.isfinite(drawn[1:])]
    low, high = np.quantile(rest, [0.025, 0.975]) if len(rest) else (np.nan, np.nan)
    return {name: float(drawn[0]), f"{name}_low": float(low), f"{name}_high": float(high)}


def conflict_summary(tables: Mapping[str, pa.Table], *, seed: int = 0) -> pa.Table:
    """Summarise the case study: how often the question is followed, by kind of item and side altered."""
    row_ids = sorted(set.intersection(*(set(table["row_id"].to_pylist()) for table in tables.values())))
    place = {row_id: number for number, row_id in enumerate(row_ids)}
    draws = _draws(len(row_ids), seed)
    drawn = {name: dict(_follows(table, place, draws)) for name, table in tables.items()}
    found = [
        {"model": name, "kind": kind, "altered": altered, "items": items, **_with_ends("follows", values)}
        for name, cells in drawn.items()
        for (kind, altered), (items, values) in cells.items()
    ]
    if len(drawn) == 2:
        (first, one), (second, two) = drawn.items()
        for (kind, altered), (items, values) in two.items():
            if (kind, altered) in one:
                apart = values - one[kind, altered][1]
                about = {"model": f"{second} - {first}", "kind": kind, "altered": altered, "items": items}
                found.append({**about, **_with_ends("follows", apart)})
    return pa.Table.from_pylist(found)


def _follows(
    table: pa.Table, place: Mapping[str, int], draws: Float[np.ndarray, "draw row"]
) -> Iterator[tuple[tuple[str, str], tuple[int, Float[np.ndarray, " draw"]]]]:
    """Give, for each kind and side, the items and the drawn shares that follow the question."""
    rows = np.array([place.get(row_id, -1) for row_id in table["row_id"].to_pylist()])
    kinds, sides = (table[name].to_numpy(zero_copy_only=False) for name in ("kind", "altered"))
    follows = table["follows_question"].to_numpy(zero_copy_only=False).astype(float)
    for kind in ("given", "result"):
        for side in ("nothing", "steps", "question"):
            here = (kinds == kind) & (sides == side) & (rows >= 0)
            if here.any():
                items = np.bincount(rows[here], minlength=len(place)).astype(float)
                counts = np.bincount(rows[here], weights=follows[here], minlength=len(place))
                yield (kind, side), (int(here.sum()), _over(draws @ counts, draws @ items))
