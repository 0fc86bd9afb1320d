"""Rough cost of a step before it is done: rows, tokens through a model, seconds on one worker.

Meant to tell a minute from an hour. The rates come from timing the lab's models on one core of a two-core
machine and from the arithmetic of large ones (6 FLOPs a parameter and token to train, 2 to read); while a
Run goes on, what its own steps took is used instead.
"""

from __future__ import annotations

import gzip
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cotmill.core.files import read_json
from cotmill.recipe.identity import Identity
from cotmill.recipe.sources import Source

LAB_BYTES = 140.0
"""Bytes of a lab problem with its solution, as its tokenizer counts them."""
GUESSED_BYTES = 600.0
"""Bytes of a row that cannot be looked at before it is read: a GSM8K problem with its solution."""
ANSWER_TOKENS = 60
"""What a model of the lab writes before it stops, where it has learnt to."""
LONGER_ANSWER_TOKENS = 130
"""What others write: the mean of sampled GSM8K solutions (Yuan et al. 2023)."""
FLOPS = 4e10
"""Useful operations a second of one worker on a CPU core; the 0.25M and 0.9M models reach 3e10 to 5e10."""
MOST_TOKENS = 60_000
"""Tokens a second that even the smallest model does not exceed on a core: overhead per step."""
INFLUENCE_PASSES = 12
"""Forward passes over a pool that measuring influence costs, with the gate (benchmarks/influence.py)."""
PROBE_PASSES = 20
"""Texts that are read for one row whose numbers are altered in turn."""
COUNTED_BYTES = 2**28
"""Larger files are not counted line by line only to estimate."""
STARTING = 1.0
"""Seconds to load a small model and set up a step."""
JUDGING = 3e-4
"""Seconds to verify one short sample and read its path."""
IMPORTING = 8.0
"""Seconds until a worker has imported torch and the trainer, once."""


@dataclass(frozen=True)
class Estimate:
    """Roughly what a step costs."""

    rows: int = 0
    tokens: float = 0.0
    seconds: float = 0.0
    row_bytes: float = GUESSED_BYTES


def parameters_of(name: str) -> float:
    """Guess the number of parameters: from a folder's files, else from the name; 1e9 where neither says.

    >>> parameters_of("lab:llama-0.25m"), parameters_of("Qwen/Qwen2.5-0.5B")
    (250000.0, 500000000.0)
    """
    folder = Path(name.removesuffix("@random"))
    if (folder / "config.json").is_file():
        return _parameters_in(folder)
    found = re.findall(r"(\d+(?:\.\d+)?)([mMbB])(?![A-Za-z])", name)
    if not found:
        return 1e9
    number, unit = found[-1]
    return float(number) * (1e6 if unit in "mM" else 1e9)


def _parameters_in(folder: Path) -> float:
    """Guess by the size of the weights, or by the usual shape of a transformer where there are none yet."""
    stored = sum(path.stat().st_size for path in folder.glob("*.safetensors"))
    if stored:
        return stored / 4
    try:
        shape = dict(read_json(folder / "config.json"))
    except (ValueError, TypeError):
        return 1e9  # loading the model will say what is wrong with it
    width, layers = shape.get("hidden_size", 2048), shape.get("num_hidden_layers", 20)
    return 12.0 * width * width * layers + shape.get("vocab_size", 50_000) * width


def is_tiny(name: str) -> bool:
    """Say whether a model is so small that a second thread does not help it."""
    return parameters_of(name) < 2e7


def memory_gb(model: str, workers: int) -> float:
    """Guess the memory of workers that train a model: weights, gradients, two moments, and the libraries.

    >>> round(memory_gb("lab:llama-0.25m", 2), 1), round(memory_gb("Qwen/Qwen2.5-7B", 1))
    (1.5, 113)
    """
    return workers * (0.75 + 16 * parameters_of(model) / 1e9)


def disk_gb(models: Iterable[str]) -> float:
    """Guess what trained models take on disk, one entry for every training."""
    return sum((0.0005 + 4 * parameters_of(model) / 1e9 for model in models), 0.0)


def _seconds(tokens: float, model: str, *, passes: int) -> float:
    """Time so many tokens through a model; training is three forward passes."""
    rate = min(FLOPS / (2 * parameters_of(model)), MOST_TOKENS)
    return tokens * passes / rate


def row_tokens(row_bytes: float, model: str) -> float:
    """Guess the tokens of a row: the lab's small vocabulary makes more of the same text than a large one.

    >>> round(row_tokens(600.0, "lab:llama-0.25m")), round(row_tokens(600.0, "Qwen/Qwen2.5-0.5B"))
    (343, 200)
    """
    # GSM8K has 558 bytes a row and, with digits one by one, 196 tokens.
    return row_bytes / (1.75 if is_tiny(model) else 3.0)


def written_tokens(model: str, limit: int) -> int:
    """Guess the tokens of an answer."""
    return min(limit, ANSWER_TOKENS if is_tiny(model) else LONGER_ANSWER_TOKENS)


def of_training(model: str, train: Mapping[str, Any], rows: float, row_bytes: float) -> Estimate:
    """Estimate a fine-tuning."""
    steps = train["steps"] or train["epochs"] * rows / train["batch_size"]
    tokens = steps * train["batch_size"] * row_tokens(row_bytes, model)
    return Estimate(round(rows), tokens, STARTING + _seconds(tokens, model, passes=3))


def of_measuring(model: str, rows: int, row_bytes: float, passes: int) -> Estimate:
    """Estimate some forward passes over a pool."""
    tokens = rows * passes * row_tokens(row_bytes, model)
    return Estimate(rows, tokens, STARTING + _seconds(tokens, model, passes=1))


def of_evaluation(model: str, rows: int, row_bytes: float, evaluate: Mapping[str, Any]) -> Estimate:
    """Estimate asking questions: reading them and writing answers, a token at a time."""
    rows = min(rows, evaluate["limit"] or rows)
    written = rows * evaluate["samples"] * written_tokens(model, evaluate["max_new_tokens"])
    tokens = written + rows * row_tokens(row_bytes, model)
    return Estimate(rows, tokens, STARTING + _seconds(tokens, model, passes=2))


def of_sampling(model: str, rows: int, row_bytes: float, k: int, max_new_tokens: int) -> Estimate:
    """Estimate drawing k samples of every question; the prompt is read once."""
    tokens = rows * k * written_tokens(model, max_new_tokens) + rows * row_tokens(row_bytes, model)
    return Estimate(rows * k, tokens, STARTING + _seconds(tokens, model, passes=2), row_bytes)


def of_augmenting(rows: int, row_bytes: float, samples: float) -> Estimate:
    """Estimate verifying samples and choosing among them; the result is guessed as twice what was given."""
    return Estimate(2 * rows, seconds=STARTING + samples * JUDGING, row_bytes=row_bytes)


def of_source(source: Source, found: Identity) -> Estimate:
    """Say how many rows a source has, and how long they are: told, or counted where that is quick."""
    made = source.lab or source.clinical
    if made is not None:
        return Estimate(made.rows, seconds=STARTING + made.rows / 2000, row_bytes=LAB_BYTES)
    path = Path(found.places.get("file", ""))
    rows, size = _lines(path) if path.is_file() else (10_000, 6_000_000)
    kept = min(rows, source.limit or rows)
    return Estimate(kept, seconds=STARTING + rows / 20_000, row_bytes=size / max(1, rows))


def of_test(rows: int, *, lab: bool) -> Estimate:
    """Estimate making or reading the questions of a test."""
    return Estimate(rows, seconds=STARTING + rows / 2000, row_bytes=LAB_BYTES if lab else GUESSED_BYTES)


def _lines(path: Path) -> tuple[int, int]:
    """Count the lines and bytes of a text file, gzipped or not; a guess for other files."""
    size = path.stat().st_size
    if size > COUNTED_BYTES or not {".jsonl", ".csv", ".tsv"} & set(path.suffixes):
        return max(1, round(size / GUESSED_BYTES)), size
    rows = size = 0
    with gzip.open(path, "rb") if path.suffix == ".gz" else path.open("rb") as handle:
        for line in handle:
            rows, size = rows + 1, size + len(line)
    return max(1, rows), size
