"""Training in several processes, here two on one CPU."""

from __future__ import annotations

import numpy as np
import pyarrow.parquet as pq
import pytest

from cotmill.core.errors import RecipeError
from cotmill.train.config import TrainConfig
from cotmill.train.launch import launch
from cotmill.train.sft import train

CONFIG = TrainConfig(steps=4, batch_size=8, learning_rate=5e-3)


@pytest.mark.slow
def test_two_processes_train_as_one_does_but_for_rounding(base, pool, tmp_path):
    train(str(base), pool, CONFIG, out=tmp_path / "one", seed=0, threads=1)
    result = launch(
        str(base), pool, CONFIG, out=tmp_path / "two", seed=0, threads=1, checkpoints=2, processes=2
    )
    one, two = (
        pq.read_table(tmp_path / name / "train_log.parquet")["loss"].to_numpy() for name in ("one", "two")
    )
    np.testing.assert_allclose(two, one, atol=2e-3)
    assert result.steps == 4
    assert sorted(path.name for path in tmp_path.iterdir()) == ["one", "two"]


def test_a_batch_that_cannot_be_shared_evenly_is_refused(base, pool, tmp_path):
    with pytest.raises(RecipeError, match="cannot be shared by 3 processes"):
        launch(str(base), pool, CONFIG, out=tmp_path / "out", seed=0, processes=3)
