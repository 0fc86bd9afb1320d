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


@pytest.fixture(scope="session")
def model_folder(tmp_path_factory) -> Path:
    """Write a GPT-NeoX of 30 thousand parameters with the lab's tokenizer, and give its folder."""
    import torch
    from transformers import AutoTokenizer, GPTNeoXConfig, GPTNeoXForCausalLM

    from cotmill.lab.tokenizer import write_tokenizer

    folder = tmp_path_factory.mktemp("tiny") / "tiny-neox"
    write_tokenizer(folder)
    shape = {"hidden_size": 32, "intermediate_size": 64, "num_hidden_layers": 1, "num_attention_heads": 2}
    size = len(AutoTokenizer.from_pretrained(folder))
    with torch.random.fork_rng():
        torch.manual_seed(0)
        model = GPTNeoXForCausalLM(GPTNeoXConfig(**shape, vocab_size=size, max_position_embeddings=96))
    model.save_pretrained(folder)
    return folder
