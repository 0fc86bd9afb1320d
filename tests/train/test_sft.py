"""Fine-tuning: the right loss on the right tokens, the same bytes however it is interrupted."""

from __future__ import annotations

import filecmp
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest
import torch
from torch.nn import functional
from transformers import TrainerCallback

from cotmill.core.errors import DataError, ModelError, RunError
from cotmill.data.pool import Pool
from cotmill.model.load import load
from cotmill.model.loss import token_losses
from cotmill.model.snapshots import snapshots_of
from cotmill.model.tokenise import tokenise
from cotmill.train.collate import PackingCollator, RowCollator
from cotmill.train.config import LoraConfig, TrainConfig
from cotmill.train.sft import Extras, train

QUICK = TrainConfig(steps=6, batch_size=8, learning_rate=5e-3)
TIMING = "timing.json"
SAME = 2e-5
"""Float32 sums in another order differ by less."""


class Killed(BaseException):
    """Not an Exception, as little as a kill is one."""


class KillAt(TrainerCallback):
    def __init__(self, step):
        self.step = step

    def on_step_end(self, args, state, control, **kwargs):  # noqa: ARG002
        if state.global_step == self.step:
            raise Killed


def same_bytes(first: Path, second: Path) -> bool:
    files = sorted(path.relative_to(first) for path in first.rglob("*") if path.is_file())
    assert files == sorted(path.relative_to(second) for path in second.rglob("*") if path.is_file())
    return all(
        filecmp.cmp(first / name, second / name, shallow=False) for name in files if name.name != TIMING
    )


def losses_of(folder: Path) -> list[float]:
    return pq.read_table(folder / "train_log.parquet")["loss"].to_pylist()


@pytest.fixture(scope="module")
def plain(base, pool, tmp_path_factory):
    out = tmp_path_factory.mktemp("plain") / "out"
    return out, train(str(base), pool, QUICK, out=out, seed=0, threads=1)


def by_hand(base, pool, config, steps):
    """A loop in plain torch over the same batches: AdamW, clipping, warm-up and cosine."""
    from cotmill.train.schedule import schedule

    lm = load(str(base))
    rows = tokenise(lm.tokenizer, pool, max_length=256)
    positions = schedule(rows.row_ids, rows.lengths, config, seed=0)["position"]
    lm.model.train()
    decayed = [p for p in lm.model.parameters() if p.ndim > 1]
    rest = [p for p in lm.model.parameters() if p.ndim == 1]
    groups = [{"params": decayed, "weight_decay": 0.1}, {"params": rest, "weight_decay": 0.0}]
    optimiser = torch.optim.AdamW(groups, lr=config.learning_rate, betas=(0.9, 0.95))
    losses = []
    for step in range(steps):
        batch = RowCollator(rows, 0)(
            [{"position": int(place)} for place in positions[step * 8 : step * 8 + 8]]
        )
        logits = lm.model(input_ids=batch["input_ids"], attention_mask=batch["attention_mask"]).logits
        loss = functional.cross_entropy(logits[:, :-1].flatten(0, 1), batch["labels"][:, 1:].flatten())
        loss.backward()
        torch.nn.utils.clip_grad_norm_(lm.model.parameters(), 1.0)
        for group in optimiser.param_groups:
            group["lr"] = config.learning_rate * 0.5 * (1 + np.cos(np.pi * step / steps))
        optimiser.step()
        optimiser.zero_grad()
        losses.append(loss.item())
    return losses


def test_training_is_the_textbook_loop(base, pool, plain):
    wanted = by_hand(base, pool, QUICK, 6)
    np.testing.assert_allclose(losses_of(plain[0]), wanted, atol=1e-3)
    assert wanted[-1] < wanted[0] - 0.5


def test_what_is_written_says_what_was_done(base, pool, plain):
    out, result = plain
    assert result.rows == 50
    assert result.steps == 6
    assert result.epochs == pytest.approx(48 / 50)
    assert result.pool_fingerprint == pool.fingerprint
    assert result.fingerprint == load(str(out)).fingerprint
    assert result.base_fingerprint == load(str(base)).fingerprint
    assert 0 < result.label_tokens < result.tokens
    log = pq.read_table(out / "train_log.parquet")
    assert log["step"].to_pylist() == [1, 2, 3, 4, 5, 6]
    assert not out.with_name("out.work").exists()


def test_the_same_run_gives_the_same_bytes_and_another_seed_does_not(base, pool, plain, tmp_path):
    train(str(base), pool, QUICK, out=tmp_path / "again", seed=0, threads=1)
    assert same_bytes(plain[0], tmp_path / "again")
    train(str(base), pool, QUICK, out=tmp_path / "other", seed=1, threads=1)
    assert losses_of(tmp_path / "other") != losses_of(plain[0])


@pytest.mark.parametrize("step", [3, 5])
def test_a_run_killed_after_a_checkpoint_ends_in_the_same_bytes(base, pool, plain, tmp_path, step):
    config = QUICK.model_copy(update={"checkpoint_every": 2})
    with pytest.raises(Killed):
        train(
            str(base), pool, config, out=tmp_path / "out", seed=0, threads=1,
            extras=Extras(callbacks=(KillAt(step),)),
        )  # fmt: skip
    assert not (tmp_path / "out").exists()
    assert (tmp_path / "out.work" / f"checkpoint-{step // 2 * 2}").is_dir()
    train(str(base), pool, config, out=tmp_path / "out", seed=0, threads=1)
    assert same_bytes(plain[0], tmp_path / "out")


def test_a_finished_run_is_not_repeated_and_another_is_not_overwritten(base, pool, plain):
    out, result = plain
    assert train(str(base), pool, QUICK, out=out, seed=0, threads=1) == result
    with pytest.raises(RunError, match="another training \\(different seed\\)"):
        train(str(base), pool, QUICK, out=out, seed=1, threads=1)


def test_a_kill_while_the_result_is_being_written_loses_nothing(base, pool, tmp_path, monkeypatch):
    config = QUICK.model_copy(update={"checkpoint_every": 3})
    train(str(base), pool, config, out=tmp_path / "whole", seed=0, threads=1, checkpoints=3)

    def killed(*_):
        raise Killed

    with monkeypatch.context() as patch:
        patch.setattr("cotmill.train.write.log_table", killed)
        with pytest.raises(Killed):
            train(str(base), pool, config, out=tmp_path / "out", seed=0, threads=1, checkpoints=3)
    with monkeypatch.context() as patch:
        patch.setattr("cotmill.train.write.write_json", killed)
        with pytest.raises(Killed):
            train(str(base), pool, config, out=tmp_path / "out", seed=0, threads=1, checkpoints=3)
    train(str(base), pool, config, out=tmp_path / "out", seed=0, threads=1, checkpoints=3)
    assert same_bytes(tmp_path / "whole", tmp_path / "out")
    (tmp_path / "out.work").mkdir()
    train(str(base), pool, config, out=tmp_path / "out", seed=0, threads=1, checkpoints=3)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["out", "whole"]


def test_a_sweep_sees_the_model_at_even_steps_and_no_weights_are_kept(base, pool, plain, tmp_path):
    points = {}

    def sweep(step, lm):
        points[step] = token_losses(lm, tokenise(lm.tokenizer, pool, max_length=256)).values.mean()
        assert not lm.model.training

    extras = Extras(name="sweep", sweep=sweep)
    train(str(base), pool, QUICK, out=tmp_path / "out", seed=0, threads=1, checkpoints=3, extras=extras)
    assert list(points) == [2, 4, 6]
    assert points[6] < points[2]
    assert not (tmp_path / "out" / "snapshots").exists()
    assert losses_of(tmp_path / "out") == losses_of(plain[0])


def test_micro_batches_change_nothing_but_rounding(base, pool, plain, tmp_path):
    config = QUICK.model_copy(update={"accumulate": 4})
    train(str(base), pool, config, out=tmp_path / "out", seed=0, threads=1)
    np.testing.assert_allclose(losses_of(tmp_path / "out"), losses_of(plain[0]), atol=2e-3)


def test_packing_changes_nothing_but_rounding(base, pool, plain, tmp_path):
    config = QUICK.model_copy(update={"packing": True})
    train(str(base), pool, config, out=tmp_path / "out", seed=0, threads=1)
    np.testing.assert_allclose(losses_of(tmp_path / "out"), losses_of(plain[0]), atol=2e-3)


def test_packed_rows_do_not_see_each_other(base, pool):
    lm = load(str(base))
    rows = tokenise(lm.tokenizer, pool, max_length=256)
    entries = [{"position": place} for place in range(8)]
    packed, padded = PackingCollator(rows, 0, width=256)(entries), RowCollator(rows, 0)(entries)
    assert packed["input_ids"].shape[0] < 8
    assert (packed["labels"] != -100).sum() == (padded["labels"] != -100).sum()

    def summed(batch):
        with torch.inference_mode():
            inputs = {name: batch[name] for name in ("input_ids", "position_ids") if name in batch}
            logits = lm.model(**inputs, use_cache=False).logits[:, :-1].flatten(0, 1)
        return functional.cross_entropy(logits, batch["labels"][:, 1:].flatten(), reduction="sum").item()

    assert summed(packed) == pytest.approx(summed(padded), rel=SAME)


def test_adapters_train_few_weights_and_are_merged_into_what_is_written(base, pool, tmp_path):
    config = QUICK.model_copy(update={"lora": LoraConfig(rank=4, dropout=0.1), "learning_rate": 0.02})
    train(str(base), pool, config, out=tmp_path / "out", seed=0, threads=1, checkpoints=1)
    assert losses_of(tmp_path / "out")[-1] < losses_of(tmp_path / "out")[0] - 0.05
    assert (tmp_path / "out" / "adapter" / "adapter_model.safetensors").is_file()
    before, after = load(str(base)).model, load(str(tmp_path / "out")).model
    assert torch.equal(before.model.embed_tokens.weight, after.model.embed_tokens.weight)
    changed = after.model.layers[0].self_attn.q_proj.weight - before.model.layers[0].self_attn.q_proj.weight
    assert torch.linalg.matrix_rank(changed, tol=1e-5) == 4
    kept = load(str(snapshots_of(tmp_path / "out")[6])).model
    assert torch.allclose(kept.model.layers[0].self_attn.q_proj.weight,
                          after.model.layers[0].self_attn.q_proj.weight)  # fmt: skip


def test_snapshots_are_even_and_the_last_one_is_the_result(base, pool, plain, tmp_path):
    train(str(base), pool, QUICK, out=tmp_path / "out", seed=0, threads=1, checkpoints=3)
    kept = snapshots_of(tmp_path / "out")
    assert list(kept) == [2, 4, 6]
    assert load(str(kept[6])).fingerprint == load(str(plain[0])).fingerprint
    assert losses_of(tmp_path / "out") == losses_of(plain[0])


def test_held_out_loss_is_measured_on_the_way_and_does_not_disturb(base, pool, plain, tmp_path):
    config = QUICK.model_copy(update={"eval_every": 4})
    result = train(
        str(base), pool, config, out=tmp_path / "out", seed=0, threads=1, held_out=pool.take(pool.ids[:9])
    )
    log = pq.read_table(tmp_path / "out" / "train_log.parquet")
    found = log["held_out_loss"].to_pylist()
    assert [loss is not None for loss in found] == [False, False, False, True, False, True]
    assert found[5] == result.held_out_loss
    assert losses_of(tmp_path / "out") == losses_of(plain[0])


def test_a_collator_of_ones_own_sees_position_visit_and_step(base, pool, tmp_path):
    seen = []

    def make(rows, pad):
        inner = RowCollator(rows, pad)

        def collate(entries):
            seen.extend((entry["step"], entry["visit"]) for entry in entries)
            return inner(entries)

        return collate

    extras = Extras(name="watching", collator=make)
    train(str(base), pool, QUICK.model_copy(update={"steps": 8}), out=tmp_path / "o", seed=0, extras=extras)
    assert [step for step, _ in seen] == sorted(np.repeat(np.arange(8), 8).tolist())
    assert {visit for _, visit in seen} == {0, 1}


def test_a_loss_that_is_no_number_ends_the_run_with_a_sentence(base, pool, tmp_path):
    config = QUICK.model_copy(update={"learning_rate": 1e30, "warmup": 0.0})
    with pytest.raises(ModelError, match=r"loss is .* at step .*try a tenth"):
        train(str(base), pool, config, out=tmp_path / "out", seed=0, threads=1)


def test_rows_that_teach_nothing_are_refused_before_training(base, tmp_path):
    rows = [{"question": "How many?", "trace": "4\n#### 4"}, {"question": "And now?", "trace": ""}]
    with pytest.raises(DataError, match="1 of 2 rows have no token that carries loss"):
        train(str(base), Pool.from_rows(rows), QUICK, out=tmp_path / "out", seed=0)
    config = QUICK.model_copy(update={"empty_rows": "leave out", "steps": 1})
    assert train(str(base), Pool.from_rows(rows), config, out=tmp_path / "out", seed=0).left_out == 1
    with pytest.raises(DataError, match="none of the 1 rows has an answer token within"):
        train(str(base), Pool.from_rows(rows[1:]), config, out=tmp_path / "none", seed=0)
    with pytest.raises(DataError, match="no rows"):
        train(str(base), Pool.from_rows(rows).take([]), QUICK, out=tmp_path / "empty", seed=0)
