"""Load a causal language model by path, hub name or lab name, with a fingerprint of what was loaded.

Names: a folder; a hub name (`Qwen/Qwen3-0.6B`); `lab:llama-0.9m` for the weights that ship with the
package. `@random` behind any of them keeps the shape and the tokenizer and draws new weights from the
seed. Only safetensors are read and no code from a model's folder is run.
"""

from __future__ import annotations

import importlib.resources
import platform
import re
from dataclasses import dataclass, replace
from functools import cached_property, lru_cache
from pathlib import Path
from typing import Any

import torch
from huggingface_hub import snapshot_download
from huggingface_hub.errors import (
    HfHubHTTPError,
    HFValidationError,
    LocalEntryNotFoundError,
    StrictDataclassError,
)
from transformers import AutoConfig, AutoModelForCausalLM, AutoTokenizer

from cotmill.core import mirror
from cotmill.core.checked import damage_of
from cotmill.core.errors import ModelError
from cotmill.core.files import read_json, sha256_of
from cotmill.core.ids import content_id, seed_of
from cotmill.core.machine import Need, refuse_unless_it_fits
from cotmill.core.stores import fetched, is_address
from cotmill.data.scratch import Scratch
from cotmill.model.quiet import quiet_transformers
from cotmill.model.ranks import own_device

LAB = "lab:"
RANDOM = "@random"
IDENTITY = ("*.safetensors", "config.json", "tokenizer.json", "tokenizer_config.json", "*.model", "*.jinja")
"""The files that decide what a model computes; others (cards, logs) do not touch the fingerprint."""
TRAINED = "cotmill.json"
"""What a training left beside its weights (`train.write.RESULT`)."""
_HUB_HASH = re.compile(r"[0-9a-f]{64}")


@dataclass(frozen=True)
class LanguageModel:
    """A model with its tokenizer, the name it was asked for by, and the hash of what it is."""

    model: Any
    tokenizer: Any
    name: str
    fingerprint: str
    source: Source | None = None
    """How another process loads it again; None for a model that exists in this process alone."""

    @property
    def device(self) -> torch.device:
        """Where its weights are."""
        return self.model.device

    @cached_property
    def max_length(self) -> int:
        """Most tokens in a row that the model was made for."""
        return longest_row(self.model.config, self.tokenizer)

    @cached_property
    def stop_ids(self) -> tuple[int, ...]:
        """Tokens that end a generation."""
        told = getattr(self.model.generation_config, "eos_token_id", None)
        told = [] if told is None else [told] if isinstance(told, int) else list(told)
        return tuple(dict.fromkeys([self.tokenizer.eos_token_id, *told]))

    @cached_property
    def never_ids(self) -> tuple[int, ...]:
        """Tokens that are never written: those that the model's own generation settings suppress."""
        told = getattr(self.model, "generation_config", None)
        return tuple(getattr(told, "suppress_tokens", None) or ())


@dataclass(frozen=True)
class Source:
    """How a process loads a model that another one has: its name there, and what it must turn out to be."""

    name: str
    called: str
    fingerprint: str
    seed: int = 0
    dtype: str | None = None

    def model(self) -> LanguageModel:
        """Load it, once in a process.

        Raises:
            ModelError: what lies there is another model.
        """
        return _again(self)


@lru_cache(maxsize=1)
def _again(source: Source) -> LanguageModel:
    dtype = None if source.dtype is None else getattr(torch, source.dtype)
    found = load(source.name, dtype=dtype, seed=source.seed)
    if found.fingerprint != source.fingerprint:
        raise ModelError(
            f"{source.name} is another model on {platform.node()} than where this was started; all machines "
            "must see the same files, in a shared folder or by the same name of the hub"
        )
    return replace(found, name=source.called)


def source_of(lm: LanguageModel) -> Source:
    """Say how other processes load a model.

    Raises:
        ModelError: it exists in this process alone.
    """
    if lm.source is None:
        raise ModelError(f"{lm.name} was made in this process; save it and load it, for workers to have it")
    return replace(lm.source, called=lm.name)


def load(
    name: str, *, dtype: torch.dtype | None = None, device: str | torch.device | None = None, seed: int = 0
) -> LanguageModel:
    """Load a model for reading: on the GPU when there is one, in bfloat16 there and in float32 on a CPU.

    Raises:
        ModelError: there is no such model, it cannot be fetched, or it lacks safetensors or a tokenizer.
    """
    bare, fresh = name.removesuffix(RANDOM), name.endswith(RANDOM)
    folder = find(bare, weights=not fresh)
    place = torch.device(device or default_device())
    kind = torch.float32 if place.type == "cpu" else dtype or torch.bfloat16
    if not fresh:
        refuse_unless_it_fits(Need(_weights_gb(folder, kind)), folder, memory=_free_at(place))
    try:
        with quiet_transformers():
            tokenizer = AutoTokenizer.from_pretrained(folder)
            model = _fresh(folder, seed) if fresh else _stored(folder, kind)
    except (OSError, ValueError, KeyError, TypeError, StrictDataclassError) as error:
        raise ModelError(f"{name}: {folder} cannot be loaded as a causal language model: {error}") from error
    if tokenizer.eos_token_id is None:
        raise ModelError(f"{name}: its tokenizer names no end-of-text token, so answers could never end")
    print_of = fingerprint_of(folder)
    _refuse_damage(folder, print_of)
    if fresh:
        print_of = content_id("random", print_of, str(seed))
    where = _absolute(folder, name) if Path(bare).expanduser().is_dir() else name
    told = None if dtype is None else str(dtype).removeprefix("torch.")
    source = Source(where, name, print_of, seed, told)
    return LanguageModel(model.to(place, kind).eval(), tokenizer, name, print_of, source)


def _absolute(folder: Path, name: str) -> str:
    """Name a folder as processes with another working directory find it."""
    return f"{folder.absolute()}{RANDOM if name.endswith(RANDOM) else ''}"


def default_device() -> str:
    """Name the GPU of this process among those that a launcher started, the GPU there is, or the CPU."""
    if not torch.cuda.is_available():
        return "cpu"
    return own_device() or "cuda"


def _weights_gb(folder: Path, kind: torch.dtype) -> float:
    """Reckon what the weights will take in memory: most are stored in two bytes, and a CPU wants four."""
    stored = sum(path.stat().st_size for path in folder.glob("*.safetensors"))
    try:
        config = read_json(folder / "config.json")
        told = str(config.get("dtype") or config.get("torch_dtype") or "float32")
    except (OSError, ValueError, AttributeError):
        told = "float32"  # loading it will say what is wrong
    return stored * kind.itemsize / (2 if "16" in told else 4) / 1e9


def _free_at(place: torch.device) -> float | None:
    return torch.cuda.mem_get_info(place)[0] / 1e9 if place.type == "cuda" else None


def _refuse_damage(folder: Path, found: str) -> None:
    """Compare a model that cotmill trained with what its training wrote.

    Raises:
        ModelError: a file of it has changed.
    """
    record = folder / TRAINED
    if not record.is_file():
        return
    told = read_json(record)
    if told.get("result", {}).get("fingerprint", found) == found:
        return
    wrong = damage_of(folder, told.get("files", {})) or f"{folder} holds other files than were written"
    raise ModelError(f"{wrong}; train again, or remove {record} if the change was meant")


def _stored(folder: Path, kind: torch.dtype) -> Any:
    """Read the weights."""
    return AutoModelForCausalLM.from_pretrained(folder, dtype=kind, use_safetensors=True)


def _fresh(folder: Path, seed: int) -> Any:
    """Draw weights for the shape in the folder; the same for the same seed."""
    config = AutoConfig.from_pretrained(folder)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed_of(seed, "weights"))
        return AutoModelForCausalLM.from_config(config, dtype=torch.float32)


def find(name: str, *, weights: bool = True) -> Path:
    """Find the folder that holds a model, fetching it if it is a hub name.

    Raises:
        ModelError: there is none; the message says what was looked for and what to type.
    """
    if name.startswith(LAB):
        return _shipped(name, weights=weights)
    folder = _from_store(name) if is_address(name) else Path(name).expanduser()
    mirror.needed(folder)
    if folder.is_dir():
        if not (folder / "config.json").is_file():
            raise ModelError(f"{folder} is a folder without config.json; name the folder of a saved model")
        return folder
    if name.startswith((".", "/", "~")) or name.count("/") > 1:
        raise ModelError(f"there is no folder {name}; name the folder of a saved model, or a hub model")
    return _fetched(name, weights=weights)


@lru_cache(maxsize=4)
def _copied(address: str) -> tuple[Scratch, Path]:
    """Fetch a model from an address, once in a process; it lasts as long as the process."""
    scratch = Scratch()
    return scratch, fetched(address, scratch.path())


def _from_store(address: str) -> Path:
    return _copied(address)[1]


def lab_folder() -> Path:
    """Name the folder in which the lab's models ship, one folder each."""
    return Path(str(importlib.resources.files("cotmill"))) / "lab" / "assets"


def _shipped(name: str, *, weights: bool) -> Path:
    """Find a model of the lab."""
    folder = lab_folder() / name.removeprefix(LAB)
    needed = "model.safetensors" if weights else "config.json"
    if (folder / needed).is_file():
        return folder
    have = sorted(LAB + path.parent.name for path in lab_folder().glob("*/model.safetensors"))
    raise ModelError(
        f"{name} does not ship with this package (there are: {', '.join(have) or 'none'}); make it with: "
        f"cotmill lab pretrain {name} --tokens 16e6 --out FOLDER, then name the folder"
    )


def _fetched(name: str, *, weights: bool) -> Path:
    """Fetch a model from the hub, or find it in the cache."""
    wanted = ["*.json", "*.model", "*.jinja", "*.txt", *(["*.safetensors"] if weights else [])]
    try:
        return Path(snapshot_download(name, allow_patterns=wanted))
    except (LocalEntryNotFoundError, HfHubHTTPError, HFValidationError, OSError) as error:
        raise ModelError(
            f"{name} is neither a folder here nor a model that could be fetched from the hub "
            f"({type(error).__name__}); check the name and the connection, or name a folder. "
            f"Models that need no connection: {LAB}llama-0.25m, {LAB}llama-0.9m, …"
        ) from error


def fingerprint_of(folder: Path) -> str:
    """Hash the files that decide what a model computes."""
    files = sorted({path for pattern in IDENTITY for path in folder.glob(pattern)})
    return content_id(*(part for path in files for part in (path.name, _hash(path))))


def _hash(path: Path) -> str:
    """Hash one file; files in the hub's cache are named by their hash already."""
    target = path.resolve()
    return target.name if _HUB_HASH.fullmatch(target.name) else sha256_of(target)


def longest_row(config: Any, tokenizer: Any) -> int:
    """Most tokens in a row: the positions of the model, and what its tokenizer says, if less."""
    text = config.get_text_config()
    positions = getattr(text, "max_position_embeddings", None) or getattr(text, "n_positions", None)
    told = [length for length in (positions, getattr(tokenizer, "model_max_length", None)) if length]
    return int(min(told)) if told else 2**20
