"""The one path from a row to token ids and a loss mask, on every kind of tokenizer."""

from __future__ import annotations

import numpy as np
import pytest

from cotmill.core.errors import DataError, ModelError
from cotmill.model.render import Row
from cotmill.model.tokenise import (
    common_prefix,
    own_prefix,
    refuse_bad_masks,
    show_masked,
    tokenise,
    tokenise_prompts,
)

QUESTION = "Ann has 12 pens. She buys 30 more. How many pens has she?"
TRACE = "12+30=42\n#### 42"
ROW = Row("r1", QUESTION, TRACE)
EOS, BOS = 3, 2


def one(tokenizer, row=ROW, **settings):
    return tokenise(tokenizer, [row], **{"max_length": 512, "form": "plain", **settings}).row(0)


def test_the_end_of_text_token_stands_once_at_the_end_and_carries_loss(any_tokenizer):
    row = one(any_tokenizer)
    assert row.ids[-1] == EOS
    assert (row.ids == EOS).sum() == 1
    assert row.start < len(row.ids)


def test_a_tokenizers_own_bos_stands_once_and_others_get_none(any_tokenizer):
    prefix = own_prefix(any_tokenizer)
    assert prefix in ([], [BOS])
    ids = one(any_tokenizer).ids.tolist()
    assert ids.count(BOS) == len(prefix)
    assert ids[: len(prefix)] == prefix


def test_tokens_without_loss_spell_the_prompt_and_those_with_it_spell_the_answer(any_tokenizer):
    row = one(any_tokenizer)
    decode = lambda ids: "".join(any_tokenizer.decode(ids, skip_special_tokens=True).split())  # noqa: E731
    assert decode(row.ids[: row.start]) == "".join(QUESTION.split())
    assert decode(row.ids[row.start :]) == "".join(TRACE.split())


def test_the_prompt_that_is_sampled_from_is_the_prompt_that_was_trained_on(any_tokenizer):
    row = one(any_tokenizer)
    (prompt,) = tokenise_prompts(any_tokenizer, [ROW], form="plain")
    assert prompt == row.ids[: row.start].tolist()


def test_a_token_that_straddles_the_boundary_carries_loss():
    assert common_prefix([5, 6, 7], [5, 6, 8, 9]) == 2
    assert common_prefix([5], [5, 6]) == 1
    assert common_prefix([], [5]) == 0


def test_a_chat_template_that_writes_bos_gets_no_second_one(chat_tokenizer):
    ids = one(chat_tokenizer, form="chat").ids.tolist()
    assert ids.count(BOS) == 1
    assert ids[0] == BOS


def test_the_chat_answer_ends_at_its_end_of_turn_without_the_templates_line_break(chat_tokenizer):
    row = one(chat_tokenizer, form="auto")
    assert chat_tokenizer.decode(row.ids[row.start :]) == TRACE + "</s>"


def test_earlier_turns_and_the_system_message_are_given_and_carry_no_loss(chat_tokenizer):
    turns = (("system", "Be brief."), ("user", "1+1?"), ("assistant", "2"))
    row = one(chat_tokenizer, ROW._replace(context=turns), form="chat")
    given = chat_tokenizer.decode(row.ids[: row.start])
    assert given.startswith("<s><|system|>\nBe brief.</s>\n<|user|>\n1+1?</s>\n<|assistant|>\n2</s>")
    assert given.endswith(f"{QUESTION}</s>\n<|assistant|>\n")
    assert chat_tokenizer.decode(row.ids[row.start :]) == TRACE + "</s>"


def test_what_a_generation_prompt_adds_beyond_the_answers_turn_is_not_counted_as_given(thinking_tokenizer):
    row = one(thinking_tokenizer, form="chat")
    assert thinking_tokenizer.decode(row.ids[row.start :]).startswith("12+30")
    (prompt,) = tokenise_prompts(thinking_tokenizer, [ROW], form="chat")
    assert len(prompt) > row.start


def test_a_template_that_drops_the_trace_is_refused(chat_tokenizer):
    chat_tokenizer.chat_template = chat_tokenizer.chat_template.replace(
        "m['content']", "m['content'].split('+')[-1]"
    )
    with pytest.raises(DataError, match="changes the trace of row r1"):
        one(chat_tokenizer, form="chat")


def test_running_text_cannot_be_a_chat_and_a_missing_template_is_said(chat_tokenizer, any_tokenizer):
    with pytest.raises(DataError, match="has no question"):
        one(chat_tokenizer, Row("r", "", "text"), form="chat")
    with pytest.raises(ModelError, match="no chat template"):
        one(any_tokenizer, form="chat")


def test_long_rows_are_cut_at_the_end_and_counted(any_tokenizer):
    whole = one(any_tokenizer)
    rows = tokenise(any_tokenizer, [ROW, ROW], max_length=len(whole.ids) - 2, form="plain")
    assert rows.truncated.tolist() == [True, True]
    assert rows.row(1).ids.tolist() == whole.ids[:-2].tolist()
    exact = tokenise(any_tokenizer, [ROW], max_length=len(whole.ids), form="plain")
    assert not exact.truncated.any()


def test_rows_without_a_trace_carry_no_loss_and_are_refused_for_training_by_name(any_tokenizer):
    rows = tokenise(any_tokenizer, [ROW, Row("bare", QUESTION)], max_length=512, form="plain")
    assert rows.labels[1] == 0
    with pytest.raises(DataError, match=r"1 of 2 rows have no token that carries loss.*bare"):
        refuse_bad_masks(rows)


def test_a_prompt_that_fills_the_length_is_refused_for_training(any_tokenizer):
    rows = tokenise(any_tokenizer, [ROW], max_length=4, form="plain")
    with pytest.raises(DataError, match="1 were cut at max_length = 4"):
        refuse_bad_masks(rows)


def test_a_full_mask_among_others_is_refused_but_running_text_alone_is_not(thinking_tokenizer):
    tokenizer = thinking_tokenizer
    text = Row("text", "", TRACE)
    with pytest.raises(DataError, match=r"1 of 2 rows would be trained on from their first token.*text"):
        refuse_bad_masks(tokenise(tokenizer, [ROW, text], max_length=512, form="plain"))
    alone = tokenise(tokenizer, [text], max_length=512, form="plain")
    refuse_bad_masks(alone)
    assert alone.labels[0] == len(alone.row(0).ids) - 1


def test_an_example_is_shown_token_by_token_with_its_mask(any_tokenizer):
    row = one(any_tokenizer)
    shown = show_masked(row, any_tokenizer).splitlines()
    assert len(shown) == len(row.ids) + 1
    assert sum("  loss  " in line for line in shown) == len(row.ids) - max(row.start, 1)
    assert "</s>" in shown[-1]


def test_flat_rows_come_back_as_they_went_in(any_tokenizer):
    rows = tokenise(
        any_tokenizer, [ROW, ROW._replace(row_id="r2", trace="4\n#### 4")], max_length=99, form="plain"
    )
    assert [row.row_id for row in rows] == ["r1", "r2"]
    assert np.array_equal(rows.lengths, [len(row.ids) for row in rows])
    assert len(tokenise(any_tokenizer, [], max_length=9, form="plain")) == 0
