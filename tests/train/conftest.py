"""A tiny model and a small pool to train on."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from transformers import AutoTokenizer, LlamaConfig, LlamaForCausalLM

from cotmill.data.pool import Pool
from cotmill.lab.tokenizer import write_tokenizer


@pytest.fixture(scope="session")
def base(tmp_path_factory) -> Path:
    """Write a Llama of 66 thousand parameters with the lab's tokenizer, and give its folder."""
    folder = tmp_path_factory.mktemp("base") / "tiny-llama"
    write_tokenizer(folder)
    shape = {"hidden_size": 32, "intermediate_size": 64, "num_hidden_layers": 2, "num_attention_heads": 2}
    config = LlamaConfig(
        **shape,
        vocab_size=len(AutoTokenizer.from_pretrained(folder)),
        max_position_embeddings=256,
        tie_word_embeddings=True,
        pad_token_id=0,
        eos_token_id=1,
        bos_token_id=2,
    )
    with torch.random.fork_rng():
        torch.manual_seed(0)
        LlamaForCausalLM(config).save_pretrained(folder)
    return folder


@pytest.fixture(scope="session")
def pool() -> Pool:
    """Give 50 sums, short and long."""
    rows = []
    for n in range(50):
        story = " ".join(f"Ann buys {n + k} pens." for k in range(1 + n % 5))
        answer = f"{n}+{n}={2 * n}\n" * (1 + n % 3) + f"#### {2 * n}"
        rows.append({"question": f"{story} How many?", "trace": answer, "gold": str(2 * n)})
    return Pool.from_rows(rows)
