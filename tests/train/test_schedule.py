"""The order of rows: a function of seed and ids, whole epochs, full batches."""

from __future__ import annotations

import numpy as np
import pytest

from cotmill.train.collate import first_fit
from cotmill.train.config import TrainConfig
from cotmill.train.schedule import schedule, slots_of

IDS = [f"{n:032x}" for n in range(100)]
LENGTHS = np.arange(100) % 37 + 5


def test_every_row_is_read_once_per_epoch_before_any_is_read_again():
    plan = schedule(IDS, LENGTHS, TrainConfig(epochs=3, batch_size=8, group_by_length=False), seed=0)
    for epoch in range(3):
        part = plan["position"][epoch * 100 : (epoch + 1) * 100]
        assert sorted(part.tolist()) == list(range(100))
        assert (plan["visit"][epoch * 100 : (epoch + 1) * 100] == epoch).all()
    assert plan["position"][:100].tolist() != plan["position"][100:200].tolist()


@pytest.mark.parametrize("grouped", [True, False])
def test_grouping_by_length_reads_the_same_rows_as_often(grouped):
    config = TrainConfig(steps=45, batch_size=8, group_by_length=grouped)
    plan = schedule(IDS, LENGTHS, config, seed=0)
    assert len(plan["position"]) == 45 * 8
    counts = np.bincount(plan["position"], minlength=100)
    assert set(counts.tolist()) <= {3, 4}
    assert sorted(plan["visit"].tolist()) == sorted(np.arange(360) // 100)
    assert plan["step"].tolist() == sorted(np.repeat(np.arange(45), 8).tolist())


def test_batches_grouped_by_length_hold_little_padding():
    lengths = np.random.default_rng(0).integers(10, 200, size=4096)
    ids = [f"{n:032x}" for n in range(4096)]

    def padded(grouped):
        config = TrainConfig(epochs=1, batch_size=32, group_by_length=grouped)
        chosen = lengths[schedule(ids, lengths, config, seed=0)["position"]].reshape(-1, 32)
        return chosen.max(axis=1).sum() * 32 / chosen.sum()

    assert padded(True) < 1.1 < 1.6 < padded(False)


def test_the_order_follows_from_the_seed_and_the_ids_alone():
    config = TrainConfig(epochs=1, batch_size=8, group_by_length=False)

    def order(ids, seed):
        return [ids[place] for place in schedule(ids, LENGTHS[: len(ids)], config, seed=seed)["position"]]

    assert order(IDS, 0) == order(IDS, 0) == order(IDS[::-1], 0)
    assert order(IDS, 0) != order(IDS, 1)
    half = IDS[::2]
    assert order(half, 0) == [row for row in order(IDS, 0) if row in half]


def test_budgets_in_steps_and_in_epochs_are_met_exactly():
    assert slots_of(1000, TrainConfig(steps=30, batch_size=32)) == 960
    assert slots_of(1000, TrainConfig(epochs=2.5, batch_size=32)) == 2500
    assert TrainConfig(epochs=2.5, batch_size=32).total_steps(1000) == 79
    with pytest.raises(ValueError, match=r"exactly one of steps and epochs.*got both"):
        TrainConfig(steps=3, epochs=1)
    with pytest.raises(ValueError, match="got neither"):
        TrainConfig()
    with pytest.raises(ValueError, match="multiple of accumulate"):
        TrainConfig(steps=3, batch_size=10, accumulate=4)


def test_packing_puts_every_row_in_one_line_that_it_fits():
    lengths = [7, 3, 9, 2, 2, 6, 1]
    lines = first_fit(lengths, 10)
    assert sorted(place for line in lines for place in line) == list(range(7))
    assert all(sum(lengths[place] for place in line) <= 10 for line in lines)
    assert len(lines) == 3
