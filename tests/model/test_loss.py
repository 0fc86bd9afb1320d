"""Losses of answer tokens: equal to the plain computation, whatever the batch."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch.nn import functional
from transformers import CohereConfig, CohereForCausalLM

from cotmill.core.errors import ModelError
from cotmill.model.batches import in_halves, length_batches, pad_right
from cotmill.model.load import LanguageModel, load
from cotmill.model.loss import token_losses
from cotmill.model.render import Row
from cotmill.model.tokenise import tokenise

ROWS = [
    Row(
        f"r{n}", "How many pens has Ann? " * (1 + n % 4), f"{n}+{n}={2 * n}\n" * (1 + n % 3) + f"#### {2 * n}"
    )
    for n in range(17)
]
SAME = 1e-5
"""Float32 sums in another order differ by less."""


@pytest.fixture(scope="module")
def lm(tiny_model):
    return load(str(tiny_model))


@pytest.fixture(scope="module")
def rows(lm):
    bare = Row("bare", "What is it?")
    return tokenise(lm.tokenizer, [*ROWS[:9], bare, *ROWS[9:]], max_length=120)


def plain_losses(lm, row):
    """One row at a time, all logits, no padding."""
    ids = torch.tensor(row.ids[None].astype(np.int64))
    with torch.no_grad():
        logits = lm.model(input_ids=ids).logits
    losses = functional.cross_entropy(logits[0, :-1], ids[0, 1:], reduction="none")
    return losses[max(row.start, 1) - 1 :].numpy()


def test_token_losses_equal_those_of_one_row_at_a_time(lm, rows):
    losses = token_losses(lm, rows)
    for place, row in enumerate(rows):
        np.testing.assert_allclose(losses.row(place), plain_losses(lm, row), atol=SAME)
    assert losses.sums[9] == 0
    assert losses.tokens[9] == 0


@pytest.mark.parametrize("tokens", [1, 150, 700, 100_000])
def test_losses_do_not_depend_on_the_size_of_batches(lm, rows, tokens):
    np.testing.assert_allclose(
        token_losses(lm, rows, batch_tokens=tokens).values, token_losses(lm, rows).values, atol=SAME
    )


def test_a_large_vocabulary_is_scored_in_pieces_with_the_same_result(lm, rows, monkeypatch):
    whole = token_losses(lm, rows).values
    monkeypatch.setattr("cotmill.model.head.LOGITS_AT_ONCE", 3 * len(lm.tokenizer))
    np.testing.assert_allclose(token_losses(lm, rows).values, whole, atol=SAME)


def test_models_that_scale_their_logits_are_scored_by_their_own_forward(lm, rows):
    torch.manual_seed(0)
    config = CohereConfig(
        vocab_size=len(lm.tokenizer),
        hidden_size=32,
        intermediate_size=64,
        num_hidden_layers=1,
        num_attention_heads=2,
        num_key_value_heads=2,
        logit_scale=0.25,
        pad_token_id=0,
        bos_token_id=2,
        eos_token_id=3,
    )
    scaled = LanguageModel(CohereForCausalLM(config).eval(), lm.tokenizer, "scaled", "")
    losses = token_losses(scaled, rows)
    for place, row in enumerate(rows):
        np.testing.assert_allclose(losses.row(place), plain_losses(scaled, row), atol=SAME)


def test_batches_hold_every_row_once_and_stay_within_their_budget():
    lengths = np.array([5, 90, 3, 40, 41, 7, 7, 500])
    batches = length_batches(lengths, tokens=100, rows=3)
    assert sorted(np.concatenate(batches).tolist()) == list(range(8))
    assert all(len(batch) <= 3 for batch in batches)
    assert all(lengths[batch].max() * len(batch) <= 100 or len(batch) == 1 for batch in batches)
    assert batches[0].tolist() == [7]


def test_padding_is_on_the_right_and_carries_no_label(rows):
    inputs, labels = pad_right(rows, np.array([0, 3]), pad=0)
    for place, position in enumerate((0, 3)):
        row = rows.row(position)
        assert inputs[place, : len(row.ids)].tolist() == row.ids.tolist()
        assert (labels[place, : row.start] == -100).all()
        assert (labels[place, len(row.ids) :] == -100).all()
        assert labels[place, row.start : len(row.ids)].tolist() == row.ids[row.start :].tolist()


def test_a_batch_that_does_not_fit_is_halved_until_it_does():
    def fits_two(rows):
        if len(rows) > 2:
            raise torch.OutOfMemoryError("no room")
        return rows.tolist()

    done = in_halves(fits_two, np.arange(7))
    assert [place for _, rows in done for place in rows] == list(range(7))
    assert all(len(rows) <= 2 for rows, _ in done)


def test_other_errors_are_not_taken_for_a_lack_of_memory_and_one_row_too_large_is_said():
    def broken(rows):
        raise RuntimeError("shapes differ")

    def full(rows):
        raise RuntimeError("DefaultCPUAllocator: can't allocate memory: you tried to allocate 1 bytes")

    with pytest.raises(RuntimeError, match="shapes differ"):
        in_halves(broken, np.arange(4))
    with pytest.raises(ModelError, match="one row alone"):
        in_halves(full, np.arange(4))
