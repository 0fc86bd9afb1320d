r"""The lab's tokenizer: 832 entries, one token per lab word, one per digit, bytes for all else.

A word list rather than learned merges decides the entries: merges would spend a third of so small a
vocabulary on fragments of words. A few merges of common English letters are kept so that real text is
not all bytes. Every text survives a round trip, because the byte alphabet is complete.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from tokenizers import AddedToken, Regex, Tokenizer, decoders, models, pre_tokenizers

from cotmill.lab.models import ASSETS, VOCABULARY

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

SPECIALS: tuple[str, ...] = (
    "<pad>", "<eos>", "<bos>", "<mask>", "<reserved_0>", "<reserved_1>", "<reserved_2>", "<reserved_3>",
)  # fmt: skip

SPLIT = r"\p{N}| ?<<|>>|####|\.\n|\n| ?\p{L}+| ?[^\s\p{L}\p{N}]|\s"
"""Pieces never merge over a digit; a full stop that ends a line is one piece with the line break."""

MARKS: tuple[str, ...] = ("<<", " <<", ">>", "####", ".\n")

ENDINGS: tuple[str, ...] = (
    "the", "and", "ing", "er", "ed", "es", "ly", "tion", "ment", "al", "en", "on", "in", "at", "re", "or",
    "st", "ar", "it", "ou", "le", "is", "as", "ch", "th", "sh", "ea", "ve", "ll",
)  # fmt: skip
"""Letter groups of common English, merged left to right, with and without a space before."""


def build_tokenizer() -> Tokenizer:
    """Build the tokenizer from the shipped word list; the same every time."""
    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    merges: list[tuple[str, str]] = []
    entries = [*SPECIALS, *alphabet]
    known = set(entries)
    for piece in (_bytes(text) for text in (*MARKS, *_words())):
        if piece not in known:
            known.add(piece)
            entries.append(piece)
    for group in _groups():
        left = group[0]
        for letter in group[1:]:
            if left + letter not in known and len(entries) < VOCABULARY:
                known.add(left + letter)
                entries.append(left + letter)
            if left + letter in known and (left, letter) not in merges:
                merges.append((left, letter))
            left += letter
    if len(entries) != VOCABULARY:
        raise ValueError(f"{len(entries)} entries, {VOCABULARY} wanted; change the word list or the groups")
    return _assemble(entries, merges)


def _assemble(entries: list[str], merges: list[tuple[str, str]]) -> Tokenizer:
    vocab = {entry: position for position, entry in enumerate(entries)}
    # `ignore_merges` takes a piece that is an entry as it is; so words need no merges.
    tokenizer = Tokenizer(models.BPE(vocab=vocab, merges=merges, ignore_merges=True))
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [
            pre_tokenizers.Split(Regex(SPLIT), behavior="isolated"),
            pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False),
        ]
    )
    tokenizer.decoder = decoders.ByteLevel()
    tokenizer.add_special_tokens([AddedToken(token, special=True, normalized=False) for token in SPECIALS])
    return tokenizer


def _words() -> Iterable[str]:
    """The word list; a leading space is written as an underscore there."""
    for line in (ASSETS / "words.txt").read_text(encoding="utf-8").splitlines():
        yield line.replace("_", " ")


def _groups() -> Iterable[str]:
    letters = "abcdefghijklmnopqrstuvwxyz"
    vowels = "eaoiu"
    yield from (_bytes(group) for group in ENDINGS)
    yield from (_bytes(" " + letter) for letter in letters)
    yield from (_bytes(" " + group) for group in ENDINGS)
    yield from (_bytes(a + b) for b in vowels for a in letters)
    yield from (_bytes(a + b) for a in vowels for b in letters)


def _bytes(text: str) -> str:
    """Spell a text in the byte alphabet."""
    ((spelled, _),) = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False).pre_tokenize_str(text)
    return spelled


def write_tokenizer(folder: Path) -> None:
    """Write the files that transformers' AutoTokenizer reads."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "tokenizer.json").write_text(build_tokenizer().to_str(pretty=True), encoding="utf-8")
    config = {
        "tokenizer_class": "PreTrainedTokenizerFast",
        "pad_token": "<pad>",
        "eos_token": "<eos>",
        "bos_token": "<bos>",
        "mask_token": "<mask>",
        "add_bos_token": False,
        "add_eos_token": False,
        "clean_up_tokenization_spaces": False,
        "model_max_length": 512,
    }
    (folder / "tokenizer_config.json").write_text(json.dumps(config, indent=2) + "\n", encoding="utf-8")


def load_tokenizer() -> Tokenizer:
    """Load the shipped tokenizer, without transformers."""
    return Tokenizer.from_file(str(ASSETS / "tokenizer.json"))
