"""One pass over a pool for everything that a forward pass can tell: readings and embeddings.

Parts: `readings` (always; see `evidence.readings`), `bare` (the loss of the answer without its question,
for IFD, from a second and shorter batch of the same rows), `gradient` (the norm of the output layer's
gradient), and the embeddings `mean`, `last` and `weighted` of the last hidden states. They are written to
one folder, a file for each kind, and any selector finds there what it needs.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from cotmill.data.pool import Pool
from cotmill.evidence import Embeddings, Evidence, Readings
from cotmill.evidence.parts import BARE, POOLINGS, READINGS, checked, file_of
from cotmill.execute.executor import Executor
from cotmill.measure.losses import about
from cotmill.measure.shards import Columns, Measuring, Part, in_shards
from cotmill.model.load import LanguageModel, source_of
from cotmill.model.readings import Wanted, bare_rows, ends, read_rows
from cotmill.model.render import Form, Row
from cotmill.model.tokenise import tokenise


def measure_forward(  # noqa: PLR0913 - what is read of what, and by whom
    lm: LanguageModel,
    pool: Pool,
    *,
    parts: Iterable[str] = (READINGS,),
    max_length: int | None = None,
    form: Form = "auto",
    work: Path | None = None,
    part: Part | None = None,
    executor: Executor | None = None,
) -> dict[str, Evidence]:
    """Read every row once; the result maps the name of a file to the evidence that goes there.

    Raises:
        EvidenceError: a part is not known.
    """
    length, asked = max_length or lm.max_length, checked(parts)
    columns = in_shards(
        pool,
        Measuring(
            partial(forward_columns, parts=asked, length=length, form=form), lm, partial(source_of, lm)
        ),
        label="reading rows",
        job={
            "kind": "forward",
            "parts": list(asked),
            "model": lm.fingerprint,
            "max_length": length,
            "form": form,
        },
        work=work,
        part=part,
        executor=executor,
    )
    told = {"pool_fingerprint": pool.fingerprint, "model_fingerprint": lm.fingerprint}
    return as_evidence(columns, about(lm, length, form), told)


def forward_columns(
    lm: LanguageModel, rows: list[Row], parts: tuple[str, ...], length: int, form: Form
) -> Columns:
    """Read some rows."""
    tokenised = tokenise(lm.tokenizer, rows, max_length=length, form=form)
    found = read_rows(lm, tokenised, Wanted.of(parts))
    found |= {
        "row_ids": np.array(tokenised.row_ids, dtype=object),
        "tokens": tokenised.labels,
        "truncated": tokenised.truncated,
    }
    found["end_loss"] = np.where(ends(tokenised, lm), found["end_loss"], np.nan)
    if BARE in parts:
        alone = bare_rows(lm, tokenised)
        bare = read_rows(lm, alone, Wanted())
        found |= {"bare_loss_sum": bare["loss_sum"], "bare_tokens": alone.labels}
    return found


def as_evidence(
    columns: Columns, about_model: Mapping[str, str], told: Mapping[str, str]
) -> dict[str, Evidence]:
    """Sort the columns of a pass into evidence, by the file that it goes to."""
    shared: dict[str, Any] = {**told, "about": about_model, "row_ids": columns["row_ids"]}
    fields = {name: columns[name] for name in Readings.row_fields if name in columns}
    found: dict[str, Evidence] = {file_of(READINGS): Readings(**fields, **shared)}
    for pooling in POOLINGS:
        if pooling in columns:
            one = {**shared, "about": {**about_model, "pooling": pooling}}
            found[file_of(pooling)] = Embeddings(vectors=columns[pooling], **one)
    return found
