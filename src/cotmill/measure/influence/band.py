"""The second stage: ranks by single queries, only for rows that the first stage leaves undecided.

The first stage scores all rows against a few parts of each group. Where the bootstrap over parts cannot
tell whether a row is to be kept, every query is looked at by itself: r(d) = mean over queries of the share of
rows below d. The rows that stand for "rows" are a sample of the pool drawn by hash, measured along.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
from jaxtyping import Bool, Float

from cotmill.core.ids import order_keys
from cotmill.data.pool import Pool
from cotmill.evidence import Influence
from cotmill.evidence.influence import GROUPS
from cotmill.measure.influence.config import InfluenceConfig
from cotmill.measure.influence.measure import measure_influence
from cotmill.model.load import LanguageModel

REFERENCE = 500
"""Rows of the sample: a share of .5 is then known within .02."""


def with_exact_ranks(  # noqa: PLR0913 - the first stage, what it was of, and what to look at again
    lm: LanguageModel,
    pool: Pool,
    queries: Pool,
    found: Influence,
    undecided: Bool[np.ndarray, " row"],
    config: InfluenceConfig,
    *,
    work: Path | None = None,
    reference: int = REFERENCE,
    say: Callable[[str], object] | None = None,
) -> Influence:
    """Measure the undecided rows against single queries, and put their ranks into the evidence."""
    fit = ~found.unmeasured
    wanted = undecided & fit
    if not wanted.any():
        return found
    keys = np.where(fit, order_keys(0, found.row_ids), np.iinfo(np.uint64).max)
    sample = np.zeros(len(found), dtype=bool)
    sample[np.argsort(keys, kind="stable")[: min(reference, int(fit.sum()))]] = True
    some = pool.take(found.row_ids[wanted | sample])
    single = config.model_copy(update={"parts": "queries"})
    exact = measure_influence(lm, some, queries, single, work=work, say=say, fitted_on=pool).of(some)
    here, others = wanted[wanted | sample], sample[wanted | sample]
    ranks = {}
    for group in GROUPS:
        column = np.full(len(found), np.nan)
        parts = exact.parts(group)
        if parts.shape[1]:
            column[wanted] = share_below(parts[here], parts[others])
        ranks[f"{group}_exact"] = column
    return replace(found, **ranks)


def share_below(
    rows: Float[np.ndarray, "row query"], sample: Float[np.ndarray, "other query"]
) -> Float[np.ndarray, " row"]:
    """Mean over queries of the share of the sample that is below each row; what is equal counts half.

    >>> share_below(np.array([[2.0], [9.0]]), np.array([[1.0], [2.0], [3.0], [4.0]])).tolist()
    [0.375, 1.0]
    """
    shares = np.zeros(len(rows))
    for column, ordered in zip(rows.T, np.sort(sample, axis=0).T, strict=True):
        ends = (np.searchsorted(ordered, column, side=side) for side in ("left", "right"))
        shares += np.sum(list(ends), axis=0) / (2 * len(ordered))
    return shares / rows.shape[1]
