"""A tiny model in a folder, a pool, and a Ray cluster of three nodes on this machine."""

from __future__ import annotations

from pathlib import Path

import pytest

from cotmill.data.pool import Pool


@pytest.fixture(scope="session")
def model_folder(tmp_path_factory) -> Path:
    """Write a model of 30 thousand parameters with the lab's tokenizer, and give its folder."""
    import torch
    from transformers import AutoTokenizer, GPTNeoXConfig, GPTNeoXForCausalLM

    from cotmill.lab.tokenizer import write_tokenizer

    folder = tmp_path_factory.mktemp("executed") / "tiny-neox"
    write_tokenizer(folder)
    shape = {"hidden_size": 32, "intermediate_size": 64, "num_hidden_layers": 1, "num_attention_heads": 2}
    size = len(AutoTokenizer.from_pretrained(folder))
    with torch.random.fork_rng():
        torch.manual_seed(0)
        model = GPTNeoXForCausalLM(GPTNeoXConfig(**shape, vocab_size=size, max_position_embeddings=96))
    model.save_pretrained(folder)
    return folder


@pytest.fixture(scope="session")
def pool() -> Pool:
    """Give 150 sums."""
    return Pool.from_rows(
        {"question": f"Ann has {n} pens.", "gold": str(2 * n), "trace": f"{n}+{n}={2 * n}\n#### {2 * n}"}
        for n in range(150)
    )
