"""Scoring rows against directions, in this process or in another that reads the directions from a file."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np
from safetensors.torch import load_file, save_file

from cotmill.core import mirror
from cotmill.core.errors import RunError
from cotmill.core.files import aside, sha256_of
from cotmill.measure.influence.config import Route, Which
from cotmill.measure.influence.directions import Directions
from cotmill.measure.influence.forward import token_differences, token_slopes
from cotmill.measure.influence.modules import Tracked, tracked_modules
from cotmill.measure.influence.queries import GROUPS
from cotmill.measure.influence.scores import RowScores, score_rows
from cotmill.measure.shards import Columns
from cotmill.model.load import LanguageModel, Source
from cotmill.model.loss import token_losses
from cotmill.model.render import Form, Row
from cotmill.model.tokenise import TokenisedRows, tokenise

DIRECTIONS = "directions.safetensors"


@dataclass(frozen=True, eq=False)
class Scorer:
    """A model with the layers that are tracked, and the directions that rows are held against."""

    lm: LanguageModel
    tracked: tuple[Tracked, ...]
    directions: Directions

    def written(self, source: Source, modules: Which, work: Path) -> AwayScorer:
        """Leave the directions where other processes read them."""
        path = work.absolute() / DIRECTIONS
        with aside(path) as part:
            save_file(
                {name: stack.cpu().contiguous() for name, stack in self.directions.layers.items()}, part
            )
        return AwayScorer(source, modules, path, sha256_of(path))


@dataclass(frozen=True)
class AwayScorer:
    """How another process comes by a scorer."""

    source: Source
    modules: Which
    directions: Path
    sha256: str

    def model(self) -> Scorer:
        """Load it, once in a process."""
        return _scorer(self)


@lru_cache(maxsize=1)
def _scorer(away: AwayScorer) -> Scorer:
    mirror.needed(away.directions)
    if not away.directions.is_file() or sha256_of(away.directions) != away.sha256:
        raise RunError(f"{away.directions} is not what this measurement left there; start it again")
    lm = away.source.model()
    layers: Mapping[str, object] = load_file(away.directions, device=str(lm.device))
    return Scorer(lm, tracked_modules(lm, away.modules), Directions(layers))  # type: ignore[arg-type]


@dataclass(frozen=True)
class Scoring:
    """By which route rows are scored, and of which group each direction is."""

    route: Route
    radius: float
    batch_tokens: int | None
    length: int
    form: Form
    owners: tuple[int, ...]


def influence_columns(scorer: Scorer, rows: list[Row], how: Scoring) -> Columns:
    """Score some rows."""
    tokenised = tokenise(scorer.lm.tokenizer, rows, max_length=how.length, form=how.form)
    return _columns(tokenised, _scores(scorer, tokenised, how), np.array(how.owners))


def _scores(scorer: Scorer, rows: TokenisedRows, how: Scoring) -> RowScores:
    lm, tracked, directions = scorer.lm, scorer.tracked, scorer.directions
    if how.route == "backward":
        return score_rows(lm, rows, tracked, directions, batch_tokens=how.batch_tokens)
    if how.route == "forward":
        return _summed(lm, rows, token_slopes(lm, rows, tracked, directions))
    return _summed(lm, rows, token_differences(lm, rows, tracked, directions, radius=how.radius))


def _summed(lm: LanguageModel, rows: TokenisedRows, shares: list[np.ndarray]) -> RowScores:
    """Sum the shares of tokens over rows; the losses take a pass of their own."""
    empty = rows.labels == 0
    values = np.array([part.sum(axis=1, dtype=np.float64) for part in shares])
    values = np.where(empty[:, None], np.nan, values.reshape(len(rows), -1))
    losses = np.where(empty, np.nan, token_losses(lm, rows).sums)
    return RowScores(values, losses, np.full(len(rows), np.nan))


def _columns(rows: TokenisedRows, scores: RowScores, owners: np.ndarray) -> Columns:
    """Name the columns of a shard."""
    named: Columns = {"row_ids": np.array(rows.row_ids, dtype=object)}
    for group, name in enumerate(GROUPS):
        for place, direction in enumerate(np.flatnonzero(owners == group).tolist()):
            named[f"{name}@{place}"] = scores.values[:, direction]
    return named | {
        "gradient_norm": scores.norms,
        "loss_sum": scores.losses,
        "tokens": rows.labels,
        "truncated": rows.truncated,
    }
