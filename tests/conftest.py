"""Shared by all tests: one thread, no network, and the real data sets where they are at hand."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

for name, value in {"OMP_NUM_THREADS": "1", "HF_HUB_OFFLINE": "1", "TOKENIZERS_PARALLELISM": "false"}.items():
    os.environ.setdefault(name, value)


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """Return the folder of real data sets: COTMILL_SHARED, or ../shared/data beside the repository."""
    given = os.environ.get("COTMILL_SHARED")
    folder = Path(given) if given else Path(__file__).resolve().parents[2] / "shared" / "data"
    if not (folder / "MANIFEST.tsv").is_file():
        pytest.skip(f"REAL DATA ABSENT: no MANIFEST.tsv in {folder}; set COTMILL_SHARED to run this test")
    return folder
