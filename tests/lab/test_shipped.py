"""The weights that ship are the ones the manifest tells of, and they are small."""

import json

import pytest
from safetensors import safe_open

from cotmill.core.files import sha256_of
from cotmill.lab.models import ASSETS, NAMES, manifest_path

MANIFEST = json.loads(manifest_path().read_text())


def test_all_shipped_files_together_stay_under_sixteen_megabytes():
    assert sum(path.stat().st_size for path in ASSETS.rglob("*") if path.is_file()) <= 16_000_000


@pytest.mark.parametrize("name", sorted(MANIFEST))
def test_shipped_files_are_those_of_the_manifest(name):
    assert name in NAMES
    entry = MANIFEST[name]
    assert {path.name for path in (ASSETS / name).iterdir()} == set(entry["shipped"])
    for file, digest in entry["shipped"].items():
        assert sha256_of(ASSETS / name / file) == digest, file


@pytest.mark.parametrize("name", sorted(MANIFEST))
def test_shipped_weights_are_half_precision_and_count_as_told(name):
    with safe_open(ASSETS / name / "model.safetensors", framework="numpy") as tensors:
        arrays = [tensors.get_tensor(key) for key in tensors.keys()]  # noqa: SIM118 - not a mapping
    assert {str(array.dtype) for array in arrays} == {"float16"}
    assert sum(array.size for array in arrays) == MANIFEST[name]["parameters"]
