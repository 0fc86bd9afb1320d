"""Masked thought: what is noised, what is not, and that nothing but (seed, epoch, row, step) decides it."""

from __future__ import annotations

import copy
import math

import numpy as np
import pyarrow.parquet as pq
import pytest
import torch
from pydantic import ValidationError
from transformers import TrainerCallback

from cotmill.core.errors import RecipeError
from cotmill.data.pool import Pool
from cotmill.model.batches import IGNORED
from cotmill.model.load import load
from cotmill.model.tokenise import tokenise
from cotmill.train.collate import PackingCollator, RowCollator
from cotmill.train.config import TrainConfig
from cotmill.train.masked.config import MaskConfig
from cotmill.train.masked.keys import ROWS, layout_of
from cotmill.train.masked.replace import replaced_ids
from cotmill.train.masked.trainer import Noise
from cotmill.train.masked.vocabulary import spare_id, vocabulary_of
from cotmill.train.sft import Extras, train

QUICK = TrainConfig(steps=6, batch_size=8, learning_rate=5e-3)
MASKED = QUICK.model_copy(update={"mask": MaskConfig(ratio=0.4, schedule="constant")})


@pytest.fixture(scope="module")
def lm(base):
    return load(str(base))


@pytest.fixture(scope="module")
def rows(lm, pool):
    return tokenise(lm.tokenizer, pool, max_length=256)


def noise_of(lm, seed=0, **settings) -> Noise:
    config = MaskConfig(**{"schedule": "constant", **settings})
    stand_in = spare_id(lm.model, lm.tokenizer) if config.replacement == "mask" else None
    return Noise(config, seed, vocabulary_of(lm.model, lm.tokenizer, config, stand_in), added=False)


def batch_of(rows, places=range(50), visit=0, keyed=False, packed=False):
    entries = [{"position": place, "visit": visit} for place in places]
    if packed:
        return PackingCollator(rows, 0, width=256, keyed=keyed)(entries)
    return RowCollator(rows, 0, keyed=keyed)(entries)


def by_row(batch, noised):
    """Collect, for every row of a batch in the order of its tokens, which of its tokens are noised."""
    layout = layout_of(batch)
    found = {}
    for key, place, flag, label in zip(
        layout.key.flatten().tolist(),
        layout.place.flatten().tolist(),
        noised.flatten().tolist(),
        batch["labels"].flatten().tolist(),
        strict=True,
    ):
        if label != IGNORED:
            found.setdefault(key, {})[place] = flag
    return found


def noised_by_row(noise, batch, ratio=0.4, epoch=0):
    _, chosen, _ = noise.of(batch, ratio=ratio, epoch=epoch)
    return by_row(batch, chosen.noised)


def test_the_schedule_is_exact_at_its_corners():
    paper, repo = MaskConfig(), MaskConfig(variant="repo")
    for total in (3, 90, 300, 2_997):
        third = total // 3
        assert [paper.ratio_at(step, total) for step in (0, third, 2 * third, total)] == [0, 0.2, 0.4, 0.4]
        assert repo.ratio_at(2 * third, total) == pytest.approx(0.4 * 2 * third / (2 * third + 1))
    assert [MaskConfig(schedule="constant").ratio_at(step, 90) for step in (0, 90)] == [0.4, 0.4]


def test_a_mask_can_be_asked_for_in_short():
    assert TrainConfig(steps=1, mask=0.4).mask == MaskConfig()
    assert TrainConfig(steps=1, mask="0.2").mask == MaskConfig(ratio=0.2)
    assert TrainConfig(steps=1, mask="repo").mask == MaskConfig(variant="repo")
    told = TrainConfig(steps=1, mask="ratio=0.2, only=digits+operators, answer=false").mask
    assert told == MaskConfig(ratio=0.2, only=("digits", "operators"), answer=False)
    for wrong in ("ratio=1.2", "colour=red", "nonsense", {"replacement": "mask", "strength": 2}):
        with pytest.raises(ValidationError):
            TrainConfig(steps=1, mask=wrong)


def test_only_labelled_tokens_are_noised_and_in_the_share_that_was_asked_for(lm, rows):
    noise, batch = noise_of(lm), batch_of(rows)
    shares = []
    for epoch in range(40):
        _, chosen, _ = noise.of(batch, ratio=0.4, epoch=epoch)
        assert not (chosen.noised & (batch["labels"] == IGNORED)).any()
        assert (chosen.eligible == (batch["labels"] != IGNORED)).all()
        shares.append(float(chosen.noised.sum() / chosen.eligible.sum()))
    count = 40 * int((batch["labels"] != IGNORED).sum())
    assert abs(np.mean(shares) - 0.4) < 3 * math.sqrt(0.24 / count)
    assert np.std(shares) == pytest.approx(math.sqrt(0.24 / (count / 40)), rel=0.4)


def test_neighbouring_tokens_rows_and_epochs_are_noised_independently(lm, rows):
    noise, batch = noise_of(lm), batch_of(rows)
    flags = [noise.of(batch, ratio=0.4, epoch=epoch)[1].noised.float() for epoch in range(60)]
    both = torch.stack(flags)[:, batch["labels"] != IGNORED].numpy()
    assert abs(np.corrcoef(both[:-1].ravel(), both[1:].ravel())[0, 1]) < 0.03
    assert abs(np.corrcoef(both[:, :-1].ravel(), both[:, 1:].ravel())[0, 1]) < 0.03


def test_ratio_0_noises_nothing_and_ratio_1_everything(lm, rows):
    noise, batch = noise_of(lm), batch_of(rows)
    assert not noise.of(batch, ratio=0.0, epoch=0)[1].noised.any()
    _, chosen, _ = noise.of(batch, ratio=1.0, epoch=0)
    assert (chosen.noised == chosen.eligible).all()


@pytest.mark.parametrize("keyed", [False, True])
def test_masks_do_not_depend_on_batch_padding_or_packing(lm, rows, keyed):
    noise = noise_of(lm, span=3)
    whole = noised_by_row(noise, batch_of(rows, keyed=keyed))
    apart = {}
    for begin in range(0, 50, 7):
        apart |= noised_by_row(noise, batch_of(rows, range(begin, min(begin + 7, 50)), keyed=keyed))
    packed = noised_by_row(noise, batch_of(rows, reversed(range(50)), keyed=keyed, packed=True))
    assert len(whole) == 50
    assert whole == apart == packed


def test_padding_on_the_left_changes_nothing(lm, rows):
    noise, right = noise_of(lm), batch_of(rows)
    left = {name: torch.zeros_like(part) for name, part in right.items()}
    left["labels"] += IGNORED
    for row, width in enumerate(right["attention_mask"].sum(1).tolist()):
        for name, part in right.items():
            left[name][row, -width:] = part[row, :width]
    assert noised_by_row(noise, left) == noised_by_row(noise, right)


def test_every_visit_and_every_seed_has_masks_of_its_own(lm, rows):
    keyed = [noised_by_row(noise_of(lm), batch_of(rows, visit=visit, keyed=True)) for visit in (0, 1)]
    assert list(keyed[0].values()) != list(keyed[1].values())
    epochs = [noised_by_row(noise_of(lm), batch_of(rows), epoch=epoch) for epoch in (0, 1, 0)]
    assert epochs[0] == epochs[2] != epochs[1]
    assert noised_by_row(noise_of(lm, seed=1), batch_of(rows)) != epochs[0]


def test_rows_with_the_same_words_have_keys_of_their_own_in_cotmills_trainer(lm):
    twice = Pool.from_rows([{"question": "How many?", "trace": "1+1=2\n" * 9 + "#### 2"}] * 2)
    rows = tokenise(lm.tokenizer, twice, max_length=256)
    assert len(noised_by_row(noise_of(lm), batch_of(rows, range(2), keyed=True))) == 2
    assert len(noised_by_row(noise_of(lm), batch_of(rows, range(2)))) == 1


def test_random_draws_every_ordinary_id_and_no_special_one(lm, rows):
    noise, batch = noise_of(lm, replacement="random"), batch_of(rows)
    drawn = []
    for epoch in range(30):
        layout, chosen, seed = noise.of(batch, ratio=1.0, epoch=epoch)
        ids = replaced_ids(batch["input_ids"], chosen.noised, layout, noise.vocabulary, seed=seed)
        assert (ids == batch["input_ids"])[~chosen.noised].all()
        drawn.append(ids[chosen.noised])
    counts = torch.bincount(torch.cat(drawn), minlength=len(lm.tokenizer)).numpy()
    assert not counts[lm.tokenizer.all_special_ids].any()
    ordinary = np.delete(counts, sorted({*lm.tokenizer.get_added_vocab().values()}))
    chi_square = ((ordinary - ordinary.mean()) ** 2 / ordinary.mean()).sum()
    assert abs(chi_square - len(ordinary)) < 5 * math.sqrt(2 * len(ordinary))
    repo = noise_of(lm, replacement="random", variant="repo")
    assert set(lm.tokenizer.all_special_ids) & set(repo.vocabulary.candidates.tolist())


def test_special_tokens_within_an_answer_are_left_alone(lm):
    text = [{"question": "How many?", "trace": "1+1<bos>=2\n#### 2"}]
    rows = tokenise(lm.tokenizer, Pool.from_rows(text), max_length=256)
    batch = batch_of(rows, range(1))
    noised = noise_of(lm).of(batch, ratio=1.0, epoch=0)[1].noised
    assert not noised[batch["input_ids"] == lm.tokenizer.bos_token_id].any()
    assert noised[batch["input_ids"] == lm.tokenizer.eos_token_id].all()
    kept = noise_of(lm, end=False).of(batch, ratio=1.0, epoch=0)[1].noised
    assert not kept[batch["input_ids"] == lm.tokenizer.eos_token_id].any()


def test_the_final_answer_can_be_kept(lm, rows):
    batch = batch_of(rows, packed=True)
    kept = noise_of(lm, answer=False).of(batch, ratio=1.0, epoch=0)[1].noised
    for row in range(len(batch["input_ids"])):
        text = lm.tokenizer.decode(batch["input_ids"][row][kept[row]])
        assert "=" in text
        assert "#" not in text
        assert "<eos>" not in text
    everything = noise_of(lm).of(batch, ratio=1.0, epoch=0)[1].noised
    lost = batch["input_ids"][everything & ~kept]
    assert (lost == lm.tokenizer("####")["input_ids"][-1]).sum() == 50


@pytest.mark.parametrize(
    ("scope", "labelled"), [("solution", {True}), ("question", {False}), ("all", {True, False})]
)
def test_the_scope_says_where_noise_may_fall(lm, rows, scope, labelled):
    batch = batch_of(rows)
    eligible = noise_of(lm, scope=scope).of(batch, ratio=0.4, epoch=0)[1].eligible
    assert set((batch["labels"] != IGNORED)[eligible].tolist()) == labelled
    assert not eligible[batch["attention_mask"] == 0].any()
    assert not eligible[:, 0].any()


def test_classes_of_tokens_can_be_noised_alone(lm, rows):
    batch = batch_of(rows)
    digits = noise_of(lm, only=["digits"]).of(batch, ratio=1.0, epoch=0)[1].noised
    texts = {lm.tokenizer.decode([token]).strip() for token in batch["input_ids"][digits].tolist()}
    assert texts == set("0123456789")
    signs = noise_of(lm, only=["operators"]).of(batch, ratio=1.0, epoch=0)[1].noised
    assert {lm.tokenizer.decode([token]) for token in batch["input_ids"][signs].tolist()} == {"+", "="}


def test_spans_cover_the_same_share_in_longer_pieces(lm, rows):
    batch = batch_of(rows)
    noise, flags = noise_of(lm, span=4), []
    for epoch in range(60):
        _, chosen, _ = noise.of(batch, ratio=0.4, epoch=epoch)
        flags.append(chosen.noised)
    together = torch.stack(flags)[:, chosen.eligible].float().mean()
    assert float(together) == pytest.approx(0.4, abs=0.02)
    stacked = torch.stack(flags)
    after = stacked[..., 1:][stacked[..., :-1] & chosen.eligible[:, 1:]].float().mean()
    assert float(after) > 0.7


def test_a_share_of_rows_is_left_clean_and_rows_may_have_ratios_of_their_own(lm, rows):
    batch = batch_of(rows)
    clean, varied, shares = 0, noise_of(lm, vary="row"), []
    for epoch in range(40):
        masks = noised_by_row(noise_of(lm, clean=0.5), batch, epoch=epoch)
        clean += sum(not any(flags.values()) for flags in masks.values())
        _, chosen, _ = varied.of(batch, ratio=0.8, epoch=epoch)
        shares.append((chosen.noised.sum(1) / chosen.eligible.sum(1)).numpy())
    assert clean / 2_000 == pytest.approx(0.5, abs=0.04)
    assert np.mean(shares) == pytest.approx(0.4, abs=0.02)
    assert np.std(shares) == pytest.approx(0.8 / math.sqrt(12), abs=0.06)


def losses_of(folder):
    return pq.read_table(folder / "train_log.parquet")["loss"].to_pylist()


def weights_of(folder):
    return (folder / "model.safetensors").read_bytes()


@pytest.fixture(scope="module")
def plain(base, pool, tmp_path_factory):
    out = tmp_path_factory.mktemp("plain") / "out"
    train(str(base), pool, QUICK, out=out, seed=0, threads=1)
    return out


@pytest.fixture(scope="module")
def masked(base, pool, tmp_path_factory):
    out = tmp_path_factory.mktemp("masked") / "out"
    train(str(base), pool, MASKED, out=out, seed=0, threads=1)
    return out


def test_ratio_0_is_plain_fine_tuning_bit_for_bit(base, pool, plain, tmp_path):
    config = QUICK.model_copy(update={"mask": MaskConfig(ratio=0.0)})
    train(str(base), pool, config, out=tmp_path / "out", seed=0, threads=1)
    assert weights_of(tmp_path / "out") == weights_of(plain)
    assert losses_of(tmp_path / "out") == losses_of(plain)


def test_the_log_says_what_was_noised(masked, plain):
    log = pq.read_table(masked / "train_log.parquet").to_pylist()
    assert {row["mask_ratio"] for row in log} == {0.4}
    assert np.mean([row["noised_share"] for row in log]) == pytest.approx(0.4, abs=0.05)
    for row in log:
        assert min(row["loss_clean_input"], row["loss_noised_input"]) <= row["loss"]
        assert max(row["loss_clean_input"], row["loss_noised_input"]) >= row["loss"]
    assert "mask_ratio" not in pq.read_table(plain / "train_log.parquet").column_names
    assert weights_of(masked) != weights_of(plain)


class Killed(BaseException):
    """Not an Exception, as little as a kill is one."""


class KillAt(TrainerCallback):
    def on_step_end(self, args, state, control, **kwargs):  # noqa: ARG002
        if state.global_step == 3:
            raise Killed


def test_a_killed_masked_run_ends_in_the_same_bytes(base, pool, masked, tmp_path):
    config = MASKED.model_copy(update={"checkpoint_every": 2})
    told = {"out": tmp_path / "out", "seed": 0, "threads": 1}
    with pytest.raises(Killed):
        train(str(base), pool, config, **told, extras=Extras(callbacks=(KillAt(),)))
    train(str(base), pool, config, **told)
    assert weights_of(tmp_path / "out") == weights_of(masked)
    logs = [(folder / "train_log.parquet").read_bytes() for folder in (tmp_path / "out", masked)]
    assert logs[0] == logs[1]


@pytest.mark.parametrize("change", [{"packing": True}, {"accumulate": 4}])
def test_packing_and_accumulation_change_nothing_but_rounding(base, pool, masked, tmp_path, change):
    train(str(base), pool, MASKED.model_copy(update=change), out=tmp_path / "out", seed=0, threads=1)
    np.testing.assert_allclose(losses_of(tmp_path / "out"), losses_of(masked), atol=2e-3)
    share = [
        pq.read_table(folder / "train_log.parquet")["noised_share"] for folder in (tmp_path / "out", masked)
    ]
    assert share[0].to_pylist() == share[1].to_pylist()


def test_the_loss_at_clean_places_is_the_mean_over_those_alone(base, pool, tmp_path):
    for loss in ("all", "clean inputs", "clean tokens"):
        config = MASKED.model_copy(update={"steps": 2, "mask": MASKED.mask.model_copy(update={"loss": loss})})
        for accumulate in (1, 2):
            told = config.model_copy(update={"accumulate": accumulate})
            train(str(base), pool, told, out=tmp_path / f"{loss} {accumulate}", seed=0, threads=1)
        found = [losses_of(tmp_path / f"{loss} {accumulate}") for accumulate in (1, 2)]
        np.testing.assert_allclose(found[0], found[1], atol=1e-4)
    first = pq.read_table(tmp_path / "all 1" / "train_log.parquet").to_pylist()[0]
    restricted = losses_of(tmp_path / "clean inputs 1")[0]
    assert restricted == pytest.approx(first["loss_clean_input"], abs=1e-5)


@pytest.mark.parametrize(
    "noise",
    [{"replacement": "model"}, {"replacement": "neftune", "strength": 100.0}, {"consistency": 0.5}],
    ids=str,
)
def test_other_kinds_of_noise_train_in_cotmills_trainer_too(base, pool, tmp_path, noise):
    config = MASKED.model_copy(update={"steps": 2, "mask": MASKED.mask.model_copy(update=noise)})
    for change in ({}, {"accumulate": 2, "packing": True}):
        out = tmp_path / f"out {len(change)}"
        train(str(base), pool, config.model_copy(update=change), out=out, seed=0, threads=1)
    np.testing.assert_allclose(losses_of(tmp_path / "out 0"), losses_of(tmp_path / "out 2"), atol=5e-3)


def test_held_out_questions_are_answered_on_the_way(base, pool, tmp_path):
    config = MASKED.model_copy(update={"eval_every": 3, "eval_answers": 4})
    train(str(base), pool, config, out=tmp_path / "out", seed=0, threads=1, held_out=pool.take(pool.ids[:9]))
    found = pq.read_table(tmp_path / "out" / "train_log.parquet")["held_out_accuracy"].to_pylist()
    assert [value is not None for value in found] == [False, False, True, False, False, True]
    assert all(0 <= value <= 1 for value in found if value is not None)


def test_snapshots_of_a_model_with_an_added_mask_are_without_it(lm, tmp_path):
    from cotmill.model.snapshots import snapshot_folder
    from cotmill.train.masked.vocabulary import add_row, is_added
    from cotmill.train.write import snapshot

    model = copy.deepcopy(lm.model)
    size = add_row(model)
    snapshot(model, lm.tokenizer, tmp_path, 3)
    assert is_added(model)
    kept = load(str(snapshot_folder(tmp_path, 3))).model
    pairs = zip(kept.parameters(), lm.model.parameters(), strict=True)
    assert all(torch.equal(first, second) for first, second in pairs)
    assert model.get_output_embeddings().weight.shape[0] == size + 1


def test_a_mask_that_is_asked_for_twice_is_refused(base):
    from cotmill.train import masked_thought

    with pytest.raises(RecipeError, match="either a setting or keywords"):
        masked_thought(None, 0.4, ratio=0.2)


def test_rows_keys_travel_with_the_batch_only_when_there_is_a_mask(rows):
    assert ROWS in batch_of(rows, range(3), keyed=True)
    assert ROWS not in batch_of(rows, range(3))
