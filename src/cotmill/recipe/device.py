"""What a recipe would cost on a GPU that is not here: hours, memory, and the micro-batch that fits.

Arithmetic, not measurement. Operations are counted (6 a parameter and token to train, 4 with adapters, whose
base needs no gradient of its weights, 2 to read) and divided by the share of the device's peak that such work
is usually seen to reach. Writing is bound by reading the weights and the cache of every open row once a
token, and by the time that transformers takes to start a layer. Peaks, memory and bandwidth are the vendor's,
for bfloat16 without sparsity.

Memory is that of cotmill's trainer: weights, gradients and two moments in float32 (16 bytes a parameter), a
bfloat16 copy of the weights while a step runs, and what a step keeps for its backward pass, since activations
are not made again. The time of a whole recipe takes its steps side by side, one GPU each, as the runner does.
"""

from __future__ import annotations

import heapq
import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from cotmill.core.errors import RecipeError
from cotmill.core.files import read_json
from cotmill.recipe.estimate import ANSWER_TOKENS, parameters_of, row_tokens, written_tokens
from cotmill.recipe.graph import Step, in_order

GB = 1e9
TRAINING_SHARE, READING_SHARE = 0.30, 0.40
"""Shares of the peak that dense fine-tuning of short rows, and reading, are taken to reach."""
SMALL, SMALL_SHARE = 1e9, 0.5
"""Below this size a layer is too little work to fill a device: the shares are taken to be half."""
FULL, ADAPTED, READ = 6.0, 4.0, 2.0
"""Operations a parameter and token: training all weights, training adapters, reading."""
OPEN_ROWS = 256
"""Rows that are written side by side on a GPU (model.generate)."""
LAYER_SECONDS = 6e-4
"""Time to start the kernels of one layer for one token of every open row."""
BANDWIDTH_SHARE = 0.6
LOADING = 40.0
"""Seconds to load a model and set up a step."""
USABLE = 0.92
"""Share of a device's memory that a training can have."""


@dataclass(frozen=True)
class Device:
    """One kind of GPU."""

    name: str
    gigabytes: float
    teraflops: float
    """Peak of bfloat16 matrix products, without sparsity."""
    terabytes: float
    """Memory bandwidth, a second."""


DEVICES = {
    one.name: one
    for one in (
        Device("rtx-4090", 24.0, 165.0, 1.01),
        Device("l40s", 48.0, 362.0, 0.86),
        Device("a100-80gb", 80.0, 312.0, 2.04),
        Device("h100-80gb", 80.0, 989.0, 3.35),
        Device("h200", 141.0, 989.0, 4.80),
    )
}


@dataclass(frozen=True)
class Shape:
    """What of a model decides its memory and time."""

    parameters: float
    layers: int
    width: int
    inner: int
    """Width of the feed-forward part."""
    keys: int
    """Width of the keys of all heads."""
    vocabulary: int


SHAPES = {
    "qwen2.5-0.5b": Shape(0.494e9, 24, 896, 4864, 128, 151_936),
    "qwen2.5-1.5b": Shape(1.544e9, 28, 1536, 8960, 256, 151_936),
    "qwen2.5-7b": Shape(7.616e9, 28, 3584, 18_944, 512, 152_064),
    "qwen2.5-math-7b": Shape(7.616e9, 28, 3584, 18_944, 512, 152_064),
    "llama-3.2-1b": Shape(1.236e9, 16, 2048, 8192, 512, 128_256),
    "llama-3.1-8b": Shape(8.030e9, 32, 4096, 14_336, 1024, 128_256),
}
"""Of well-known models, from their configurations; a local folder's own configuration is read instead."""


def devices_of(told: str) -> tuple[Device, int]:
    """Find a device by its name, and how many of it: `h100-80gb`, or `h100-80gb:8`.

    Raises:
        RecipeError: there is none; lists them.

    >>> devices_of("h200:8")[1]
    8
    """
    name, _, many = told.partition(":")
    if name not in DEVICES or (many and not (many.isdecimal() and int(many))):
        known = ", ".join(DEVICES)
        raise RecipeError(f"no device is called {told!r}; there are {known}, and {name}:8 for eight of one")
    return DEVICES[name], int(many or 1)


def shape_of(model: str) -> Shape:
    """Read a model's shape from its folder, know it, or guess it from its size.

    >>> shape_of("Qwen/Qwen2.5-7B-Instruct").layers, shape_of("someone/new-3B").layers
    (28, 20)
    """
    path = Path(model.removesuffix("@random")) / "config.json"
    if path.is_file():
        return _told(dict(read_json(path)), parameters_of(model))
    name = model.rpartition("/")[2].lower().removesuffix("-instruct").removesuffix("-base")
    if name in SHAPES:
        return SHAPES[name]
    size = parameters_of(model)
    layers = max(2, round((size / (12 * 128**2)) ** (1 / 3) * 0.8))
    width = round(math.sqrt(size / (12 * layers)))
    return Shape(size, layers, width, 4 * width, width, 50_000)


def _told(config: Mapping[str, Any], size: float) -> Shape:
    """Take the shape from a configuration as transformers writes it."""
    width = int(config.get("hidden_size", 2048))
    heads = int(config.get("num_attention_heads", 16))
    own = int(config.get("head_dim") or width // heads)
    return Shape(
        parameters=size,
        layers=int(config.get("num_hidden_layers", 20)),
        width=width,
        inner=int(config.get("intermediate_size", 4 * width)),
        keys=own * int(config.get("num_key_value_heads") or heads),
        vocabulary=int(config.get("vocab_size", 50_000)),
    )


@dataclass(frozen=True)
class Memory:
    """What a training takes on one device, in gigabytes, at the largest micro-batch that fits."""

    fixed: float
    """Weights, gradients, moments, copies."""
    kept: float
    """What a step keeps for its backward pass."""
    rows: int
    """Rows in a micro-batch; 0: not even one fits."""
    accumulate: int


def training_memory(shape: Shape, train: Mapping[str, Any], tokens: float, device: Device) -> Memory:
    """Find the largest micro-batch of a training that fits on a device.

    Args:
        shape: the model's.
        train: settings of the training.
        tokens: of a row.
        device: the device.
    """
    trained = shape.parameters if not train.get("lora") else _adapters(shape, train["lora"])
    fixed = (4 * shape.parameters + 12 * trained + 2 * shape.parameters) / GB
    # Of every layer the residual stream and its norms in float32, and what the products read, in bfloat16.
    a_token = shape.layers * (24 * shape.width + 4 * shape.keys + 8 * shape.inner) + 6 * shape.vocabulary
    batch = int(train["batch_size"])
    for rows in (size for size in range(batch, 0, -1) if batch % size == 0):
        kept = rows * tokens * a_token / GB
        if fixed + kept <= USABLE * device.gigabytes:
            return Memory(fixed, kept, rows, batch // rows)
    return Memory(fixed, tokens * a_token / GB, 0, batch)


def _adapters(shape: Shape, lora: Mapping[str, Any]) -> float:
    """Count the parameters of adapters on all linear layers."""
    a_layer = 2 * (2 * shape.width) + 2 * (shape.width + shape.keys) + 3 * (shape.width + shape.inner)
    return float(lora["rank"]) * shape.layers * a_layer


def seconds_on(step: Step, model: str, device: Device) -> float:
    """Estimate a step on a device; steps that put nothing through a model take what they take."""
    if not step.tokens:
        return step.seconds
    shape = shape_of(model)
    share = SMALL_SHARE if shape.parameters < SMALL else 1.0
    peak = device.teraflops * 1e12 * share
    if step.kind == "train":
        once = ADAPTED if step.record.config["train"].get("lora") else FULL
        return LOADING + once * shape.parameters * step.tokens / (TRAINING_SHARE * peak)
    written = _written(step, model)
    read = step.tokens - written
    return (
        LOADING
        + READ * shape.parameters * read / (READING_SHARE * peak)
        + written / OPEN_ROWS * _a_token(shape, device, row_tokens(step.row_bytes, model) + ANSWER_TOKENS)
    )


def _written(step: Step, model: str) -> float:
    """Say how many tokens of a step a model writes."""
    told = step.record.config.get("evaluate") or step.record.config
    if step.kind not in ("sample", "evaluate"):
        return 0.0
    answers = step.rows * int(told.get("samples", 1) if step.kind == "evaluate" else 1)
    return min(float(step.tokens), float(answers * written_tokens(model, int(told["max_new_tokens"]))))


def _a_token(shape: Shape, device: Device, length: float) -> float:
    """Time one token of every open row: the weights and the cache are read, and every layer is started."""
    cache = OPEN_ROWS * length * 4 * shape.keys * shape.layers
    reading = (2 * shape.parameters + cache) / (BANDWIDTH_SHARE * device.terabytes * 1e12)
    return max(shape.layers * LAYER_SECONDS, reading)


def moved(steps: Iterable[Step], models: Mapping[str, str], device: Device) -> list[Step]:
    """Give the same steps with their times on a device."""
    return [replace(step, seconds=seconds_on(step, models.get(step.name, ""), device)) for step in steps]


def models_of(steps: Mapping[str, Step]) -> dict[str, str]:
    """Name the model that each step works with: its own, or the one that an earlier step trained."""
    found: dict[str, str] = {}
    for step in in_order(steps.values()):
        own, trained = step.record.config.get("model"), step.record.inputs.get("model")
        if isinstance(own, Mapping):
            found[step.name] = step.places.get("model", str(own["name"]))
        elif trained in found:
            found[step.name] = found[trained]
    return found


def wall(steps: Iterable[Step], gpus: int) -> float:
    """Play the runner: a GPU that is free takes the first step whose inputs are there.

    >>> wall([], 8)
    0.0
    """
    waiting = in_order(steps)
    undone = {step.name for step in waiting}
    running: list[tuple[float, str]] = []
    now = 0.0
    while waiting or running:
        while len(running) < gpus:
            ready = next((one for one in waiting if not undone & set(one.record.inputs.values())), None)
            if ready is None:
                break
            waiting.remove(ready)
            heapq.heappush(running, (now + ready.seconds, ready.name))
        now, name = heapq.heappop(running)
        undone.discard(name)
    return now
