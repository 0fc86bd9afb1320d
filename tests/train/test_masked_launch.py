"""Masked thought in two processes on one CPU."""

from __future__ import annotations

import numpy as np
import pyarrow.parquet as pq
import pytest

from cotmill.train.config import TrainConfig
from cotmill.train.launch import launch
from cotmill.train.sft import train


@pytest.mark.slow
def test_two_processes_noise_the_tokens_that_one_would(base, pool, tmp_path):
    config = TrainConfig(steps=3, batch_size=8, learning_rate=5e-3, mask={"schedule": "constant"})
    train(str(base), pool, config, out=tmp_path / "one", seed=0, threads=1)
    launch(str(base), pool, config, out=tmp_path / "two", seed=0, threads=1, processes=2)
    one, two = (pq.read_table(tmp_path / name / "train_log.parquet") for name in ("one", "two"))
    assert one["noised_share"].to_pylist() == two["noised_share"].to_pylist()
    for name in ("loss", "loss_clean_input", "loss_noised_input"):
        np.testing.assert_allclose(one[name].to_numpy(), two[name].to_numpy(), atol=2e-3)
