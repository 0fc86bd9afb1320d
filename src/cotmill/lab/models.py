"""The lab's family of small models: their shapes, and where the shipped weights are.

Only the shapes and places live here; pre-training is a recipe like any other. Nothing heavy is imported
until a configuration is asked for.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cotmill.core.errors import ModelError
from cotmill.core.files import read_json

if TYPE_CHECKING:
    from transformers import PretrainedConfig

ASSETS = Path(__file__).parent / "assets"
VOCABULARY = 832
POSITIONS = 512
PREFIX = "lab:"


@dataclass(frozen=True, slots=True)
class Shape:
    """Width, depth and heads."""

    hidden: int
    layers: int
    heads: int


SHAPES: dict[str, Shape] = {
    "0.25m": Shape(64, 4, 4),
    "0.9m": Shape(128, 4, 4),
    "2.8m": Shape(192, 6, 6),
    "6.5m": Shape(256, 8, 8),
}

NAMES: tuple[str, ...] = tuple(f"{family}-{size}" for family in ("llama", "neox") for size in SHAPES)


def config_of(name: str) -> PretrainedConfig:
    """Return the transformers configuration of a lab model, with or without the `lab:` prefix.

    Raises:
        ModelError: there is no such model; the message lists those there are.
    """
    family, shape = _find(name)
    from transformers import GPTNeoXConfig, LlamaConfig

    shared = {
        "vocab_size": VOCABULARY,
        "hidden_size": shape.hidden,
        "num_hidden_layers": shape.layers,
        "num_attention_heads": shape.heads,
        "max_position_embeddings": POSITIONS,
        "tie_word_embeddings": True,
        "pad_token_id": 0,
        "eos_token_id": 1,
        "bos_token_id": 2,
    }
    if family == "llama":
        return LlamaConfig(intermediate_size=int(8 * shape.hidden / 3 / 8) * 8, **shared)
    return GPTNeoXConfig(intermediate_size=4 * shape.hidden, **shared)


def weights_path(name: str) -> Path | None:
    """Return the folder of a model's shipped weights, or None if it is not shipped."""
    _find(name)
    folder = ASSETS / name.removeprefix(PREFIX)
    return folder if (folder / "model.safetensors").is_file() else None


def manifest_path() -> Path:
    """Return where the manifest of the shipped weights is (seed, tokens, loss, hashes)."""
    return ASSETS / "manifest.json"


def shipped() -> dict[str, str]:
    """Say of every shipped model, by its bare name, how large it is and how it was pre-trained."""
    manifest: dict[str, dict[str, Any]] = read_json(manifest_path())
    return {
        name: f"{entry['parameters']:,} parameters, {tokens_seen(entry):,} tokens, "
        f"held-out loss {entry['held_out_loss']:.4f} nats per token"
        for name, entry in sorted(manifest.items())
    }


def tokens_seen(record: dict[str, Any]) -> int:
    """Add up the tokens of a pre-training and of those that it went on from."""
    before = record.get("before")
    return record["tokens"] + (tokens_seen(before) if before else 0)


def _find(name: str) -> tuple[str, Shape]:
    bare = name.removeprefix(PREFIX)
    if bare not in NAMES:
        raise ModelError(f"no lab model is called {name!r}; there are {', '.join(NAMES)}")
    family, size = bare.split("-", 1)
    return family, SHAPES[size]
