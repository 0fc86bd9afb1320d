"""The loss of every row's answer under one model."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Float

from cotmill.data.pool import Pool
from cotmill.evidence import Losses
from cotmill.execute.executor import Executor
from cotmill.measure.shards import Columns, Measuring, Part, in_shards
from cotmill.model.load import LanguageModel, source_of
from cotmill.model.loss import TokenLosses, token_losses
from cotmill.model.readings import ends
from cotmill.model.render import Form, Row, form_of
from cotmill.model.tokenise import TokenisedRows, tokenise

MOST_KEPT = 50_000_000
"""Tokens kept between two sweeps: 200 MB. Tokenising is a sixth of a sweep of the smallest models."""


def measure_losses(  # noqa: PLR0913 - what is measured of what, and how it goes on
    lm: LanguageModel,
    pool: Pool,
    *,
    max_length: int | None = None,
    form: Form = "auto",
    work: Path | None = None,
    part: Part | None = None,
    label: str = "measuring losses",
    known: Tokens | None = None,
    executor: Executor | None = None,
) -> Losses:
    """Sum the cross-entropy of every row's answer tokens, in nats; no label column is read.

    Rows whose prompt fills `max_length` have no answer token; they come with `tokens == 0`. With a `work`
    folder an interrupted measurement goes on, and the workers of an `executor` may do it; with a `part` the
    losses are of that part's rows.
    """
    length = max_length or lm.max_length
    columns = in_shards(
        pool,
        Measuring(partial(loss_columns, length=length, form=form, known=known), lm, partial(source_of, lm)),
        label=label,
        job={"kind": Losses.kind, "model": lm.fingerprint, "max_length": length, "form": form},
        work=work,
        part=part,
        executor=executor,
    )
    return Losses(
        pool_fingerprint=pool.fingerprint,
        model_fingerprint=lm.fingerprint,
        about=about(lm, length, form),
        **columns,
    )


class Tokens:
    """The tokens of rows that are measured again and again, kept as long as they are few."""

    def __init__(self) -> None:
        """Keep nothing yet."""
        self.kept: dict[tuple[int, str, int, int, str], TokenisedRows] = {}
        self.count = 0

    def of(self, lm: LanguageModel, rows: list[Row], length: int, form: Form) -> TokenisedRows:
        """Tokenise rows, or remember how; the key holds the tokenizer, which is the same object each time."""
        if not rows:
            return tokenise(lm.tokenizer, rows, max_length=length, form=form)
        key = (id(lm.tokenizer), rows[0].row_id, len(rows), length, form)
        if key in self.kept:
            return self.kept[key]
        made = tokenise(lm.tokenizer, rows, max_length=length, form=form)
        if self.count + len(made.ids) <= MOST_KEPT:
            self.kept[key], self.count = made, self.count + len(made.ids)
        return made


def loss_columns(
    lm: LanguageModel, rows: list[Row], length: int, form: Form, known: Tokens | None = None
) -> Columns:
    """Measure some rows."""
    tokenised = (known or Tokens()).of(lm, rows, length, form)
    losses = token_losses(lm, tokenised)
    return {
        "row_ids": np.array(tokenised.row_ids, dtype=object),
        "loss_sum": losses.sums,
        "tokens": losses.tokens,
        "truncated": tokenised.truncated,
        "end_loss": np.where(ends(tokenised, lm), last_of(losses), np.nan),
    }


def last_of(losses: TokenLosses) -> Float[np.ndarray, " row"]:
    """Give the loss of the last label of every row; any number where there is none."""
    if not len(losses.values):
        return np.full(len(losses.tokens), np.nan)
    return losses.values[np.maximum(losses.offsets[1:] - 1, 0)].astype(np.float64)


def about(lm: LanguageModel, length: int, form: Form) -> dict[str, Any]:
    """Say how something was measured."""
    name = Path(lm.name).name if Path(lm.name).exists() else lm.name
    return {
        "model": name,
        "max_length": str(length),
        "form": form_of(lm.tokenizer, form),
        "precision": str(lm.model.dtype).removeprefix("torch."),
    }
