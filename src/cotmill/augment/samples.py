"""Sample: one candidate trace with everything that says where it came from, and its columns on disk.

The id of a sample is a hash of its key: question, model, prompt, settings, index. The longest answer that
was allowed is not part of the key, and not part of the settings either: an answer that ended by itself is
the same under a larger allowance, and one that was cut off is asked for again under the same id.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, fields
from typing import Any, Literal

import pyarrow as pa

from cotmill.core.files import canonical_json
from cotmill.core.ids import content_id, seed_of

FinishReason = Literal["stop", "length", "error"]
STOP, LENGTH, ERROR = "stop", "length", "error"

SCHEMA = pa.schema(
    [
        pa.field("sample_id", pa.string(), nullable=False),
        pa.field("example_id", pa.string(), nullable=False),
        pa.field("model", pa.string(), nullable=False),
        pa.field("model_name", pa.string(), nullable=False),
        pa.field("prompt", pa.string(), nullable=False),
        pa.field("settings", pa.string(), nullable=False),
        pa.field("index", pa.int32(), nullable=False),
        pa.field("seed", pa.uint64(), nullable=False),
        pa.field("text", pa.string(), nullable=False),
        pa.field("tokens", pa.int32(), nullable=False),
        pa.field("prompt_tokens", pa.int32(), nullable=False),
        pa.field("finish_reason", pa.string(), nullable=False),
        pa.field("max_new_tokens", pa.int32(), nullable=False),
        pa.field("logprob", pa.float64()),
        pa.field("engine", pa.string(), nullable=False),
        pa.field("engine_version", pa.string(), nullable=False),
    ]
)
ORDER = ("example_id", "model", "settings", "prompt", "index")
"""The canonical order of samples, and their key."""


@dataclass(frozen=True, slots=True)
class Key:
    """Which sample: of which question, by which model, from which prompt, under which settings, the n-th."""

    example_id: str
    model: str
    prompt: str
    settings: str
    index: int

    @property
    def sample_id(self) -> str:
        """Hash the key."""
        return content_id("sample", self.example_id, self.model, self.prompt, self.settings, str(self.index))

    def seed(self, seed: int = 0) -> int:
        """Derive the sample's own stream of random numbers; no two keys share one."""
        return seed_of(seed, "sample", self.sample_id)


@dataclass(frozen=True, slots=True)
class Sample:
    """One candidate trace. `finish_reason` is stop, length (cut off at `max_new_tokens`) or error.

    `model` is a fingerprint, `prompt` and `settings` are hashes. `logprob` is the sum over the written
    tokens, in nats, under the model itself (no temperature, no cut); None where the engine does not tell.
    """

    example_id: str
    model: str
    model_name: str
    prompt: str
    settings: str
    index: int
    seed: int
    text: str
    tokens: int
    prompt_tokens: int
    finish_reason: FinishReason
    max_new_tokens: int
    logprob: float | None = None
    engine: str = ""
    engine_version: str = ""

    @property
    def key(self) -> Key:
        """Say which sample it is."""
        return Key(self.example_id, self.model, self.prompt, self.settings, self.index)

    @property
    def sample_id(self) -> str:
        """Hash of the key."""
        return self.key.sample_id


def settings_hash(settings: Mapping[str, Any]) -> str:
    """Hash the settings of sampling.

    >>> settings_hash({"a": 1, "b": 2}) == settings_hash({"b": 2, "a": 1})
    True
    """
    return content_id("sampling settings", canonical_json(dict(settings)))


def prompt_hash(prompt: str) -> str:
    """Hash the text that was given to the model, with everything around the question."""
    return content_id("prompt", prompt)


def table_of(samples: Iterable[Sample]) -> pa.Table:
    """Put samples into a table."""
    rows = list(samples)
    columns: dict[str, list[Any]] = {
        name.name: [getattr(row, name.name) for row in rows] for name in fields(Sample)
    }
    columns["sample_id"] = [row.sample_id for row in rows]
    return pa.table({name: columns[name] for name in SCHEMA.names}, schema=SCHEMA)
