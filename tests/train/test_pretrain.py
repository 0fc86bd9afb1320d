"""Pre-training: blocks without padding, exact resumption, the facts beside the weights."""

from __future__ import annotations

import filecmp

import numpy as np
import pytest
from transformers import AutoTokenizer, LlamaConfig, TrainerCallback

from cotmill.core.errors import DataError, RunError
from cotmill.core.files import read_json
from cotmill.model.load import load
from cotmill.train.config import TrainConfig
from cotmill.train.pretrain import BLOCK, blocks_of, pretrain

CONFIG = TrainConfig(steps=1, batch_size=4, learning_rate=3e-3, checkpoint_every=2)


class Killed(BaseException):
    """Not an Exception, as little as a kill is one."""


class KillAt(TrainerCallback):
    def on_step_end(self, args, state, control, **kwargs):  # noqa: ARG002
        if state.global_step == 3:
            raise Killed


def texts():
    for n in range(10_000):
        yield f"Ann has {n} pens and {n % 7} eggs."


def run(tokens_of, out, callbacks=(), **options):
    tokenizer = AutoTokenizer.from_pretrained(tokens_of)
    shape = {"hidden_size": 32, "intermediate_size": 64, "num_hidden_layers": 1, "num_attention_heads": 2}
    return pretrain(
        "toy", texts(), tokenizer, tokens=5 * 4 * BLOCK, threads=1, config=CONFIG, out=out,
        model_config=LlamaConfig(vocab_size=len(tokenizer), **shape), held_out=["Tom has 9 pens."] * 40,
        callbacks=callbacks, **({"seed": 0} | options),
    )  # fmt: skip


def test_documents_are_joined_by_the_end_of_text_token_without_padding(base):
    tokenizer = AutoTokenizer.from_pretrained(base)
    blocks = blocks_of(texts(), tokenizer, tokens=1000)
    assert blocks.shape == (7, BLOCK)
    joined = tokenizer.decode(blocks.ravel().tolist())
    assert joined.startswith("Ann has 0 pens and 0 eggs.<eos>Ann has 1 pens")
    assert not (blocks == tokenizer.pad_token_id).any()
    with pytest.raises(DataError, match="were asked for"):
        blocks_of(["Ann has 1 pen."], tokenizer, tokens=1000)


def test_a_killed_pre_training_ends_in_the_same_weights(base, tmp_path):
    facts = run(base, tmp_path / "whole")
    with pytest.raises(Killed):
        run(base, tmp_path / "killed", [KillAt()])
    assert run(base, tmp_path / "killed") == facts
    for name in ("model.safetensors", "config.json", "pretraining.json"):
        assert filecmp.cmp(tmp_path / "whole" / name, tmp_path / "killed" / name, shallow=False)
    assert run(base, tmp_path / "whole") == facts
    written = read_json(tmp_path / "whole" / "pretraining.json")
    assert written["tokens"] == 5 * 4 * BLOCK
    assert written["steps"] == 5
    assert np.isfinite(written["held_out_loss"])
    assert load(str(tmp_path / "whole")).tokenizer.eos_token == "<eos>"


def test_pre_training_goes_on_from_earlier_weights_and_records_them(base, tmp_path):
    first = run(base, tmp_path / "first")
    then = run(base, tmp_path / "then", seed=1, base=tmp_path / "first")
    assert then["before"]["tokens"] == first["tokens"]
    assert then["before"]["sha256"]["model.safetensors"]
    assert then["training_loss"] < first["training_loss"]
    with pytest.raises(RunError, match=r"has no pretraining\.json"):
        run(base, tmp_path / "never", seed=1, base=tmp_path / "nothing")
