"""Clusters of loss curves: their centres as curves, what each holds, and how good they are."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
import pyarrow as pa

from cotmill.core.files import read_json
from cotmill.report import draw
from cotmill.report.parts import Csv, Figure, Key, Panel, Section, Table
from cotmill.report.read import LoadedRun
from cotmill.report.selections import Chosen, label_column, selections
from cotmill.report.svg import drawing
from cotmill.report.text import clipped, count, percent, visible

DRAWN = 8
"""Clusters with a curve in the figure: the largest ones, as many as there are colours."""
FACTS = (
    "clusters",
    "inertia",
    "silhouette",
    "stability",
    "source_purity",
    "source_purity_of_one_cluster",
    "length_purity",
    "length_explained",
    "level_length_correlation",
)
_NOTE = (
    "Each curve is the centre of a cluster: the loss of a small model on its rows while it was trained. "
    "Shown are the largest clusters of the first selection that has any; the table has all. Purity is the "
    "share of rows of the commonest kind of their cluster, beside what a single cluster has; stability is "
    "the adjusted Rand index of two clusterings with other seeds and samples (1: the same, 0: chance)."
)


@dataclass(frozen=True)
class Cluster:
    """One cluster: its centre, its rows, and what is known of them."""

    name: str
    centre: tuple[float, ...]
    rows: int
    taken: int
    facts: Mapping[str, str]


def clusters_section(run: LoadedRun, prefix: str) -> Section | None:
    """Build the section on clusters of loss curves."""
    found = [(one, told) for one in selections(run) if (told := _details(one)).get("centre_names")]
    if not found:
        return None
    one, told = found[0]
    clusters = _clusters(one, told)
    steps = [float(step) for step in told["steps"]]
    figures = (_figure(clusters[:DRAWN], steps, prefix),) if len(clusters[0].centre) == len(steps) else ()
    tables = (_facts_table(found),)
    return Section("clusters", "Clusters of loss curves", (_NOTE,), figures, tables, (_table(one, clusters),))


def _details(one: Chosen) -> dict[str, Any]:
    """Read what a method told of its selection."""
    path = one.step.find("selection.json")
    return {} if path is None else dict(read_json(path)["summary"].get("details") or {})


def _clusters(one: Chosen, told: Mapping[str, Any]) -> list[Cluster]:
    """Gather what every cluster holds, the largest first."""
    table, pool = one.rows(), one.pool
    groups = table["group"].cast(pa.string()).combine_chunks().dictionary_encode()
    names, codes = groups.dictionary.to_pylist(), groups.indices.to_numpy()
    taken = table["taken"].to_numpy()
    columns = _columns(pool)
    centres = dict(zip(told["centre_names"], told["centres"], strict=True))
    made = []
    for number, name in enumerate(names):
        members = np.flatnonzero(codes == number)
        facts = {title: about(members) for title, about in columns.items()}
        centre = tuple(centres.get(name.partition(" x ")[0], ()))
        if centre:
            made.append(Cluster(name, centre, len(members), int(taken[members].sum()), facts))
    return sorted(made, key=lambda cluster: (-cluster.rows, cluster.name))


def _columns(pool: Any) -> dict[str, Any]:
    """List what can be said of some rows, by the columns that there are."""
    sources = pool.column("source").to_pylist()
    lengths = np.array([len(text) for text in pool.column("trace").to_pylist()])
    found: dict[str, Any] = {"Letters in the solution": lambda rows: f"{lengths[rows].mean():.0f}"}
    if len(set(sources)) > 1:
        named = np.array(sources, dtype=object)
        found["Commonest source"] = lambda rows: _commonest(named[rows])
    if "steps" in pool.columns and pa.types.is_integer(pool.column("steps").type):
        steps = pool.column("steps").to_numpy()
        found["Steps"] = lambda rows: f"{steps[rows].mean():.1f}"
    label = label_column(pool)
    if label is not None:
        bad = np.array([mark not in (None, "", "none") for mark in pool.column(label).to_pylist()])
        found["With a defect"] = lambda rows: percent(float(bad[rows].mean()))
    return found


def _commonest(names: np.ndarray) -> str:
    kinds, counts = np.unique(names.astype(str), return_counts=True)
    most = int(counts.argmax())
    return f"{kinds[most] or '(none)'} {percent(counts[most] / len(names))}"


def _figure(clusters: Sequence[Cluster], steps: Sequence[float], prefix: str) -> Figure:
    """Draw the centres of the largest clusters."""
    curves = [
        draw.Curve(
            f"{cluster.name}: {count(cluster.rows)} rows", tuple(steps), cluster.centre, cluster.centre,
            cluster.centre, f"c{place % 8 + 1}", draw.DASHES[place % len(draw.DASHES)],
        )
        for place, cluster in enumerate(clusters)
    ]  # fmt: skip
    about = "; ".join(f"{curve.name}, {curve.y[0]:.2f} to {curve.y[-1]:.2f}" for curve in curves)
    paint = partial(draw.curves_with_bands, curves=curves, across="step of the small model", label="loss")
    svg = drawing(f"{prefix}-clusters", "Centres of the largest clusters", about, 2.9, paint)
    rows = tuple(
        (cluster.name, cluster.rows, step, value)
        for cluster in clusters
        for step, value in zip(steps, cluster.centre, strict=True)
    )
    key = tuple(Key(visible(curve.name), curve.colour, curve.dashes) for curve in curves)
    csv = Csv("clusters", ("cluster", "rows", "step", "centre"), rows)
    return Figure("clusters", "Centres of the largest clusters of loss curves.", (Panel("", svg),), csv, key)


def _table(one: Chosen, clusters: Sequence[Cluster]) -> Table:
    """Tabulate what every cluster holds."""
    titles = tuple(clusters[0].facts)
    rows = tuple(
        (clipped(cluster.name, 40), count(cluster.rows), count(cluster.taken), *cluster.facts.values())
        for cluster in clusters
    )
    words = frozenset({0, *(place + 3 for place, title in enumerate(titles) if "source" in title)})
    return Table(
        f"What each cluster holds ({visible(one.name)})", ("Cluster", "Rows", "Taken", *titles), rows, words
    )


def _facts_table(found: Sequence[tuple[Chosen, Mapping[str, Any]]]) -> Table:
    """Tabulate how good the clusters of every selection are."""
    rows = tuple((clipped(one.name, 60), *(_number(told.get(name)) for name in FACTS)) for one, told in found)
    columns = ("Selection", *(name.replace("_", " ").capitalize() for name in FACTS))
    return Table("How good the clusters are", columns, rows)


def _number(value: Any) -> str:
    if value is None:
        return "–"
    return f"{value:,}" if isinstance(value, int) else f"{value:.3f}"
