"""S2L: cluster the loss trajectories of a small proxy, then draw evenly over the clusters.

Source: Yang, Mishra, Chiang and Mirzasoleiman 2024, arXiv 2403.07384, algorithm 1. Modes:

- `paper`: one k-means over all rows, on plain mean losses; evenly over the clusters.
- `repo`: what the public code does instead: evenly over sources, and inside each source evenly over its
  own clusters, those of one or two rows last.
- `cotmill`: as `paper`, on losses from which the part that log length predicts is taken out and in which
  every checkpoint has unit variance, so that neither length nor the first checkpoints decide alone.

We differ from the public code on purpose: k-means++ with restarts (theirs starts from random rows), a
seeded draw, and rows without label tokens drawn last (theirs count as loss 0, "perfectly learnt"). The
other options change one thing each and are there to be measured; the defaults are the paper's.
"""

from __future__ import annotations

from dataclasses import asdict
from typing import Any, Literal

import numpy as np
from pydantic import Field

from cotmill.core.ids import places_of, seed_of
from cotmill.evidence import Embeddings, Trajectories
from cotmill.select import pick
from cotmill.select.cluster import Clusters, Start, assign, cluster, clusters_for
from cotmill.select.cover import facility_location, nearness
from cotmill.select.curves import Curves, Frame, diagnose, stability
from cotmill.select.drawing import Drawing, groups_of
from cotmill.select.protocol import Candidates, Method
from cotmill.select.selection import Selection

TINY = 2
"""The public code takes rows from clusters of this size or less only when all others are used up."""


class S2L(Method):
    """Even over k-means clusters of loss trajectories."""

    name = "s2l"
    needs = Trajectories

    mode: Literal["paper", "repo", "cotmill"] = Field(
        default="paper", description="which published procedure, or ours"
    )
    clusters: int | None = Field(
        default=None, ge=1, description="clusters (default: 100; fewer below 2,000 rows)"
    )
    restarts: int = Field(default=3, ge=1, description="k-means restarts; the lowest inertia is kept")
    start: Start = Field(default="k-means++", description="where k-means starts; random is the public code")
    checkpoints: int | None = Field(
        default=None, ge=1, description="use so many evenly spaced checkpoints (default: all)"
    )
    features: Literal["curve", "level_slope"] = Field(
        default="curve", description="cluster whole curves, or their mean and fall alone"
    )
    debias: bool = Field(default=False, description="take out what log length predicts (mode cotmill does)")
    zscore: bool = Field(default=False, description="scale each feature to unit variance (mode cotmill does)")
    count_end: bool = Field(default=True, description="count the loss of the end-of-text token")
    embedding_clusters: int | None = Field(
        default=None, ge=2, description="cross the clusters with so many of embeddings"
    )
    inside: Literal["hash", "nearest", "farthest", "facility"] = Field(
        default="hash", description="what of a cluster is drawn first"
    )

    @property
    def embedded(self) -> bool:
        """Embeddings are wanted where clusters are crossed with theirs."""
        return self.embedding_clusters is not None

    def draw(self, rows: Candidates) -> Drawing:
        """Cluster the rows that have label tokens, then take turns over the clusters."""
        measured: Trajectories = rows.evidence
        fit = np.flatnonzero(~measured.unmeasured)
        if not len(fit):
            return Drawing(
                order=pick.lowest_hash(rows.keys), why="no row has label tokens", unfit=measured.unmeasured
            )
        keys, tokens, curves = rows.keys[fit], measured.tokens[fit], self._curves(measured, fit)
        frame = self._frame(rows, curves, tokens, keys)
        features = frame.features(curves, tokens)
        sources, names = groups_of(rows.pool.column("source").take(fit))
        strata = sources if self.mode == "repo" else np.zeros_like(sources)
        titled = [f"{name}/" for name in names] if self.mode == "repo" else [""]
        if rows.extras.old is not None:
            found, labels = self._placed(rows.extras.old, rows, fit, features, strata, titled)
        else:
            found, labels = self._clustered(features, keys, strata, titled, rows.seed)
        centres = labels
        if rows.extras.embeddings is not None:
            found, labels = self._crossed(found, labels, rows.extras.embeddings.at(fit), keys, rows.seed)
        order = self._order(found, features, keys, strata)
        groups = np.full(len(rows.pool), len(labels), dtype=np.int64)
        groups[fit] = found.labels
        return Drawing(
            order=np.concatenate([fit[order], np.flatnonzero(measured.unmeasured)]),
            why=f"even over clusters of loss trajectories, {INSIDE[self.inside]} inside",
            groups=groups,
            group_names=np.array([*labels, "no label tokens"]),
            unfit=measured.unmeasured,
            even=self.mode != "repo",
            details=self._details(rows, found, frame, features, sources, fit) | {"centre_names": centres},
        )

    def _details(
        self,
        rows: Candidates,
        found: Clusters,
        frame: Frame,
        features: Curves,
        sources: pick.Groups,
        fit: np.ndarray,
    ) -> dict[str, Any]:
        """Say how good the clusters are, and what a later update needs of them."""
        measured, keys = rows.evidence, rows.keys[fit]
        count = clusters_for(len(fit), self.clusters)
        again = stability(features, keys, clusters=count, seed=rows.seed)
        numbers = asdict(frame).items()
        told = {name: list(value) if isinstance(value, tuple) else value for name, value in numbers}
        return {
            **diagnose(features, found, sources, measured.tokens[fit], keys),
            "stability": round(again, 6),
            "truncated_rows": int(measured.truncated.sum()),
            "steps": measured.steps[self._chosen(len(measured.steps))].tolist(),
            "frame": told,
            "centres": np.round(found.centres.astype(float), 6).tolist(),
        }

    def _chosen(self, points: int) -> np.ndarray:
        count = min(points, self.checkpoints or points)
        return np.unique(np.round(points * (np.arange(count) + 1) / count).astype(int) - 1)

    def _curves(self, measured: Trajectories, fit: np.ndarray) -> Curves:
        """Give the mean losses at the checkpoints that are used."""
        means = measured.mean if self.count_end else measured.mean_without_end
        curves = means[fit].astype(np.float32)
        chosen = self._chosen(curves.shape[1])
        return curves if len(chosen) == curves.shape[1] else np.ascontiguousarray(curves[:, chosen])

    def _frame(self, rows: Candidates, curves: Curves, tokens: np.ndarray, keys: pick.Keys) -> Frame:
        """Fit how curves become features, or take it from the selection that is updated."""
        if rows.extras.old is not None:
            told = rows.extras.old.summary["details"]["frame"].items()
            frozen: dict[str, Any] = {
                name: tuple(value) if isinstance(value, list) else value for name, value in told
            }
            return Frame(**frozen)
        ours = self.mode == "cotmill"
        frame = Frame(self.features == "level_slope", self.debias or ours, self.zscore or ours)
        return frame.fitted(curves, tokens, keys)

    def _clustered(
        self, features: Curves, keys: pick.Keys, strata: pick.Groups, titled: list[str], seed: int
    ) -> tuple[Clusters, list[str]]:
        """Cluster every stratum on its own, and number all clusters through."""
        labels, centres, inertia = np.zeros(len(features), dtype=np.int64), [], 0.0
        titles: list[str] = []
        for stratum in np.unique(strata):
            members = np.flatnonzero(strata == stratum)
            options: dict[str, Any] = {
                "clusters": clusters_for(len(members), self.clusters),
                "restarts": self.restarts,
                "start": self.start,
                "seed": seed_of(seed, "s2l", titled[stratum].removesuffix("/")),
            }
            part = cluster(features[members], keys[members], **options)
            labels[members] = part.labels + len(titles)
            titles += [f"{titled[stratum]}{number}" for number in range(len(part.centres))]
            centres.append(part.centres)
            inertia += part.inertia * len(members) / len(features)
        return Clusters(np.concatenate(centres), labels, inertia), titles

    def _placed(
        self,
        old: Selection,
        rows: Candidates,
        fit: np.ndarray,
        features: Curves,
        strata: pick.Groups,
        titled: list[str],
    ) -> tuple[Clusters, list[str]]:
        """Give new rows the nearest of the old centres (of their source); old rows keep their cluster."""
        details = old.summary["details"]
        centres, titles = np.array(details["centres"], dtype=np.float32), list(details["centre_names"])
        labels = np.empty(len(features), dtype=np.int64)
        for stratum in np.unique(strata):
            members = np.flatnonzero(strata == stratum)
            own = [number for number, title in enumerate(titles) if title.startswith(titled[stratum])]
            if not own:  # a source that was not there: one cluster, round its mean
                own = [len(titles)]
                titles.append(f"{titled[stratum]}0")
                centres = np.vstack([centres, features[members].mean(axis=0)])
            labels[members] = np.array(own)[assign(features[members], centres[own])[0]]
        places = places_of(rows.pool.column("row_id").take(fit), old.table["row_id"])
        known = old.table["group"].combine_chunks().dictionary_encode()
        number = {title: place for place, title in enumerate(titles)}
        names = [title.partition(" x ")[0] for title in known.dictionary.to_pylist()]
        numbers = np.array([number.get(name, -1) for name in names])
        before = np.where(places >= 0, numbers[known.indices.to_numpy()[np.maximum(places, 0)]], -1)
        labels = np.where(before >= 0, before, labels)
        gaps = ((features - centres[labels]) ** 2).sum(axis=1)
        return Clusters(centres, labels, float(gaps.mean())), titles

    def _crossed(
        self, found: Clusters, titles: list[str], vectors: Embeddings, keys: pick.Keys, seed: int
    ) -> tuple[Clusters, list[str]]:
        """Split every cluster of trajectories by the clusters of embeddings."""
        count = min(self.embedding_clusters or 1, len(vectors))
        other = cluster(vectors.unit, keys, clusters=count, restarts=self.restarts, seed=seed)
        crossed = [f"{title} x {number}" for title in titles for number in range(count)]
        labels = found.labels * count + other.labels
        return Clusters(found.centres, labels, found.inertia), crossed

    def _order(
        self, found: Clusters, features: Curves, keys: pick.Keys, strata: pick.Groups
    ) -> pick.Positions:
        """Order rows inside the clusters, and let the clusters take turns."""
        order = self._inside(found, features, keys)
        if self.mode != "repo":
            return pick.balanced(order, found.labels)
        tiny = np.bincount(found.labels)[found.labels] <= TINY
        return pick.balanced(pick.balanced(order, found.labels, last=tiny), strata)

    def _inside(self, found: Clusters, features: Curves, keys: pick.Keys) -> pick.Positions:
        """Order all rows so that those of one cluster come as they are drawn from it."""
        if self.inside == "hash":
            return pick.lowest_hash(keys)
        if self.inside == "facility":
            members = [np.flatnonzero(found.labels == label) for label in np.unique(found.labels)]
            return np.concatenate(
                [each[facility_location(features[each], keys[each], likeness=nearness)] for each in members]
            )
        means = [np.bincount(found.labels, column) for column in features.T.astype(np.float64)]
        centres = np.column_stack(means) / np.maximum(np.bincount(found.labels), 1)[:, None]
        gaps = ((features - centres[found.labels]) ** 2).sum(axis=1)
        return (pick.bottom if self.inside == "nearest" else pick.top)(gaps, keys)


INSIDE = {
    "hash": "lowest hash",
    "nearest": "nearest to the centre",
    "farthest": "farthest from the centre",
    "facility": "largest gain in likeness to the cluster",
}
"""The rule inside a cluster, in words."""
