"""Losses that rows had when they were trained on, and sweeps inside the loop."""

from __future__ import annotations

import numpy as np
import pytest
from transformers import TrainerCallback
from typer.testing import CliRunner

from cotmill.cli.main import app
from cotmill.core.errors import EvidenceError, ModelError
from cotmill.evidence import Trajectories
from cotmill.measure.losses import measure_losses
from cotmill.model.load import load
from cotmill.train.config import TrainConfig
from cotmill.train.seen import RECORD, SeenLosses
from cotmill.train.sft import Extras, train

TWO = TrainConfig(epochs=2, batch_size=10, learning_rate=1e-9, max_length=64, empty_rows="leave out")
"""A rate so low that every loss is that of the base model."""


class KillAt(TrainerCallback):
    def on_step_end(self, args, state, control, **kwargs):  # noqa: ARG002
        if state.global_step == 3:
            raise KeyboardInterrupt


def test_every_visit_of_every_row_is_recorded_and_goes_on_after_a_kill(base, pool, tmp_path):
    config = TWO.model_copy(update={"checkpoint_every": 2})
    seen = SeenLosses(tmp_path / "work" / "seen.bin")
    with pytest.raises(KeyboardInterrupt):
        train(str(base), pool, config, out=tmp_path / "m", seed=0, threads=1,
              extras=Extras(name="seen", seen=seen, callbacks=(KillAt(),)))  # fmt: skip
    again = SeenLosses(tmp_path / "work" / "seen.bin")
    train(str(base), pool, config, out=tmp_path / "m", seed=0, threads=1, extras=Extras("seen", seen=again))
    found = again.trajectories(pool)
    assert found.steps.tolist() == [1, 2]
    assert found.row_ids.tolist() == pool.ids.tolist()
    losses = measure_losses(load(str(base)), pool, max_length=64)
    assert found.tokens.tolist() == losses.tokens.tolist()
    np.testing.assert_allclose(found.loss_sum[:, 0], losses.loss_sum, rtol=1e-3)
    records = np.fromfile(tmp_path / "work" / "seen.bin", dtype=RECORD)
    assert len(records) == 110, "one step was done twice"


def test_less_than_an_epoch_is_refused_and_packed_rows_cannot_be_told_apart(base, pool, tmp_path):
    seen = SeenLosses(tmp_path / "seen.bin")
    config = TrainConfig(steps=2, batch_size=10, learning_rate=1e-9)
    train(str(base), pool, config, out=tmp_path / "m", seed=0, threads=1, extras=Extras("seen", seen=seen))
    with pytest.raises(EvidenceError, match="one whole epoch of 50 rows"):
        seen.trajectories(pool)
    packed = config.model_copy(update={"packing": True})
    with pytest.raises(ModelError, match="packing to false"):
        train(
            str(base), pool, packed, out=tmp_path / "p", seed=0, threads=1, extras=Extras("seen", seen=seen)
        )


def test_a_consistency_term_leaves_no_loss_of_a_row_to_record(base, pool, tmp_path):
    seen = SeenLosses(tmp_path / "seen.bin")
    config = TrainConfig(steps=2, batch_size=10, mask={"ratio": 0.4, "consistency": 0.5})
    with pytest.raises(ModelError, match="set consistency to 0"):
        train(
            str(base), pool, config, out=tmp_path / "m", seed=0, threads=1, extras=Extras("seen", seen=seen)
        )


def test_the_command_records_both_kinds_while_it_trains(base, tmp_path):
    data = tmp_path / "rows.jsonl"
    lines = [
        f'{{"question": "{n} and {n}?", "answer": "{n}+{n}={2 * n}\\n#### {2 * n}"}}\n' for n in range(12)
    ]
    data.write_text("".join(lines))
    words = [
        "train",
        str(base),
        str(data),
        "--out",
        str(tmp_path / "m"),
        "--epochs",
        "2",
        "--batch-size",
        "4",
    ]
    words += ["--checkpoints", "2", "--threads", "1"]
    words += ["--trajectories", str(tmp_path / "t.parquet"), "--seen", str(tmp_path / "s.parquet")]
    result = CliRunner().invoke(app, words)
    assert result.exit_code == 0, result.output
    swept, seen = (Trajectories.read(tmp_path / name) for name in ("t.parquet", "s.parquet"))
    assert swept.steps.tolist() == [3, 6]
    assert seen.steps.tolist() == [1, 2]
    assert seen.row_ids.tolist() == swept.row_ids.tolist()
    assert swept.end_loss is not None
    assert not (tmp_path / "m" / "snapshots").exists()
    assert not list(tmp_path.glob("*.work"))
