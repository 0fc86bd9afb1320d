"""A training that is asked to stop, and results and checkpoints that were damaged afterwards."""

import os
import signal

import pytest
from transformers import TrainerCallback

from cotmill.core.errors import ModelError, RunError
from cotmill.core.stopping import Stopped, stop_on_signals
from cotmill.model.load import load
from cotmill.train.config import TrainConfig
from cotmill.train.sft import Extras, train, work_folder
from cotmill.train.trainer import last_checkpoint

CONFIG = TrainConfig(steps=12, batch_size=4, accumulate=2)


@pytest.fixture(scope="module")
def whole(base, pool, tmp_path_factory):
    """Train to the end, undisturbed."""
    out = tmp_path_factory.mktemp("whole") / "model"
    return out, train(str(base), pool, CONFIG, out=out, seed=0, threads=1)


def spoil(path):
    """Flip a bit in the middle of a file."""
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(bytes(content))


class SignalAt(TrainerCallback):
    """Sends this process a signal in the middle of a step."""

    def __init__(self, step):
        self.step = step

    def on_substep_end(self, args, state, control, **kwargs):
        del args, control, kwargs
        if state.global_step + 1 == self.step:
            os.kill(os.getpid(), signal.SIGTERM)


def stopped_at(step, base, pool, out):
    """Train until a signal comes in this step."""
    extras = Extras(callbacks=(SignalAt(step),))
    with pytest.raises(Stopped, match="SIGTERM"), stop_on_signals():
        train(str(base), pool, CONFIG, out=out, seed=0, threads=1, extras=extras)
    return last_checkpoint(work_folder(out))


def test_a_training_that_is_stopped_saves_its_step_and_ends_in_the_same_bytes(base, pool, whole, tmp_path):
    checkpoint = stopped_at(7, base, pool, tmp_path / "model")
    assert checkpoint.name == "checkpoint-7"
    found = train(str(base), pool, CONFIG, out=tmp_path / "model", seed=0, threads=1)
    assert found.fingerprint == whole[1].fingerprint


def test_a_damaged_checkpoint_is_named_and_left_out(base, pool, whole, tmp_path, capfd):
    checkpoint = stopped_at(7, base, pool, tmp_path / "model")
    spoil(checkpoint / "model.safetensors")
    found = train(str(base), pool, CONFIG, out=tmp_path / "model", seed=0, threads=1)
    assert f"{checkpoint / 'model.safetensors'} has changed" in capfd.readouterr().err
    assert found.fingerprint == whole[1].fingerprint


def test_damaged_weights_are_named_and_neither_used_nor_taken_for_done(base, pool, tmp_path):
    config, out = TrainConfig(steps=2, batch_size=4), tmp_path / "model"
    train(str(base), pool, config, out=out, seed=0, threads=1)
    spoil(out / "model.safetensors")
    with pytest.raises(RunError, match=r"model\.safetensors has changed since it was written; remove"):
        train(str(base), pool, config, out=out, seed=0, threads=1)
    with pytest.raises(ModelError, match=r"model\.safetensors has changed since it was written"):
        load(str(out))
