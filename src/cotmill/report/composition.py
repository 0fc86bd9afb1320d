"""What the selections are made of: by source, and by defect where the lab's labels say so."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np
import pyarrow as pa
from jaxtyping import Int

from cotmill.core.errors import RunError
from cotmill.data.pool import Pool
from cotmill.report import draw
from cotmill.report.parts import Csv, Figure, Key, Panel, Section, Table
from cotmill.report.read import LoadedRun
from cotmill.report.selections import LABELS, SOUND, Chosen, defect_name, label_column, selections
from cotmill.report.svg import drawing
from cotmill.report.text import clipped, count, joined, percent, visible

SHOWN = 7
"""Kinds with a colour of their own; the rest is one grey."""

REST = "all others"
WHOLE = "the whole pool"

_NOTE = (
    "Shares are counts of rows, not estimates; where an arm has several seeds their selections are added up."
)
_POOLS_NOTE = " The Run has several pools; shown is what was selected from the first."
_LAB_NOTE = (
    " What is wrong with a row is known here because the lab made it so; no selector may read that column."
)


@dataclass(frozen=True)
class Mix:
    """How many rows of each kind an arm took, over its seeds."""

    name: str
    kinds: Mapping[str, int]
    seeds: int

    @property
    def rows(self) -> int:
        """All rows, over the seeds."""
        return sum(self.kinds.values())

    def share(self, kind: str) -> float:
        """Share of a kind."""
        return self.kinds.get(kind, 0) / max(1, self.rows)


def composition_section(run: LoadedRun, prefix: str) -> Section | None:
    """Build the section on what was selected."""
    chosen = list(selections(run))
    if not chosen:
        return None
    pools = {one.pool_folder for one in chosen}
    chosen = [one for one in chosen if one.pool_folder == chosen[0].pool_folder]
    label = label_column(chosen[0].pool)
    kinds = [("source", "source"), *([(label, "defect")] if label else [])]
    mixes = {word: _mixes(chosen, column) for column, word in kinds}
    mixes = {word: found for word, found in mixes.items() if set(found[0].kinds) - {"", SOUND}}
    if not mixes:
        return None
    text = _NOTE + (_LAB_NOTE if label else "") + (_POOLS_NOTE if len(pools) > 1 else "")
    panels = tuple(_panel(found, word, f"{prefix}-mix-{word}") for word, found in mixes.items())
    rows = tuple(row for word, found in mixes.items() for row in _csv_rows(found, word))
    csv = Csv("composition", ("by", "arm", "kind", "rows_of_kind", "rows", "share", "seeds"), rows)
    figure = Figure("composition", f"What each selection holds, by {joined(list(mixes))}.", panels, csv)
    tables = tuple(_kept_table(found, word) for word, found in mixes.items())
    return Section("selected", "What was selected", (text,), (figure,), tables)


def _mixes(chosen: Sequence[Chosen], column: str) -> list[Mix]:
    """Count kinds in the whole pool and in each arm's selections."""
    pool = chosen[0].pool
    name = defect_name if column in LABELS else str
    encoded = pool.column(column).cast(pa.string()).fill_null("").combine_chunks().dictionary_encode()
    kinds, codes = [name(kind) for kind in encoded.dictionary.to_pylist()], encoded.indices.to_numpy()
    taken: dict[str, Counter[str]] = {}
    seeds: Counter[str] = Counter()
    for one in chosen:
        found = _counted(kinds, codes[_places(pool, one)])
        for variant in one.variants:
            taken.setdefault(variant, Counter()).update(found)
            seeds[variant] += 1
    arms = [Mix(name, dict(found), seeds[name]) for name, found in taken.items()]
    return [Mix(WHOLE, dict(_counted(kinds, codes)), 1), *arms]


def _counted(kinds: Sequence[str], codes: Int[np.ndarray, " row"]) -> Counter[str]:
    """Count kinds; two labels that are shown alike are one."""
    found: Counter[str] = Counter()
    for kind, rows in zip(kinds, np.bincount(codes, minlength=len(kinds)).tolist(), strict=True):
        found[kind] += rows
    return +found


def _places(pool: Pool, one: Chosen) -> Int[np.ndarray, " taken"]:
    """Find the rows that a selection took; it lists the pool's rows in the pool's order."""
    rows = one.rows()
    if not rows["row_id"].equals(pool.column("row_id")):
        raise RunError(
            f"the selection in {one.step.folder} lists other rows than the pool in {one.pool_folder}; "
            "run the recipe again, it makes what is damaged"
        )
    return np.flatnonzero(rows["taken"].to_numpy(zero_copy_only=False))


def _panel(mixes: Sequence[Mix], word: str, name: str) -> Panel:
    kinds, rest = _ordered(mixes)
    plain = [kind for kind in kinds if kind != SOUND]
    colours = ["quiet" if kind == SOUND else f"c{plain.index(kind) % 8 + 1}" for kind in kinds]
    rows = []
    for mix in mixes:
        shares = [mix.share(kind) for kind in kinds]
        left = [max(0.0, 1 - sum(shares))] if rest else []
        rows.append(draw.Bar(mix.name, (*shares, *left), f"{count(mix.rows / mix.seeds)} rows"))
    labels, paints = (
        ([*kinds, REST], [*colours, "c8" if SOUND in kinds else "quiet"]) if rest else (kinds, colours)
    )
    about = "; ".join(
        f"{mix.name}: " + ", ".join(f"{kind} {percent(mix.share(kind))}" for kind in kinds) for mix in mixes
    )
    paint = partial(draw.bars, rows=rows, colours=paints, label="share of rows, %")
    svg = drawing(name, f"Composition by {word}", about, draw.rows_height(len(rows)), paint)
    pairs = zip(labels, paints, strict=True)
    return Panel(
        f"by {word}", svg, tuple(Key(clipped(label, 40), colour, filled=True) for label, colour in pairs)
    )


def _ordered(mixes: Sequence[Mix]) -> tuple[list[str], list[str]]:
    """Put kinds in the order of their share of the pool, and split off what gets no colour."""
    whole = mixes[0].kinds
    ordered = sorted(whole, key=lambda kind: (kind != SOUND, -whole[kind], kind))
    return ordered[:SHOWN], ordered[SHOWN:]


def _csv_rows(mixes: Sequence[Mix], word: str) -> Iterator[tuple[object, ...]]:
    for mix in mixes:
        for kind in sorted(mix.kinds):
            yield (word, mix.name, kind, mix.kinds[kind], mix.rows, mix.share(kind), mix.seeds)


def _kept_table(mixes: Sequence[Mix], word: str) -> Table:
    """Tabulate how much of each kind every arm kept."""
    whole, arms = mixes[0], mixes[1:]
    kinds = sorted(whole.kinds, key=lambda kind: (kind != SOUND, -whole.kinds[kind], kind))
    rows = [
        (clipped(kind, 60) or "(none)", count(whole.kinds[kind]), *(_kept(mix, kind, whole) for mix in arms))
        for kind in kinds
    ]
    rows.append(
        ("all rows", count(whole.rows), *(f"{100 * mix.rows / mix.seeds / whole.rows:.1f}" for mix in arms))
    )
    columns = (word.capitalize(), "Rows in the pool", *(f"{visible(mix.name)}, % kept" for mix in arms))
    return Table(
        f"How much of each {word} was kept", columns, tuple(rows),
        note="Per cent of the pool’s rows of that kind, the mean over seeds.",
        strong=frozenset({len(rows) - 1}),
    )  # fmt: skip


def _kept(mix: Mix, kind: str, whole: Mix) -> str:
    return f"{100 * mix.kinds.get(kind, 0) / mix.seeds / whole.kinds[kind]:.1f}"
