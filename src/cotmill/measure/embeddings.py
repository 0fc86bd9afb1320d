"""Embeddings of rows by any sentence-transformers model, where a model's own hidden states are not wanted.

The text of a row is its question and its solution. Vectors are scaled to length one. Needs the extra
`embed`; hidden states of the model itself need nothing more (`measure forward --part mean`).
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

from cotmill.core.errors import MissingExtra, ModelError
from cotmill.core.ids import content_id
from cotmill.data.pool import Pool
from cotmill.evidence import Embeddings
from cotmill.execute.executor import Executor
from cotmill.measure.shards import Columns, Measuring, in_shards
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


@dataclass(frozen=True)
class Encoder:
    """An encoder by name, and what it must turn out to be."""

    name: str
    fingerprint: str

    @classmethod
    def named(cls, name: str) -> Encoder:
        """Find it; a folder is named as processes with another working directory find it."""
        folder = Path(name)
        if folder.is_dir():
            return cls(str(folder.absolute()), fingerprint_of(folder))
        return cls(name, content_id("encoder", name))

    def model(self) -> Any:
        """Load it, once in a process.

        Raises:
            ModelError: what lies there is another one.
        """
        if Encoder.named(self.name) != self:
            raise ModelError(f"{self.name} is another encoder here than where this was started")
        return encoder(self.name)


def measure_embeddings(
    name: str, pool: Pool, *, work: Path | None = None, executor: Executor | None = None
) -> Embeddings:
    """Embed every row; with a `work` folder an interrupted measurement goes on."""
    found, shown = Encoder.named(name), Path(name).name if Path(name).is_dir() else name
    measure = Measuring(embedding_columns, found.model(), lambda: found)
    job = {"kind": Embeddings.kind, "model": found.fingerprint}
    columns = in_shards(pool, measure, label="embedding rows", job=job, work=work, executor=executor)
    told: dict[str, Any] = {
        **columns, "pool_fingerprint": pool.fingerprint, "model_fingerprint": found.fingerprint
    }  # fmt: skip
    return Embeddings(**told, about={"model": shown, "pooling": "encoder"})


def embedding_columns(model: Any, rows: list[Row]) -> Columns:
    """Embed some rows."""
    texts = [f"{row.question}\n{row.trace}" for row in rows]
    vectors = model.encode(
        texts, batch_size=BATCH, normalize_embeddings=True, show_progress_bar=False, convert_to_numpy=True
    )
    ids = np.array([row.row_id for row in rows], dtype=object)
    width = int(model.get_embedding_dimension())
    return {"row_ids": ids, "vectors": np.asarray(vectors, dtype=np.float32).reshape(len(rows), width)}
