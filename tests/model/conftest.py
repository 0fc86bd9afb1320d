"""Tokenizers of every kind, built here, and a tiny model."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, processors, trainers
from transformers import LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast

TEXTS = [
    "Ann has 12 pens. She buys 30 more. How many pens has she?\n12+30=42\n#### 42",
    "A garden is 13 meters long. How long are 2 gardens?\nTwo gardens are <<13*2=26>>26 meters.\n#### 26",
    "Tom reads 7 pages a day, so in 3 days he reads 21 pages. He didn't stop.",
]
CHAT = (
    "{{ bos_token }}{% for m in messages %}<|{{ m['role'] }}|>\n{{ m['content'] }}{{ eos_token }}\n"
    "{% endfor %}"
    "{% if add_generation_prompt %}<|assistant|>\n{% endif %}"
)
THINKING = CHAT.replace("<|assistant|>\n{% endif %}", "<|assistant|>\n<think>\n\n</think>\n{% endif %}")


def word_level() -> PreTrainedTokenizerFast:
    """Words, single digits and signs; white space is lost, as in the oldest tokenizers."""
    raw = Tokenizer(models.WordLevel(unk_token="<unk>"))
    raw.pre_tokenizer = pre_tokenizers.Whitespace()
    raw.train_from_iterator(
        TEXTS, trainers.WordLevelTrainer(special_tokens=["<pad>", "<unk>", "<s>", "</s>"])
    )
    return dressed(raw)


def byte_bpe() -> PreTrainedTokenizerFast:
    """Byte-level BPE without special tokens of its own, as in GPT-2."""
    raw = Tokenizer(models.BPE())
    raw.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    raw.decoder = decoders.ByteLevel()
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    special = ["<pad>", "<unk>", "<s>", "</s>"]
    raw.train_from_iterator(
        TEXTS, trainers.BpeTrainer(vocab_size=400, initial_alphabet=alphabet, special_tokens=special)
    )
    return dressed(raw)


def space_bpe() -> PreTrainedTokenizerFast:
    """BPE that marks spaces and puts a BOS before any text, as in Llama."""
    raw = Tokenizer(models.BPE(unk_token="<unk>"))
    raw.pre_tokenizer = pre_tokenizers.Metaspace()
    raw.decoder = decoders.Metaspace()
    special = ["<pad>", "<unk>", "<s>", "</s>"]
    raw.train_from_iterator(TEXTS, trainers.BpeTrainer(vocab_size=150, special_tokens=special))
    raw.post_processor = processors.TemplateProcessing(single="<s> $A", special_tokens=[("<s>", 2)])
    return dressed(raw)


def ending_bpe() -> PreTrainedTokenizerFast:
    """Byte-level BPE that puts BOS before and EOS behind any text, as in some T5-like releases."""
    tokenizer = byte_bpe()
    tokenizer.backend_tokenizer.post_processor = processors.TemplateProcessing(
        single="<s> $A </s>", special_tokens=[("<s>", 2), ("</s>", 3)]
    )
    return tokenizer


def dressed(raw: Tokenizer) -> PreTrainedTokenizerFast:
    """Name the special tokens."""
    return PreTrainedTokenizerFast(
        tokenizer_object=raw, pad_token="<pad>", unk_token="<unk>", bos_token="<s>", eos_token="</s>"
    )


TOKENIZERS = {"word": word_level, "byte": byte_bpe, "space": space_bpe, "ending": ending_bpe}


@pytest.fixture(params=sorted(TOKENIZERS))
def any_tokenizer(request: pytest.FixtureRequest) -> PreTrainedTokenizerFast:
    """Give one tokenizer after the other."""
    return TOKENIZERS[request.param]()


@pytest.fixture
def chat_tokenizer() -> PreTrainedTokenizerFast:
    """Give a byte-level tokenizer with a chat template that writes its own BOS."""
    tokenizer = ending_bpe()
    tokenizer.chat_template = CHAT
    return tokenizer


@pytest.fixture
def thinking_tokenizer() -> PreTrainedTokenizerFast:
    """Give one whose generation prompt holds more than the answer's turn begins with."""
    tokenizer = byte_bpe()
    tokenizer.chat_template = THINKING
    return tokenizer


@pytest.fixture(scope="session")
def tiny_model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Write a Llama of 30 thousand parameters with a byte-level tokenizer, and give its folder."""
    return write_tiny(tmp_path_factory.mktemp("tiny") / "model")


def write_tiny(
    folder: Path, make: Callable[[], PreTrainedTokenizerFast] = byte_bpe, **changes: object
) -> Path:
    """Write a tiny model; weights are wide enough that it does not always say the same."""
    tokenizer = make()
    shape = {
        "vocab_size": len(tokenizer),
        "hidden_size": 32,
        "intermediate_size": 64,
        "num_hidden_layers": 2,
        "num_attention_heads": 2,
        "num_key_value_heads": 1,
        "max_position_embeddings": 256,
        "initializer_range": 0.4,
        "pad_token_id": 0,
        "bos_token_id": 2,
        "eos_token_id": 3,
    }
    with torch.random.fork_rng():
        torch.manual_seed(0)
        model = LlamaForCausalLM(LlamaConfig(**{**shape, **changes}))
    model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder
