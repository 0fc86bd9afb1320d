"""Evidence from a model and a pool: aligned, flagged, resumable, independent of how it was cut."""

from __future__ import annotations

import numpy as np
import pytest

from cotmill.core.errors import EvidenceError, RunError
from cotmill.data.pool import Pool
from cotmill.evidence import Losses, Trajectories
from cotmill.measure.lengths import measure_lengths
from cotmill.measure.losses import measure_losses
from cotmill.measure.shards import Part
from cotmill.measure.trajectories import TrajectoryRecorder, measure_trajectories
from cotmill.model.loss import token_losses
from cotmill.model.snapshots import snapshot_folder
from cotmill.model.tokenise import tokenise


def test_losses_are_those_of_the_tokens_in_the_pools_order(lm, pool):
    losses = measure_losses(lm, pool)
    direct = token_losses(lm, tokenise(lm.tokenizer, pool, max_length=96))
    assert losses.row_ids.tolist() == pool.ids.tolist()
    measured = losses.tokens > 0
    np.testing.assert_allclose(losses.loss_sum[measured], direct.sums[measured], rtol=1e-5)
    assert losses.pool_fingerprint == pool.fingerprint
    assert losses.model_fingerprint == lm.fingerprint
    assert losses.about["max_length"] == "96"


def test_rows_without_an_answer_token_are_flagged_and_have_no_loss(lm, pool):
    losses = measure_losses(lm, pool)
    assert np.flatnonzero(losses.unmeasured).tolist() == [9, 68]
    assert np.isnan(losses.loss_sum[[9, 68]]).all()
    assert np.flatnonzero(losses.truncated).tolist() == [68, 69]


def test_an_interrupted_measurement_goes_on_and_measures_nothing_twice(lm, pool, tmp_path, monkeypatch):
    whole = measure_losses(lm, pool, work=tmp_path / "work")
    assert sorted(path.name for path in (tmp_path / "work").glob("shard-*")) == [
        f"shard-{number:06d}.parquet" for number in range(5)
    ]
    (tmp_path / "work" / "shard-000003.parquet").unlink()
    measured = []

    def counting(model, rows, **settings):
        measured.append(len(rows))
        return token_losses(model, rows, **settings)

    monkeypatch.setattr("cotmill.measure.losses.token_losses", counting)
    again = measure_losses(lm, pool, work=tmp_path / "work")
    assert measured == [16]
    assert again.fingerprint == whole.fingerprint


def test_parts_measured_apart_are_joined_to_the_same_losses(lm, pool, tmp_path):
    sizes = [len(measure_losses(lm, pool, work=tmp_path / "work", part=Part(n, 3))) for n in range(3)]
    assert sizes == [32, 22, 16]
    joined = measure_losses(lm, pool, work=tmp_path / "work")
    assert joined.fingerprint == measure_losses(lm, pool).fingerprint
    with pytest.raises(EvidenceError, match="2/8"):
        Part.parse("9/8")


def test_a_work_folder_of_another_measurement_is_refused(lm, pool, tmp_path):
    measure_losses(lm, pool, work=tmp_path / "work")
    with pytest.raises(RunError, match="another max_length"):
        measure_losses(lm, pool, work=tmp_path / "work", max_length=50)
    with pytest.raises(RunError, match="another pool"):
        measure_losses(lm, pool.take(pool.ids[:20]), work=tmp_path / "work")


def test_lengths_count_prompt_answer_and_the_end(lm, pool):
    lengths = measure_lengths(lm, pool)
    rows = tokenise(lm.tokenizer, pool, max_length=96)
    assert lengths.tokens.tolist() == rows.lengths.tolist()
    assert lengths.tokens.max() == 96


def test_an_empty_pool_gives_empty_evidence(lm):
    empty = Pool.from_rows([{"question": "a", "trace": "b"}]).take([])
    assert len(measure_losses(lm, empty)) == 0
    assert len(measure_lengths(lm, empty)) == 0


def test_trajectories_join_the_losses_at_every_snapshot(lm, pool, tmp_path, model_folder):
    for step, scale in ((2, 1.0), (10, 0.5)):
        for part in lm.model.parameters():
            part.data.mul_(scale)
        lm.model.save_pretrained(snapshot_folder(tmp_path / "run", step))
        lm.tokenizer.save_pretrained(snapshot_folder(tmp_path / "run", step))
        for part in lm.model.parameters():
            part.data.div_(scale)
    found = measure_trajectories(tmp_path / "run", pool, work=tmp_path / "work")
    assert found.steps.tolist() == [2, 10]
    np.testing.assert_array_equal(found.loss_sum[:, 0], measure_losses(lm, pool).loss_sum)
    named = measure_trajectories({10: snapshot_folder(tmp_path / "run", 10), 2: model_folder}, pool)
    assert named.fingerprint == found.fingerprint
    with pytest.raises(EvidenceError, match=r"holds no snapshots.*--checkpoints"):
        measure_trajectories(tmp_path, pool)


def test_points_recorded_while_training_are_the_same_trajectories(lm, pool, tmp_path):
    recorder = TrajectoryRecorder(pool, tmp_path / "points")
    with pytest.raises(EvidenceError, match="no measured points"):
        recorder.trajectories()
    recorder(3, lm)
    recorder(6, lm)
    found = TrajectoryRecorder(pool, tmp_path / "points").trajectories()
    assert isinstance(found, Trajectories)
    assert found.steps.tolist() == [3, 6]
    losses = measure_losses(lm, pool)
    assert isinstance(losses, Losses)
    np.testing.assert_array_equal(found.loss_sum[:, 1], losses.loss_sum)
