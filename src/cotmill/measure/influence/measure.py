"""From a fine-tuned model, a pool and queries to the influence of every row: factors, directions, scores.

The work folder holds the factors and the shards of scores, so the same call goes on where it stopped. The
result does not depend on batches, shards, machines or the order of the rows.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Literal

import numpy as np
from jaxtyping import Float, Int

from cotmill.core.errors import EvidenceError
from cotmill.core.ids import content_id, order_keys
from cotmill.data.pool import Pool
from cotmill.evidence import Influence
from cotmill.evidence.influence import mean_rank
from cotmill.execute.executor import Executor
from cotmill.measure.influence.away import AwayScorer, Scorer, Scoring, influence_columns
from cotmill.measure.influence.config import InfluenceConfig
from cotmill.measure.influence.directions import Directions, group_gradients, preconditioned
from cotmill.measure.influence.factors import Factors, factor_rows, fit_factors
from cotmill.measure.influence.forward import (
    calibrated,
    free_bytes,
    route_for,
)
from cotmill.measure.influence.modules import Tracked, tracked_modules
from cotmill.measure.influence.newton import refine
from cotmill.measure.influence.queries import GROUPS, groups_of
from cotmill.measure.losses import about
from cotmill.measure.shards import Columns, Measuring, Part, in_shards
from cotmill.model.load import LanguageModel, source_of
from cotmill.model.tokenise import TokenisedRows, tokenise


@dataclass(frozen=True, eq=False)
class Prepared:
    """Everything that is known before the first row is scored."""

    tracked: tuple[Tracked, ...]
    factors: Factors
    directions: Directions
    groups: Int[np.ndarray, " direction"]
    """Group of each direction; the directions of a group add up to that of its mean loss."""
    facts: dict[str, str]


def measure_influence(  # noqa: PLR0913 - what is measured towards what, how, and where it is kept
    lm: LanguageModel,
    pool: Pool,
    queries: Pool,
    config: InfluenceConfig | None = None,
    *,
    work: Path | None = None,
    part: Part | None = None,
    say: Callable[[str], object] | None = None,
    fitted_on: Pool | None = None,
    executor: Executor | None = None,
) -> Influence:
    """Measure the influence of every row of the pool on the loss of each group of queries.

    `say` is told what was chosen and how exact it is. The curvature is of the pool's rows unless it is to
    be that of others. No label column of the pool is read.
    """
    config, fitted_on = config or InfluenceConfig(), fitted_on or pool
    if work is None:
        with TemporaryDirectory() as place:
            told: dict[str, Any] = {"part": part, "say": say, "fitted_on": fitted_on, "executor": executor}
            return measure_influence(lm, pool, queries, config, work=Path(place), **told)
    say = say or _nothing
    ready = prepare(lm, fitted_on, queries, config, work, say)
    how = scoring(lm, pool, ready, config, say)
    scorer = Scorer(lm, ready.tracked, ready.directions)

    def source() -> AwayScorer:
        return scorer.written(source_of(lm), config.modules, work)

    job = {
        "kind": Influence.kind,
        "model": lm.fingerprint,
        "queries": queries.fingerprint,
        "config": config.model_dump(mode="json", exclude={"batch_tokens", "gigabytes"}),
        "fitted_on": fitted_on.fingerprint,
    }
    measure = Measuring(partial(influence_columns, how=how), scorer, source)
    told = {"work": work / "rows", "part": part, "executor": executor}
    found = in_shards(pool, measure, label="scoring rows", job=job, **told)
    return _influence(lm, pool, queries, config, ready, found)


def _nothing(text: str) -> None:
    del text


def prepare(
    lm: LanguageModel,
    pool: Pool,
    queries: Pool,
    config: InfluenceConfig,
    work: Path,
    say: Callable[[str], object],
) -> Prepared:
    """Fit the factors and make the directions."""
    length = config.max_length or lm.max_length
    tracked = tracked_modules(lm, config.modules)
    rows = tokenise(lm.tokenizer, pool, max_length=length, form=config.form)
    asked = tokenise(lm.tokenizer, queries, max_length=length, form=config.form)
    chosen = factor_rows(rows, config)
    say(f"curvature: {config.curvature} of {len(tracked)} layers, on {int(chosen.lengths.sum()):,} tokens")
    factors = fit_factors(lm, chosen, tracked, config, work, batch_tokens=config.batch_tokens)
    groups, weights, owners = parts_of(queries, asked, config.parts)
    gradients, losses = group_gradients(lm, asked, tracked, groups, weights)
    directions = preconditioned(gradients, tracked, factors, config.damping)
    facts = _facts(queries, losses, config)
    if config.refine is not None:
        whole = _sums(owners)
        sums = gradients.mixed(whole)
        refined = refine(lm, rows, tracked, sums, factors, damping=config.damping, config=config.refine)
        told = "; ".join(" ".join(f"{one:.3g}" for one in seen) for seen in refined.residuals)
        say(f"residuals of conjugate gradients: {told}")
        facts["residuals"] = told
        directions = _corrected(directions, refined.directions, whole)
    return Prepared(tracked, factors, directions, owners, facts)


def parts_of(
    queries: Pool, asked: TokenisedRows, parts: int | Literal["queries"]
) -> tuple[Int[np.ndarray, " query"], Float[np.ndarray, " query"], Int[np.ndarray, " direction"]]:
    """Share the queries of each group out over parts by hash: part and weight of each, group of each part.

    The weights of a group add up to one, so its parts add up to the gradient of its mean loss. All answers
    to one question are in one part, since they are no independent queries.
    """
    groups, weights = groups_of(queries)
    usable = asked.labels > 0
    numbers, owners = np.full(len(groups), -1), []
    shares = np.zeros(len(groups))
    examples = np.array(queries.column("example_id").to_pylist())
    for group in range(len(GROUPS)):
        here = np.flatnonzero((groups == group) & usable)
        if not len(here):
            continue
        names, own = np.unique(examples[here], return_inverse=True)
        turn = np.argsort(np.argsort(order_keys(0, names), kind="stable"))
        count = len(names) if parts == "queries" else min(parts, len(names))
        numbers[here] = len(owners) + turn[own] % count
        shares[here] = weights[here] / weights[here].sum()
        owners += [group] * count
    if not owners:
        raise EvidenceError("no query has a token that carries loss; give queries with an answer")
    # A query without a label has no gradient; it stands in the first part with no weight.
    return np.maximum(numbers, 0), shares, np.array(owners)


def _sums(owners: Int[np.ndarray, " direction"]) -> Float[np.ndarray, "group direction"]:
    """Weights that add up the parts of each group that is there."""
    return np.stack([(owners == group).astype(np.float64) for group in np.unique(owners)])


def _corrected(
    directions: Directions, refined: Directions, whole: Float[np.ndarray, "group direction"]
) -> Directions:
    """Add to the parts of a group, in equal shares, what refinement changed in their sum."""
    change = directions.mixed(whole)
    layers = {}
    for name, stack in directions.layers.items():
        difference = refined.layers[name] - change.layers[name]
        parts = (whole / whole.sum(1, keepdims=True)).T
        layers[name] = stack + Directions({name: difference}).mixed(parts).layers[name]
    return Directions(layers)


def scoring(
    lm: LanguageModel,
    pool: Pool,
    ready: Prepared,
    config: InfluenceConfig,
    say: Callable[[str], object],
) -> Scoring:
    """Choose the way by which rows are scored, and calibrate it where it has to be."""
    length = config.max_length or lm.max_length
    some = pool.take(pool.ids[np.argsort(order_keys(0, pool.ids))[:500]])
    sample = tokenise(lm.tokenizer, some, max_length=length, form=config.form)
    route = config.route
    if route == "auto":
        text = lm.model.config.get_text_config()
        route = route_for(
            longest=int(sample.lengths.max(initial=1)),
            width=text.hidden_size,
            layers=text.num_hidden_layers,
            directions=len(ready.directions),
            free_bytes=free_bytes(lm),
        )
    say(f"scores: {len(ready.directions)} directions, by the route {route}")
    told = (config.batch_tokens, length, config.form, tuple(ready.groups.tolist()))
    if route != "differences":
        return Scoring(route, 0.0, *told)
    found = calibrated(lm, sample, ready.tracked, ready.directions)
    say(f"finite differences: radius {found.radius:g}, agreement with exact scores {found.agreement:.4f}")
    ready.facts["agreement"] = f"{found.agreement:.4f}"
    return Scoring(route, found.radius, *told)


def _influence(
    lm: LanguageModel,
    pool: Pool,
    queries: Pool,
    config: InfluenceConfig,
    ready: Prepared,
    columns: Columns,
) -> Influence:
    """Put the shards' columns together as evidence."""
    named = dict(columns)
    ids = named.pop("row_ids")
    unknown = np.full(len(ids), np.nan)
    fields = Influence.from_columns(named | {f"{name}_exact": unknown for name in GROUPS})
    if config.parts == "queries":
        for name in GROUPS:
            if fields[f"{name}_parts"].shape[1]:
                fields[f"{name}_exact"] = mean_rank(fields[f"{name}_parts"])
    return Influence(
        row_ids=ids,
        pool_fingerprint=pool.fingerprint,
        model_fingerprint=content_id(lm.fingerprint, queries.fingerprint),
        about=about(lm, config.max_length or lm.max_length, config.form) | ready.facts,
        **fields,
    )


def _facts(queries: Pool, losses: Float[np.ndarray, " query"], config: InfluenceConfig) -> dict[str, str]:
    """Say what the scores were measured with."""
    groups, _ = groups_of(queries)
    counts: dict[str, Any] = {
        f"{name}_queries": str(int((groups == group).sum())) for group, name in enumerate(GROUPS)
    }
    means = {
        f"{name}_loss": f"{np.nanmean(losses[groups == group]):.6g}"
        for group, name in enumerate(GROUPS)
        if np.isfinite(losses[groups == group]).any()
    }
    return {
        **counts,
        **means,
        "curvature": config.curvature,
        "modules": config.modules,
        "damping": str(config.damping),
        "queries_fingerprint": queries.fingerprint,
        "gate": "not run",
    }
