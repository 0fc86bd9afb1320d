"""A model so small that a whole recipe trains it in a second."""

import json
import shutil
from pathlib import Path

import pytest

from cotmill.lab.models import ASSETS, POSITIONS, VOCABULARY


@pytest.fixture(scope="session")
def tiny_model(tmp_path_factory: pytest.TempPathFactory) -> str:
    """Name a model of 30,000 random parameters with the lab's tokenizer."""
    folder = tmp_path_factory.mktemp("tiny")
    config = {
        "model_type": "llama",
        "architectures": ["LlamaForCausalLM"],
        "vocab_size": VOCABULARY,
        "hidden_size": 16,
        "intermediate_size": 32,
        "num_hidden_layers": 2,
        "num_attention_heads": 2,
        "max_position_embeddings": POSITIONS,
        "tie_word_embeddings": True,
        "pad_token_id": 0,
        "eos_token_id": 1,
        "bos_token_id": 2,
    }
    (folder / "config.json").write_text(json.dumps(config))
    for name in ("tokenizer.json", "tokenizer_config.json"):
        shutil.copy(ASSETS / name, folder / name)
    return f"{folder}@random"


@pytest.fixture(scope="session")
def small_recipe(tiny_model: str, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Write a recipe that goes through every kind of step in a few seconds."""
    text = Path(__file__).with_name("small.yaml").read_text(encoding="utf-8")
    path = tmp_path_factory.mktemp("recipe") / "small.yaml"
    path.write_text(text.replace("MODEL", tiny_model), encoding="utf-8")
    return path
