"""How many tokens every row costs to train on: prompt, answer and the end-of-text token."""

from __future__ import annotations

from functools import partial
from pathlib import Path

import numpy as np

from cotmill.data.pool import Pool
from cotmill.evidence import Lengths
from cotmill.execute.executor import Executor
from cotmill.measure.losses import about
from cotmill.measure.shards import Columns, Measuring, in_shards
from cotmill.model.load import LanguageModel, source_of
from cotmill.model.render import Form, Row
from cotmill.model.tokenise import tokenise


def measure_lengths(
    lm: LanguageModel,
    pool: Pool,
    *,
    max_length: int | None = None,
    form: Form = "auto",
    work: Path | None = None,
    executor: Executor | None = None,
) -> Lengths:
    """Count the tokens of every row, cut at `max_length`, since what is cut costs nothing."""
    length = max_length or lm.max_length

    measure = Measuring(partial(length_columns, length=length, form=form), lm, partial(source_of, lm))
    job = {"kind": Lengths.kind, "model": lm.fingerprint, "max_length": length, "form": form}
    counted = in_shards(pool, measure, label="counting tokens", job=job, work=work, executor=executor)
    return Lengths(
        pool_fingerprint=pool.fingerprint,
        model_fingerprint=lm.fingerprint,
        about=about(lm, length, form),
        **counted,
    )


def length_columns(lm: LanguageModel, rows: list[Row], length: int, form: Form) -> Columns:
    """Count the tokens of some rows."""
    tokenised = tokenise(lm.tokenizer, rows, max_length=length, form=form)
    return {"row_ids": np.array(tokenised.row_ids, dtype=object), "tokens": tokenised.lengths}
