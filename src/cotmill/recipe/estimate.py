"""Rough cost of a step before it is done: rows, tokens through a model, seconds on one worker.

Meant to tell a minute from an hour. The rates come from timing the lab's models on one core of a two-core
machine and from the arithmetic of large ones (6 FLOPs a parameter and token to train, 2 to read); while a
Run goes on, what its own steps took is used instead.
"""

from __future__ import annotations

import gzip
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cotmill.recipe.identity import Identity
from cotmill.recipe.schema import Source

TOKENS_PER_ROW = 140
"""A GSM8K-sized question with its solution, in the lab's tokenizer."""
ANSWER_TOKENS = 70
"""What a model writes before it stops, where it has learnt to."""
FLOPS = 2e10
"""Useful operations a second of one worker on a CPU core; measured between 1e10 and 4e10."""
MOST_TOKENS = 60_000
"""Tokens a second that even the smallest model does not exceed on a core: overhead per step."""
COUNTED_BYTES = 2**28
"""Larger files are not counted line by line only to estimate."""
STARTING = 4.0
"""Seconds to import torch and load a small model, once per worker and step on average."""


@dataclass(frozen=True)
class Estimate:
    """Roughly what a step costs."""

    rows: int = 0
    tokens: float = 0.0
    seconds: float = 0.0


def parameters_of(name: str) -> float:
    """Read the number of parameters off a model's name; 1e9 where it does not say.

    >>> parameters_of("lab:llama-0.25m"), parameters_of("Qwen/Qwen2.5-0.5B")
    (250000.0, 500000000.0)
    """
    found = re.findall(r"(\d+(?:\.\d+)?)([mMbB])(?![A-Za-z])", name)
    if not found:
        return 1e9
    number, unit = found[-1]
    return float(number) * (1e6 if unit in "mM" else 1e9)


def is_tiny(name: str) -> bool:
    """Say whether a model is so small that a second thread does not help it."""
    return parameters_of(name) < 2e7


def _seconds(tokens: float, model: str, *, passes: int) -> float:
    """Time so many tokens through a model; training is three forward passes."""
    rate = min(FLOPS / (2 * parameters_of(model)), MOST_TOKENS)
    return tokens * passes / rate


def of_training(model: str, train: Mapping[str, Any], rows: float) -> Estimate:
    """Estimate a fine-tuning."""
    steps = train["steps"] or train["epochs"] * rows / train["batch_size"]
    tokens = float(steps * train["batch_size"] * TOKENS_PER_ROW)
    return Estimate(round(rows), tokens, STARTING + _seconds(tokens, model, passes=3))


def of_measuring(model: str, rows: int, passes: int) -> Estimate:
    """Estimate some forward passes over a pool."""
    tokens = float(rows * TOKENS_PER_ROW * passes)
    return Estimate(rows, tokens, STARTING + _seconds(tokens, model, passes=1))


def of_evaluation(model: str, rows: int, evaluate: Mapping[str, Any]) -> Estimate:
    """Estimate asking questions: reading them and writing answers, a token at a time."""
    rows = min(rows, evaluate["limit"] or rows)
    written = rows * evaluate["samples"] * min(evaluate["max_new_tokens"], ANSWER_TOKENS)
    tokens = float(written + rows * TOKENS_PER_ROW)
    return Estimate(rows, tokens, STARTING + _seconds(tokens, model, passes=4))


def rows_of(source: Source, found: Identity) -> int:
    """Say how many rows a source has: told, or counted where that is quick."""
    if source.lab is not None:
        return source.lab.rows
    path = Path(found.places.get("file", ""))
    rows = _lines(path) if path.is_file() else 10_000
    return min(rows, source.limit or rows)


def _lines(path: Path) -> int:
    """Count the lines of a text file, gzipped or not; a guess for other files."""
    if path.stat().st_size > COUNTED_BYTES or not {".jsonl", ".csv", ".tsv"} & set(path.suffixes):
        return max(1, path.stat().st_size // 300)
    with gzip.open(path, "rb") if path.suffix == ".gz" else path.open("rb") as handle:
        return sum(1 for _ in handle)
