"""The base of all evidence: numbers addressed by row id, with the pool and the model they came from.

Alignment is by row id and nothing else. Row ids are content hashes, so evidence measured on a larger
pool serves a part of it, and evidence measured on other rows is refused by name.
"""

from __future__ import annotations

import hashlib
from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, ClassVar, TypeVar

import numpy as np
from jaxtyping import Int, Shaped

from cotmill.core.errors import EvidenceError
from cotmill.core.ids import id_words, places_of
from cotmill.core.row_ids import RowIds
from cotmill.data.pool import Pool
from cotmill.evidence.files import read_columns, write_columns

Kind = TypeVar("Kind", bound="Evidence")


@dataclass(frozen=True, eq=False, kw_only=True)
class Evidence(ABC):
    """Numbers per row. `row_ids` is any list, numpy or Arrow array of ids; it is kept as RowIds.

    `pool_fingerprint` and `model_fingerprint` say what was measured and by what ("" when unknown);
    `about` holds any further provenance as text (model name, template hash, precision).
    """

    row_ids: Any
    pool_fingerprint: str = ""
    model_fingerprint: str = ""
    about: Mapping[str, str] = field(default_factory=dict)

    kind: ClassVar[str]
    row_fields: ClassVar[tuple[str, ...]]
    """The fields whose first axis is the row; one that was not measured is None."""
    id_column: ClassVar[str] = "row_id"
    """The column of a pool, and of the file, that the ids are of."""

    def __post_init__(self) -> None:
        """Check that every array has one entry per row."""
        self._set("row_ids", RowIds(self.row_ids))
        for name in self.measured:
            self._set(name, np.asarray(getattr(self, name)))
            if len(getattr(self, name)) != len(self):
                raise EvidenceError(
                    f"{self.kind}: {name} has {len(getattr(self, name))} entries for {len(self)} row ids; "
                    "give one entry per row id"
                )
        self.check()

    @abstractmethod
    def check(self) -> None:
        """Raise EvidenceError unless the numbers are fit to select by."""

    @abstractmethod
    def to_columns(self) -> dict[str, np.ndarray]:
        """Give the Parquet columns, without the row id."""

    @classmethod
    @abstractmethod
    def from_columns(cls, columns: Mapping[str, np.ndarray]) -> dict[str, Any]:
        """Turn Parquet columns back to the fields of this kind."""

    def to(self, kind: type[Evidence]) -> Evidence | None:
        """Give this evidence as another kind that it holds as a part; None when it holds none.

        Trajectories hold the losses of their last checkpoint; losses and trajectories hold lengths.
        """
        return self if isinstance(self, kind) else None

    @property
    def measured(self) -> tuple[str, ...]:
        """The row fields that are there."""
        return tuple(name for name in self.row_fields if getattr(self, name) is not None)

    def __len__(self) -> int:
        """Count the rows."""
        return len(self.row_ids)

    def _set(self, name: str, value: Any) -> None:
        object.__setattr__(self, name, value)

    def refuse_unless(self, good: Shaped[np.ndarray, " row"], problem: str, remedy: str) -> None:
        """Raise EvidenceError naming how many rows are not good, the first of them, and what to do."""
        bad = np.flatnonzero(~good)
        if len(bad):
            first = str(self.row_ids[bad[0]])
            raise EvidenceError(
                f"{len(bad)} of {len(self)} rows of the {self.kind} {problem} (first: '{first}'); {remedy}"
            )

    @property
    def fingerprint(self) -> str:
        """A hash of the ids and numbers in this order; equal files have equal fingerprints."""
        digest = hashlib.blake2b(self.kind.encode(), digest_size=16)
        digest.update(id_words(self.row_ids).tobytes())
        for name, values in self.to_columns().items():
            digest.update(f"{name} {values.dtype}".encode())
            digest.update(values.tobytes())
        return digest.hexdigest()

    def at(self: Kind, positions: Int[np.ndarray, " row"]) -> Kind:
        """Take the rows at these positions, in this order."""
        rows = {name: getattr(self, name)[positions] for name in ("row_ids", *self.measured)}
        return replace(self, **rows)

    def of(self: Kind, pool: Pool) -> Kind:
        """Give this evidence in the pool's rows and order.

        Raises:
            EvidenceError: rows of the pool are missing here, or a row id occurs twice here.
        """
        wanted = pool.column(self.id_column)
        if len(wanted) == len(self) and np.array_equal(id_words(wanted), id_words(self.row_ids)):
            return replace(self, pool_fingerprint=pool.fingerprint)
        self._refuse_repeats()
        places = places_of(wanted, self.row_ids)
        missing = np.flatnonzero(places < 0)
        if len(missing):
            raise EvidenceError(
                f"{len(missing)} of {len(wanted)} pool rows are not among the {len(self)} rows of the "
                f"{self.kind} (first: '{wanted[int(missing[0])]}'); measure this pool, or take() the rows "
                "that were measured"
            )
        return replace(self.at(places), pool_fingerprint=pool.fingerprint)

    def _refuse_repeats(self) -> None:
        words = id_words(self.row_ids)
        if len(np.unique(words[:, 0])) == len(self):  # the usual case, without the slow sort of pairs
            return
        distinct = len(np.unique(words, axis=0))
        if distinct != len(self):
            raise EvidenceError(
                f"{self.kind}: {len(self)} rows have only {distinct} distinct row ids; measure every row once"
            )

    def write(self, path: Path) -> Path:
        """Write one Parquet file: row_id, the columns of this kind, and the provenance as metadata."""
        about = {
            "kind": self.kind,
            "pool_fingerprint": self.pool_fingerprint,
            "model_fingerprint": self.model_fingerprint,
            "about": dict(self.about),
        }
        write_columns(path, self.row_ids, self.to_columns(), about, id_column=self.id_column)
        return path

    @classmethod
    def read(cls: type[Kind], path: Path | str) -> Kind:
        """Read a file of this kind; called on Evidence itself, of any kind.

        A file without cotmill's metadata is taken for what its columns say: `loss_sum@STEP` columns are
        trajectories, `rank_sum` readings, `vector` embeddings, `correct` pass rates, `loss_sum` losses,
        `values` scores, and `tokens` alone lengths.

        Raises:
            EvidenceError: not evidence, or of another kind.
        """
        row_ids, columns, about = read_columns(Path(path))
        kinds = {kind.kind: kind for kind in Evidence.__subclasses__()}
        kind = kinds.get(about["kind"])
        if kind is None or not issubclass(kind, cls):
            wanted = cls.kind if cls is not Evidence else " or ".join(sorted(kinds))
            raise EvidenceError(f"{path} holds {about['kind']}; expected {wanted}")
        provenance = {
            name: about[name] for name in ("pool_fingerprint", "model_fingerprint", "about") if name in about
        }
        return kind.made(row_ids, kind.from_columns(columns), provenance)

    @classmethod
    def made(
        cls: type[Kind],
        row_ids: RowIds,
        fields: Mapping[str, Any],
        provenance: Mapping[str, Any],
    ) -> Kind:
        """Make evidence of what a file holds."""
        return cls(row_ids=row_ids, **provenance, **fields)
