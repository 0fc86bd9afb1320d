"""May the scores be believed? An actual optimiser step, and a few small retrainings.

Tail-patch (Chang et al. 2024, arXiv 2410.17413, use it to judge attributions): one plain gradient step on a
row that should help, one on a row that should not, and the loss of the group after each. It settles the
sign, and costs some forward passes. Group-LDS (after Park et al. 2023, arXiv 2303.14186): models trained
on random parts of the pool; the rank correlation between the loss of the group and the sum of the scores
of the rows each model saw. It judges what pruning needs: whether sums of scores foretell a retraining.

Scores that fail are no reason to prune, and the tool says so.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch
from jaxtyping import Bool, Float
from scipy.stats import binomtest, norm

from cotmill.core.ids import order_keys
from cotmill.data.pool import Pool
from cotmill.evidence import Influence
from cotmill.evidence.agreement import rank_correlation
from cotmill.evidence.influence import GROUPS, Group
from cotmill.measure.influence.config import GateConfig, Which
from cotmill.measure.influence.directions import group_gradients
from cotmill.measure.influence.forward import replaced, weight_norm
from cotmill.measure.influence.modules import Tracked, tracked_modules
from cotmill.measure.influence.queries import groups_of
from cotmill.model.load import LanguageModel
from cotmill.model.loss import token_losses
from cotmill.model.render import Form
from cotmill.model.tokenise import TokenisedRows, tokenise

STEP = 1e-3
"""Length of the median step as a share of the weights' length: above rounding, below curvature."""
CHANCE = 0.05


@dataclass(frozen=True)
class Finding:
    """One test of the scores of one group."""

    group: str
    test: str
    value: float
    """Tail-patch: the share of pairs in the right order; LDS: the rank correlation."""
    count: int
    chance: float
    """Probability of a result as good or better if the scores meant nothing."""

    @property
    def passed(self) -> bool:
        """Whether chance is an unlikely reason for the result."""
        return self.chance < CHANCE

    def __str__(self) -> str:
        """Say it in words."""
        verdict = "passed" if self.passed else "failed"
        told = f"{self.value:.2f} of {self.count}, p = {self.chance:.3g}"
        return f"{self.test} on {self.group}: {told} ({verdict})"


def tail_patch(
    lm: LanguageModel, pool: Pool, queries: Pool, found: Influence, config: GateConfig | None = None
) -> list[Finding]:
    """Step on single rows of the highest and lowest tenth of each group's scores, and look at the group."""
    config = config or GateConfig()
    tracked = tracked_modules(lm, _modules(found))
    length = int(found.about["max_length"])
    groups, _ = groups_of(queries)
    asked = tokenise(lm.tokenizer, queries, max_length=length, form=_form(found))
    findings = []
    for number, group in enumerate(GROUPS):
        here = np.flatnonzero((groups == number) & (asked.labels > 0))
        if not (len(here) and config.pairs and found.parts(group).shape[1]):
            continue
        high, low = _extremes(found, group, config.pairs)
        rows = tokenise(
            lm.tokenizer,
            _in_order(pool, list(found.row_ids[np.concatenate([high, low])])),
            max_length=length,
            form=_form(found),
        )
        after = _losses_after(lm, rows, asked.take(here), tracked)
        better = after[: len(high)] < after[len(high) :]
        findings.append(_sign_test(group, better))
    return findings


def _modules(found: Influence) -> Which:
    return found.about.get("modules", "mlp")  # type: ignore[return-value]  # checked where it is used


def _form(found: Influence) -> Form:
    return found.about.get("form", "auto")  # type: ignore[return-value]  # checked where it is used


def _in_order(pool: Pool, ids: list[str]) -> Pool:
    """Take rows in the order given, which is not the pool's."""
    rows = {row["row_id"]: row for row in pool.take(ids).rows()}
    return Pool.from_rows(rows[row_id] for row_id in ids)


def _extremes(found: Influence, group: Group, pairs: int) -> tuple[np.ndarray, np.ndarray]:
    """Draw rows by hash from the highest and from the lowest tenth of the scores."""
    scores = found.score(group)
    fit = np.flatnonzero(np.isfinite(scores))
    order = fit[np.argsort(scores[fit], kind="stable")]
    tenth = max(1, len(order) // 10)
    count = min(pairs, tenth)
    ends = []
    for end in (order[-tenth:], order[:tenth]):
        keys = order_keys(0, found.row_ids[end])
        ends.append(end[np.argsort(keys)[:count]])
    return ends[0], ends[1]


def _losses_after(
    lm: LanguageModel, rows: TokenisedRows, asked: TokenisedRows, tracked: tuple[Tracked, ...]
) -> Float[np.ndarray, " row"]:
    """Take one gradient step on each row alone, and measure the queries' mean loss after it."""
    count = len(rows)
    steps, _ = group_gradients(lm, rows, tracked, np.arange(count), np.ones(count))
    rate = STEP * weight_norm(tracked) / float(np.median(steps.norms()))
    after = np.empty(count)
    for number in range(count):
        named = replaced(tracked, {name: -rate * stack[number] for name, stack in steps.layers.items()})
        with _Moved(tracked, named):
            after[number] = token_losses(lm, asked).sums.mean()
    return after


class _Moved:
    """Add something to the weights for a while, and put the very same weights back."""

    def __init__(self, tracked: Sequence[Tracked], change: dict[str, torch.Tensor]) -> None:
        self.weights = {name: part for layer in tracked for name, part in layer.weights().items()}
        self.change = change
        self.kept: dict[str, torch.Tensor] = {}

    def __enter__(self) -> None:
        with torch.no_grad():
            for name, part in self.change.items():
                self.kept[name] = self.weights[name].detach().clone()
                self.weights[name].add_(part)

    def __exit__(self, *_: object) -> None:
        with torch.no_grad():
            for name, part in self.kept.items():
                self.weights[name].copy_(part)


def _sign_test(group: str, better: Bool[np.ndarray, " pair"]) -> Finding:
    """Test whether more pairs than by chance are in the right order."""
    right, count = int(better.sum()), len(better)
    chance = float(binomtest(right, count, alternative="greater").pvalue)
    return Finding(group, "tail-patch", right / count, count, chance)


Retrain = Callable[[Pool, int], LanguageModel]
"""Trains a model on a part of the pool; the number tells the parts apart."""


def subsets_of(pool: Pool, count: int, share: float) -> Bool[np.ndarray, "subset row"]:
    """Draw random parts of the pool, each a function of its number and the row ids."""
    size = max(1, round(share * len(pool)))
    chosen = np.zeros((count, len(pool)), dtype=bool)
    for number in range(count):
        chosen[number, np.argsort(order_keys(number + 1, pool.ids))[:size]] = True
    return chosen


def group_lds(
    pool: Pool, queries: Pool, found: Influence, retrain: Retrain, config: GateConfig
) -> list[Finding]:
    """Retrain on random parts and compare the groups' losses with what the scores foretell."""
    chosen = subsets_of(pool, config.subsets, config.share)
    groups, weights = groups_of(queries)
    losses = np.empty((len(chosen), len(GROUPS)))
    for number, rows in enumerate(chosen):
        lm = retrain(pool.take(pool.ids[rows]), number)
        asked = tokenise(lm.tokenizer, queries, max_length=int(found.about["max_length"]), form=_form(found))
        sums = token_losses(lm, asked).sums
        for group in range(len(GROUPS)):
            here = groups == group
            losses[number, group] = np.average(sums[here], weights=weights[here]) if here.any() else np.nan
    return [
        lds_of(found.score(group), chosen, losses[:, number], group)
        for number, group in enumerate(GROUPS)
        if found.parts(group).shape[1]
    ]


def lds_of(
    scores: Float[np.ndarray, " row"],
    chosen: Bool[np.ndarray, "subset row"],
    losses: Float[np.ndarray, " subset"],
    group: str,
) -> Finding:
    """Correlate minus the loss of the group with the sum of the scores of the rows that were trained on."""
    foretold = chosen @ np.nan_to_num(scores, nan=0.0)
    value = rank_correlation(foretold, -losses)
    # Fisher's transformation with the variance 1.06 / (n - 3) that Fieller et al. 1957 give for ranks.
    spread = (1.06 / max(1, len(losses) - 3)) ** 0.5
    return Finding(
        group, "group-LDS", value, len(losses), float(norm.sf(np.arctanh(value * 0.999999) / spread))
    )


def judged(found: Influence, findings: Sequence[Finding]) -> Influence:
    """Write the findings into the evidence: passed only when every test that was made passed."""
    if not findings:
        return found
    verdict = "passed" if all(one.passed for one in findings) else "failed"
    why = "; ".join(str(one) for one in findings)
    return replace(found, about={**found.about, "gate": verdict, "gate_why": why})
