"""A tiny model, a pool longer than a shard, and a short training with snapshots."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from transformers import AutoTokenizer, GPTNeoXConfig, GPTNeoXForCausalLM

from cotmill.data.pool import Pool
from cotmill.lab.tokenizer import write_tokenizer
from cotmill.model.load import LanguageModel, load


@pytest.fixture(scope="session")
def model_folder(tmp_path_factory) -> Path:
    """Write a GPT-NeoX of 50 thousand parameters with the lab's tokenizer, and give its folder."""
    folder = tmp_path_factory.mktemp("measured") / "tiny-neox"
    write_tokenizer(folder)
    shape = {"hidden_size": 32, "intermediate_size": 64, "num_hidden_layers": 1, "num_attention_heads": 2}
    size = len(AutoTokenizer.from_pretrained(folder))
    with torch.random.fork_rng():
        torch.manual_seed(0)
        model = GPTNeoXForCausalLM(GPTNeoXConfig(**shape, vocab_size=size, max_position_embeddings=96))
    model.save_pretrained(folder)
    return folder


@pytest.fixture(scope="session")
def lm(model_folder) -> LanguageModel:
    """Load it."""
    return load(str(model_folder))


@pytest.fixture(scope="session")
def pool() -> Pool:
    """Give 70 sums; one has no trace, one has a prompt longer than the model."""
    rows = [{"question": f"Ann has {n} pens.", "trace": f"{n}+{n}={2 * n}\n#### {2 * n}"} for n in range(68)]
    rows[9] = {"question": "What now?", "trace": ""}
    rows += [{"question": "Ann buys 2 pens. " * 40, "trace": "#### 80"}]
    rows += [{"question": "Ann buys 2 pens.", "trace": "2+2=4\n" * 40}]
    return Pool.from_rows(rows)


@pytest.fixture(autouse=True)
def short_shards(monkeypatch) -> None:
    """Cut the pool into five shards."""
    monkeypatch.setattr("cotmill.measure.shards.SHARD_ROWS", 16)
