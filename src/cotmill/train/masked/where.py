"""Which tokens of a batch are noised: those in scope whose random number is below the ratio.

Source: arXiv 2403.02178, section 3: M_i ~ Bernoulli(p), independent over the tokens of the solution, drawn
anew at each visit. Padding, the first token of a row, special tokens and a template's text after the end of
an answer are out of every scope.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import torch
from jaxtyping import Bool, Int

from cotmill.model.batches import IGNORED
from cotmill.train.masked.config import MaskConfig
from cotmill.train.masked.keys import WHOLE, Layout
from cotmill.train.masked.vocabulary import Vocabulary


@dataclass(frozen=True, eq=False)
class Chosen:
    """Which tokens may be noised, and which are."""

    eligible: Bool[torch.Tensor, "row token"]
    noised: Bool[torch.Tensor, "row token"]


def choose(
    inputs: Mapping[str, Any],
    layout: Layout,
    vocabulary: Vocabulary,
    config: MaskConfig,
    *,
    ratio: float,
    seed: int,
) -> Chosen:
    """Decide for every token of a batch."""
    eligible = in_scope(inputs, layout, vocabulary, config)
    chance = _limit(ratio, config.span)
    limit: Any = chance
    if config.vary == "row":
        share = layout.row_numbers(seed, "ratio").double() / WHOLE
        limit = ((1.0 - (1.0 - ratio * share) ** (1.0 / config.span)) * WHOLE).long()
    hit = layout.numbers(seed, "where") < limit
    for behind in range(1, config.span):
        # A span may begin in the question, so the first tokens of a solution are covered as often as others.
        hit |= (layout.numbers(seed, "where", behind=behind) < limit) & (layout.place >= behind)
    if config.clean:
        hit &= layout.row_numbers(seed, "clean") >= round(config.clean * WHOLE)
    return Chosen(eligible, eligible & hit)


def _limit(ratio: float, span: int) -> int:
    """Below which number a span begins, so that the share of covered tokens is the ratio."""
    return round((1.0 - (1.0 - ratio) ** (1.0 / span)) * WHOLE) if span > 1 else round(ratio * WHOLE)


def in_scope(
    inputs: Mapping[str, Any], layout: Layout, vocabulary: Vocabulary, config: MaskConfig
) -> Bool[torch.Tensor, "row token"]:
    """Mark the tokens that may be noised."""
    ids, labelled = inputs["input_ids"], inputs["labels"] != IGNORED
    ends = vocabulary.ends[ids]
    over = _before(ends & labelled, layout.since) > 0
    allowed = vocabulary.ordinary[ids] | (ends & config.end)
    eligible = allowed & ~over & (layout.place > 0)
    if inputs.get("attention_mask") is not None:
        eligible &= inputs["attention_mask"].bool()
    if config.scope != "all":
        eligible &= labelled if config.scope == "solution" else ~labelled
    if vocabulary.allowed is not None:
        eligible &= vocabulary.allowed[ids]
    if not config.answer:
        eligible &= ~_answer(ids, labelled, layout.since, vocabulary.marks)
    return eligible


def _answer(
    ids: Int[torch.Tensor, "row token"],
    labelled: Bool[torch.Tensor, "row token"],
    since: Int[torch.Tensor, "row token"],
    marks: tuple[tuple[int, ...], ...],
) -> Bool[torch.Tensor, "row token"]:
    """Mark a solution from the mark of its answer on."""
    begun = torch.zeros_like(labelled)
    for mark in marks:
        found = labelled.clone()
        for ahead, token in enumerate(mark):
            same = torch.zeros_like(found)
            same[:, : ids.shape[1] - ahead] = ids[:, ahead:] == token
            found &= same
        begun |= found
    return begun | (_before(begun, since) > 0)


def _before(
    flags: Bool[torch.Tensor, "row token"], since: Int[torch.Tensor, "row token"]
) -> Int[torch.Tensor, "row token"]:
    """Count the flags before each token in its own row."""
    flat = flags.long().view(-1)
    total = flat.cumsum(0) - flat
    begin = torch.arange(flat.numel(), device=flat.device) - since.reshape(-1)
    return (total - total[begin]).view(flags.shape)
