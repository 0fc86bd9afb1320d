"""The loss of every row's answer under one model."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Float

from cotmill.data.pool import Pool
from cotmill.evidence import Losses
from cotmill.measure.shards import Columns, Part, in_shards
from cotmill.model.load import LanguageModel
from cotmill.model.loss import TokenLosses, token_losses
from cotmill.model.readings import ends
from cotmill.model.render import Form, Row, form_of
from cotmill.model.tokenise import tokenise


def measure_losses(
    lm: LanguageModel,
    pool: Pool,
    *,
    max_length: int | None = None,
    form: Form = "auto",
    work: Path | None = None,
    part: Part | None = None,
    label: str = "measuring losses",
) -> Losses:
    """Sum the cross-entropy of every row's answer tokens, in nats; no label column is read.

    Rows whose prompt fills `max_length` have no answer token; they come with `tokens == 0`. With a `work`
    folder an interrupted measurement goes on; with a `part` the losses are of that part's rows.
    """
    length = max_length or lm.max_length
    columns = in_shards(
        pool,
        lambda rows: loss_columns(lm, rows, length, form),
        label=label,
        job={"kind": Losses.kind, "model": lm.fingerprint, "max_length": length, "form": form},
        work=work,
        part=part,
    )
    return Losses(
        pool_fingerprint=pool.fingerprint,
        model_fingerprint=lm.fingerprint,
        about=about(lm, length, form),
        **columns,
    )


def loss_columns(lm: LanguageModel, rows: list[Row], length: int, form: Form) -> Columns:
    """Measure some rows."""
    tokenised = tokenise(lm.tokenizer, rows, max_length=length, form=form)
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
