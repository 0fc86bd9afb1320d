"""Influence of every row on two groups of queries: what fine-tuning turned right, and what it turned wrong.

Source of the two groups and of the pair of score and rank: Humane et al. 2025 (arXiv 2510.06108). A score
is positive when more weight on the row lowers the loss of the group. Scores are kept in parts (one for
each share of the group's queries, or for each query), which add up to the score: from them come the rank,
r(d) = mean over parts of rank_d / rows, and the bootstrap over queries. Two models' scores of one pool can
be held against each other.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from jaxtyping import Bool, Float, Int

from cotmill.core.errors import EvidenceError
from cotmill.evidence.base import Evidence
from cotmill.evidence.lengths import Lengths, check_tokens, lengths_of
from cotmill.evidence.losses import Losses
from cotmill.evidence.scores import Scores

Group = Literal["correct", "incorrect"]
Control = Literal["sum", "token", "norm", "regressed"]
"""What is done about length: nothing; per label token; per length of the row's gradient (as RelatIF does);
or what a straight line in the number of label tokens explains is taken out."""
GROUPS: tuple[Group, Group] = ("correct", "incorrect")


@dataclass(frozen=True, eq=False, kw_only=True)
class Influence(Evidence):
    """Parts of the influence on each group, and what the same pass over the rows gave besides."""

    kind = "influence"
    row_fields = (
        "correct_parts",
        "incorrect_parts",
        "correct_exact",
        "incorrect_exact",
        "gradient_norm",
        "loss_sum",
        "tokens",
        "truncated",
    )

    correct_parts: Float[np.ndarray, "row part"]
    """They add up to the score; no columns when there are no such queries."""
    incorrect_parts: Float[np.ndarray, "row other"]
    correct_exact: Float[np.ndarray, " row"]
    """Mean over single queries of rank / rows, where it was measured; NaN elsewhere."""
    incorrect_exact: Float[np.ndarray, " row"]
    gradient_norm: Float[np.ndarray, " row"]
    loss_sum: Float[np.ndarray, " row"]
    tokens: Int[np.ndarray, " row"]
    truncated: Bool[np.ndarray, " row"]

    def check(self) -> None:
        """Refuse what is not finite where there are label tokens."""
        check_tokens(self, self.tokens)
        for group in GROUPS:
            finite = np.isfinite(self.parts(group)).all(axis=1)
            self.refuse_unless(
                self.unmeasured | finite,
                f"have label tokens but no finite influence on the {group} queries",
                "measure again in float32 or bfloat16; float16 overflows",
            )

    @property
    def unmeasured(self) -> Bool[np.ndarray, " row"]:
        """Rows with no label tokens."""
        return self.tokens == 0

    @property
    def gate(self) -> str:
        """What the validity gate said: passed, failed, or not run."""
        return self.about.get("gate", "not run")

    def parts(self, group: Group) -> Float[np.ndarray, "row part"]:
        """The parts of one group."""
        return self.correct_parts if group == "correct" else self.incorrect_parts

    def controlled(self, group: Group, control: Control = "sum") -> Float[np.ndarray, "row part"]:
        """The parts of one group, controlled for length; NaN for rows without label tokens."""
        values = np.where(self.unmeasured[:, None], np.nan, self.parts(group).astype(np.float64))
        if not values.shape[1]:
            raise EvidenceError(
                f"there were no {group} queries, so nothing is known of the influence on them; take a larger "
                "validation set, or another strategy"
            )
        if control == "token":
            return values / np.maximum(self.tokens, 1)[:, None]
        if control == "norm":
            return values / self._norms()[:, None]
        return values if control == "sum" else _without_length(values, self.tokens)

    def score(self, group: Group, control: Control = "sum") -> Float[np.ndarray, " row"]:
        """s(d): the influence on the mean loss of the group."""
        return self.controlled(group, control).sum(axis=1)

    def rank(self, group: Group, control: Control = "sum") -> Float[np.ndarray, " row"]:
        """r(d): the mean over parts of the row's rank among the rows, from 0 (lowest) to 1.

        Where single queries were measured for a row, their mean rank is taken (without length control).
        """
        found = mean_rank(self.controlled(group, control))
        exact = self.correct_exact if group == "correct" else self.incorrect_exact
        return np.where(np.isfinite(exact), exact, found) if control == "sum" else found

    def _norms(self) -> Float[np.ndarray, " row"]:
        fit = np.isfinite(self.gradient_norm) & (self.gradient_norm > 0)
        self.refuse_unless(
            fit | self.unmeasured, "have no gradient norm", "measure by the route backward, which gives it"
        )
        return np.where(fit, self.gradient_norm, np.nan)

    def to(self, kind: type[Evidence]) -> Evidence | None:
        """This influence; its losses, lengths, or, as scores, the difference of the two groups' scores."""
        shared: dict[str, Any] = {
            "row_ids": self.row_ids,
            "pool_fingerprint": self.pool_fingerprint,
            "model_fingerprint": self.model_fingerprint,
            "about": self.about,
        }
        if kind is Losses:
            return Losses(**shared, loss_sum=self.loss_sum, tokens=self.tokens, truncated=self.truncated)
        if kind is Scores and not self.unmeasured.any():
            both = self.parts("correct").sum(axis=1) - self.parts("incorrect").sum(axis=1)
            return Scores(**shared, values=both)
        return lengths_of(self, self.tokens) if kind is Lengths else super().to(kind)

    def to_columns(self) -> dict[str, np.ndarray]:
        """correct@0 …, incorrect@0 …, and the others by their names."""
        columns = {}
        for group in GROUPS:
            parts = self.parts(group)
            columns |= {f"{group}@{part}": parts[:, part] for part in range(parts.shape[1])}
        return columns | {name: getattr(self, name) for name in self.row_fields[2:]}

    @classmethod
    def from_columns(cls, columns: Mapping[str, np.ndarray]) -> dict[str, Any]:
        """Gather the parts in their order."""
        rows = len(columns["tokens"])
        fields: dict[str, Any] = {name: columns[name] for name in cls.row_fields[2:]}
        for group in GROUPS:
            count = sum(name.startswith(f"{group}@") for name in columns)
            parts = [columns[f"{group}@{part}"] for part in range(count)]
            fields[f"{group}_parts"] = np.stack(parts, axis=1) if parts else np.zeros((rows, 0))
        return fields


def mean_rank(values: Float[np.ndarray, "row part"]) -> Float[np.ndarray, " row"]:
    """Mean over columns of each row's rank, from 0 (lowest) to 1 (highest); NaN stays NaN.

    >>> mean_rank(np.array([[0.0, 5.0], [1.0, 4.0], [2.0, 3.0]])).tolist()
    [0.5, 0.5, 0.5]
    """
    known = np.isfinite(values).all(axis=1)
    ranks = np.full(len(values), np.nan)
    order = np.argsort(values[known], axis=0, kind="stable")
    places = np.empty_like(order)
    np.put_along_axis(places, order, np.arange(len(order))[:, None], axis=0)
    ranks[known] = places.mean(axis=1) / max(1, len(order) - 1)
    return ranks


def _without_length(
    values: Float[np.ndarray, "row part"], tokens: Int[np.ndarray, " row"]
) -> Float[np.ndarray, "row part"]:
    """Take out what a straight line in the number of label tokens explains."""
    known = np.isfinite(values).all(axis=1)
    design = np.stack([np.ones(known.sum()), tokens[known]], axis=1).astype(np.float64)
    fitted = design @ np.linalg.lstsq(design, values[known], rcond=None)[0]
    rest = np.full_like(values, np.nan)
    rest[known] = values[known] - fitted
    return rest


def agreement(first: Influence, second: Influence, control: Control = "sum") -> dict[str, dict[str, float]]:
    """Hold two models' influence on the same rows against each other, group by group.

    `spearman` of the scores; `same_sign`, the share of rows on which they agree whether the row helps;
    `shared_lowest` and `shared_highest`, the share of one's extreme tenth that is in the other's.

    Raises:
        EvidenceError: they are of different rows.
    """
    if not np.array_equal(first.row_ids, second.row_ids):
        raise EvidenceError("these two are of different rows; align both to one pool with of(pool)")
    found = {}
    for group in GROUPS:
        if not (first.parts(group).shape[1] and second.parts(group).shape[1]):
            continue
        one, other = first.score(group, control), second.score(group, control)
        known = np.isfinite(one) & np.isfinite(other)
        one, other = one[known], other[known]
        ranks = [mean_rank(values[:, None]) for values in (one, other)]
        tenth = max(1, len(one) // 10)
        found[group] = {
            "rows": float(len(one)),
            "spearman": float(np.corrcoef(ranks[0], ranks[1])[0, 1]) if len(one) > 1 else float("nan"),
            "same_sign": float(np.mean(np.sign(one) == np.sign(other))),
            "shared_lowest": _shared(-one, -other, tenth),
            "shared_highest": _shared(one, other, tenth),
        }
    return found


def _shared(one: Float[np.ndarray, " row"], other: Float[np.ndarray, " row"], count: int) -> float:
    tops = [set(np.argsort(-values, kind="stable")[:count].tolist()) for values in (one, other)]
    return len(tops[0] & tops[1]) / count
