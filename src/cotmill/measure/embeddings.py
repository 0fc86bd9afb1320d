"""Embeddings of rows by any sentence-transformers model, where a model's own hidden states are not wanted.

The text of a row is its question and its solution. Vectors are scaled to length one. Needs the extra
`embed`; hidden states of the model itself need nothing more (`measure forward --part mean`).
"""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

from cotmill.core.errors import MissingExtra, ModelError
from cotmill.core.ids import content_id
from cotmill.data.pool import Pool
from cotmill.evidence import Embeddings
from cotmill.measure.shards import Columns, in_shards
from cotmill.model.load import fingerprint_of
from cotmill.model.render import Row

BATCH = 64


@cache
def encoder(name: str) -> Any:
    """Load an encoder of sentences by folder or hub name; no code of its folder is run.

    Raises:
        MissingExtra: sentence-transformers is not installed.
        ModelError: there is no such encoder.
    """
    try:
        from sentence_transformers import SentenceTransformer  # pyright: ignore[reportMissingImports]
    except ModuleNotFoundError as error:
        raise MissingExtra("sentence-transformers", "embed") from error
    try:
        return SentenceTransformer(name, trust_remote_code=False)
    except (OSError, ValueError) as error:
        raise ModelError(f"{name} cannot be loaded as an encoder of sentences: {error}") from error


def measure_embeddings(name: str, pool: Pool, *, work: Path | None = None) -> Embeddings:
    """Embed every row; with a `work` folder an interrupted measurement goes on."""
    model = encoder(name)
    here = Path(name).is_dir()
    shown = Path(name).name if here else name
    fingerprint = fingerprint_of(Path(name)) if here else content_id("encoder", name)

    def columns(rows: list[Row]) -> Columns:
        texts = [f"{row.question}\n{row.trace}" for row in rows]
        vectors = model.encode(
            texts, batch_size=BATCH, normalize_embeddings=True, show_progress_bar=False, convert_to_numpy=True
        )
        ids = np.array([row.row_id for row in rows], dtype=object)
        width = int(model.get_embedding_dimension())
        return {"row_ids": ids, "vectors": np.asarray(vectors, dtype=np.float32).reshape(len(rows), width)}

    job = {"kind": Embeddings.kind, "model": fingerprint}
    found = in_shards(pool, columns, label="embedding rows", job=job, work=work)
    told: dict[str, Any] = {**found, "pool_fingerprint": pool.fingerprint, "model_fingerprint": fingerprint}
    return Embeddings(**told, about={"model": shown, "pooling": "encoder"})
