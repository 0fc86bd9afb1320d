"""Put pre-trained models where the package ships them: float16 weights and a manifest.

float16 halves the files; its rounding (2^-11 of a weight) is far below what a training step changes.
"""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file, save_file

from cotmill.core.errors import ModelError
from cotmill.core.files import folder_aside, read_json, sha256_of, write_json

WEIGHTS, RECORD, MANIFEST = "model.safetensors", "pretraining.json", "manifest.json"
BESIDE = ("config.json", "generation_config.json", "tokenizer.json", "tokenizer_config.json")
LIMIT_BYTES = 16_000_000
"""All shipped models together: a package that is cloned and installed in seconds."""


def ship(folders: Sequence[Path], assets: Path) -> dict[str, Any]:
    """Write each pre-trained folder to `assets` in float16 and add it to the manifest, which is returned.

    Raises:
        ModelError: a folder was not made by `cotmill lab pretrain`, or all models exceed 16 MB.
    """
    path = assets / MANIFEST
    manifest: dict[str, Any] = read_json(path) if path.is_file() else {}
    for folder in folders:
        if not (folder / RECORD).is_file():
            raise ModelError(f"{folder} has no {RECORD}; name a folder that `cotmill lab pretrain` wrote")
        record = read_json(folder / RECORD)
        manifest[record["name"]] = _ship_one(folder, record, assets / record["name"])
    total = sum(file.stat().st_size for file in assets.rglob("*") if file.is_file())
    if total > LIMIT_BYTES:
        raise ModelError(f"the shipped models take {total:,} bytes together; the limit is {LIMIT_BYTES:,}")
    write_json(path, manifest)
    return manifest


def _ship_one(folder: Path, record: dict[str, Any], place: Path) -> dict[str, Any]:
    """Write one model and return its entry in the manifest."""
    with folder_aside(place) as part:
        tensors = {name: tensor.to(torch.float16) for name, tensor in load_file(folder / WEIGHTS).items()}
        save_file(tensors, part / WEIGHTS, metadata={"format": "pt"})
        for name in BESIDE:
            if (folder / name).is_file():
                shutil.copyfile(folder / name, part / name)
    return record | {"shipped": {path.name: sha256_of(path) for path in sorted(place.iterdir())}}
