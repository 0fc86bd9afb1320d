"""Loading by path, hub name and lab name, with errors that say what to type."""

from __future__ import annotations

import json
import shutil

import pytest
import torch

from cotmill.core.errors import ModelError
from cotmill.model.load import fingerprint_of, load


def test_a_saved_model_is_loaded_in_float32_on_a_cpu(tiny_model):
    lm = load(str(tiny_model), device="cpu")
    assert lm.model.dtype == torch.float32
    assert not lm.model.training
    assert lm.max_length == 256
    assert lm.stop_ids == (3,)


def test_the_fingerprint_is_of_content_and_not_of_place(tiny_model, tmp_path):
    copy = shutil.copytree(tiny_model, tmp_path / "copy")
    (copy / "README.md").write_text("a card")
    assert fingerprint_of(copy) == fingerprint_of(tiny_model)
    config = copy / "config.json"
    config.write_text(config.read_text().replace('"rms_norm_eps": 1e-06', '"rms_norm_eps": 1e-05'))
    assert fingerprint_of(copy) != fingerprint_of(tiny_model)


def test_random_weights_follow_from_the_seed(tiny_model):
    first, again, other = (load(f"{tiny_model}@random", seed=seed) for seed in (0, 0, 1))
    assert torch.equal(first.model.model.embed_tokens.weight, again.model.model.embed_tokens.weight)
    assert not torch.equal(first.model.model.embed_tokens.weight, other.model.model.embed_tokens.weight)
    assert first.fingerprint == again.fingerprint
    assert len({first.fingerprint, other.fingerprint, load(str(tiny_model)).fingerprint}) == 3


def test_loading_leaves_the_global_random_state_alone(tiny_model):
    before = torch.random.get_rng_state()
    load(f"{tiny_model}@random")
    assert torch.equal(torch.random.get_rng_state(), before)


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("./nowhere", "there is no folder ./nowhere"),
        ("nobody/nothing", "neither a folder here nor a model that could be fetched"),
        ("lab:llama-9t", r"lab:llama-9t does not ship.*cotmill lab pretrain"),
    ],
)
def test_a_missing_model_is_said_with_what_to_type(name, said):
    with pytest.raises(ModelError, match=said):
        load(name)


def test_a_config_with_a_wrong_type_is_said_in_words(tmp_path, tiny_model):
    copy = shutil.copytree(tiny_model, tmp_path / "copy")
    config = json.loads((copy / "config.json").read_text())
    (copy / "config.json").write_text(json.dumps(config | {"hidden_size": "large"}))
    with pytest.raises(ModelError, match="cannot be loaded as a causal language model"):
        load(str(copy), device="cpu")


def test_a_folder_that_is_no_model_is_said(tmp_path, tiny_model):
    with pytest.raises(ModelError, match=r"without config\.json"):
        load(str(tmp_path))
    broken = shutil.copytree(tiny_model, tmp_path / "broken")
    (broken / "model.safetensors").unlink()
    torch.save({}, broken / "pytorch_model.bin")
    with pytest.raises(ModelError, match="cannot be loaded as a causal language model"):
        load(str(broken))
