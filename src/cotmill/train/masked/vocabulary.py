"""What the tokens of a vocabulary are: special, digits, operators, words; and which id can be the mask.

Ids are looked at once, when a training starts, and become tables on the device.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

import torch
from jaxtyping import Bool, Int

from cotmill.core.errors import ModelError
from cotmill.model.head import without_adapters
from cotmill.train.masked.config import MaskConfig

SPARE = re.compile(r"reserved|unused|extra_id|dummy", re.IGNORECASE)
"""What tokens that a base model keeps in reserve are called."""
ADDED = "has_added_mask"
"""Attribute of a model whose embeddings have a row for the mask while it trains."""
OPERATORS = frozenset("+-−*×·/÷=<>%^()")


@dataclass(frozen=True, eq=False)
class Vocabulary:
    """Tables over ids, as long as the embedding."""

    ordinary: Bool[torch.Tensor, " id"]
    """Neither special nor added: these may be noised and drawn."""
    ends: Bool[torch.Tensor, " id"]
    """Ends of text."""
    candidates: Int[torch.Tensor, " candidate"]
    """What `random` draws from."""
    allowed: Bool[torch.Tensor, " id"] | None
    """Ids of the token classes asked for; None: no class was."""
    marks: tuple[tuple[int, ...], ...]
    """How the mark of an answer may be written in ids."""
    stand_in: int | None
    """The id that replaces, for `mask` and `pad`."""


def vocabulary_of(model: Any, tokenizer: Any, config: MaskConfig, stand_in: int | None) -> Vocabulary:
    """Look at all ids once."""
    size = model.get_input_embeddings().weight.shape[0]
    known = min(len(tokenizer), size)
    special = special_ids(tokenizer)
    ordinary = torch.zeros(size, dtype=torch.bool)
    ordinary[:known] = True
    ordinary[[token for token in special if token < size]] = False
    ends = torch.zeros(size, dtype=torch.bool)
    ends[[token for token in end_ids(model, tokenizer) if token < size]] = True
    # The public code draws from the whole vocabulary, special ids included.
    drawn = torch.arange(min(tokenizer.vocab_size, size)) if config.variant == "repo" else ordinary.nonzero()
    device = model.device
    allowed = _of_classes(tokenizer, known, size, config).to(device) if config.only else None
    marks = () if config.answer else answer_marks(tokenizer, config.answer_marks)
    return Vocabulary(
        ordinary.to(device), ends.to(device), drawn.view(-1).to(device), allowed, marks, stand_in
    )


def special_ids(tokenizer: Any) -> set[int]:
    """List special and added ids: control tokens of templates among them."""
    return {*tokenizer.all_special_ids, *tokenizer.get_added_vocab().values()}


def end_ids(model: Any, tokenizer: Any) -> set[int]:
    """List the ids that end a text."""
    told = getattr(getattr(model, "generation_config", None), "eos_token_id", None)
    told = [] if told is None else [told] if isinstance(told, int) else list(told)
    return {token for token in (tokenizer.eos_token_id, *told) if token is not None}


def _of_classes(tokenizer: Any, known: int, size: int, config: MaskConfig) -> Bool[torch.Tensor, " id"]:
    """Mark the ids whose text is of a class that was asked for."""
    texts = tokenizer.batch_decode([[token] for token in range(known)])
    allowed = torch.zeros(size, dtype=torch.bool)
    allowed[:known] = torch.tensor([class_of(text) in config.only for text in texts])
    return allowed


def class_of(text: str) -> str:
    """Say what a token is by its text.

    >>> [class_of(text) for text in (" 12", "<<", " pens", ".", "x2")]
    ['digits', 'operators', 'words', 'other', 'words']
    """
    text = text.strip()
    if any(letter.isalpha() for letter in text):
        return "words"
    if any(letter.isdigit() for letter in text):
        return "digits"
    return "operators" if text and set(text) <= OPERATORS else "other"


def answer_marks(tokenizer: Any, marks: tuple[str, ...]) -> tuple[tuple[int, ...], ...]:
    """Encode each mark as it may stand in a text: at its start, after a space, after a line break."""
    found = set()
    for mark in marks:
        for before in ("", " ", "\n"):
            bare = tokenizer(before, add_special_tokens=False)["input_ids"] if before else []
            ids = tokenizer(before + mark, add_special_tokens=False)["input_ids"]
            found.add(tuple(ids[len(bare) :] if ids[: len(bare)] == bare else ids))
    return tuple(sorted(ids for ids in found if ids))


def spare_id(model: Any, tokenizer: Any) -> int | None:
    """Find an id that stands for nothing: the mask token, a reserved one, or an embedding without a token."""
    size = model.get_input_embeddings().weight.shape[0]
    if tokenizer.mask_token_id is not None and tokenizer.mask_token_id < size:
        return int(tokenizer.mask_token_id)
    reserved = [token for text, token in tokenizer.get_added_vocab().items() if SPARE.search(text)]
    reserved = [token for token in reserved if token < size]
    if reserved:
        return min(reserved)
    return len(tokenizer) if len(tokenizer) < size else None


def pad_id(tokenizer: Any) -> int:
    """Name the padding id.

    Raises:
        ModelError: there is none, so it cannot replace anything.
    """
    if tokenizer.pad_token_id is None:
        raise ModelError("this tokenizer has no padding token; use replacement: mask or random")
    return int(tokenizer.pad_token_id)


def add_row(model: Any) -> int:
    """Lengthen the embeddings by one id, the mean of the others; return the id.

    The output layer gets the row too, so that shapes agree; `drop_row` takes it away again.
    """
    network = without_adapters(model)
    size = network.get_input_embeddings().weight.shape[0]
    network.resize_token_embeddings(size + 1, mean_resizing=False)
    with torch.no_grad():
        for layer in (network.get_input_embeddings(), network.get_output_embeddings()):
            if layer is not None:
                layer.weight[size] = layer.weight[:size].float().mean(0).to(layer.weight.dtype)
    setattr(network, ADDED, True)
    return int(size)


def is_added(model: Any) -> bool:
    """Say whether the last row of a model's embeddings is a mask that was added."""
    return getattr(without_adapters(model), ADDED, False)


def drop_row(model: Any) -> None:
    """Cut the embeddings back, so that what is saved cannot write the added id."""
    network = without_adapters(model)
    network.resize_token_embeddings(network.get_input_embeddings().weight.shape[0] - 1, mean_resizing=False)
    setattr(network, ADDED, False)


def never_write(model: Any, token: int) -> None:
    """Note in the generation settings that an id is not to be written."""
    settings = getattr(without_adapters(model), "generation_config", None)
    if settings is not None:
        settings.suppress_tokens = sorted({*(settings.suppress_tokens or ()), token})
