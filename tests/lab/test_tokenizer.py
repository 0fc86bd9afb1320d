"""The tokenizer loses nothing, splits digits, and has one token for every word of the lab."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cotmill.core.errors import ModelError
from cotmill.lab import TEST_SETS, declarative, make_pool_rows
from cotmill.lab.models import ASSETS, NAMES, VOCABULARY, weights_path
from cotmill.lab.tokenizer import SPECIALS, build_tokenizer, load_tokenizer, write_tokenizer

TOKENIZER = load_tokenizer()


def test_the_shipped_files_equal_a_rebuild(tmp_path):
    write_tokenizer(tmp_path)
    for name in ("tokenizer.json", "tokenizer_config.json"):
        assert (tmp_path / name).read_bytes() == (ASSETS / name).read_bytes()


def test_it_has_832_entries_and_the_specials_come_first():
    assert build_tokenizer().get_vocab_size() == VOCABULARY == 832
    assert [TOKENIZER.id_to_token(i) for i in range(len(SPECIALS))] == list(SPECIALS)


@given(st.text())
def test_any_text_survives_the_round_trip(text):
    assert TOKENIZER.decode(TOKENIZER.encode(text).ids, skip_special_tokens=False) == text


@given(st.integers(0, 10**12))
def test_every_digit_is_a_token_of_its_own(number):
    assert TOKENIZER.encode(str(number)).tokens == list(str(number))


def test_marks_are_single_tokens():
    for mark in ("<<", ">>", "####", " <<", ".\n"):
        assert len(TOKENIZER.encode(mark).ids) == 1


def test_every_word_the_lab_makes_is_one_token():
    texts = list(declarative(11, 150))
    for rows in (make_pool_rows(11, 150, defects=0.5), *(TEST_SETS[name](11, 15) for name in TEST_SETS)):
        texts.extend(f"{row['question']}\n{row['answer']}" for row in rows)
    words = {word for text in texts for word in re.findall(r" ?[A-Za-z]+", text)}
    assert [word for word in sorted(words) if len(TOKENIZER.encode(word).ids) != 1] == []


def test_transformers_reads_it_and_adds_nothing():
    transformers = pytest.importorskip("transformers")
    tokenizer = transformers.AutoTokenizer.from_pretrained(ASSETS)
    text = "Ann has 12 pens.\nBob has <<12+5=17>>17 pens.\n#### 17"
    assert tokenizer(text)["input_ids"] == TOKENIZER.encode(text).ids
    assert tokenizer.decode(tokenizer(text)["input_ids"]) == text
    assert (tokenizer.pad_token_id, tokenizer.eos_token_id, tokenizer.bos_token_id) == (0, 1, 2)
    assert tokenizer.mask_token == "<mask>"


@pytest.mark.parametrize("name", NAMES)
def test_a_configuration_has_the_size_its_name_says(name):
    pytest.importorskip("transformers")
    from cotmill.lab.models import config_of

    config = config_of(f"lab:{name}")
    per_layer = 12 if name.startswith("neox") else 4 + 3 * config.intermediate_size / config.hidden_size
    size = config.num_hidden_layers * per_layer * config.hidden_size**2 + VOCABULARY * config.hidden_size
    assert size == pytest.approx(float(name.split("-")[1].removesuffix("m")) * 1e6, rel=0.05)
    assert config.tie_word_embeddings


def test_an_unknown_model_is_refused_with_the_list():
    with pytest.raises(ModelError, match=r"llama-0\.9m"):
        weights_path("lab:gpt-9")
