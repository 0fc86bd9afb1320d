"""Rows that packing `wrapped` cut in two: put together again, so that their masks are those of the whole row.

TRL lays all rows end to end and cuts the line every `max_length` tokens; a batch then holds pieces, and the
start of a row may lie in another batch. Before training, the lines are read once in their order, and for each
line it is noted, under a key made of its content, which row its first piece belongs to and how far into the
row it begins, and which row its last piece belongs to.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

import torch
from jaxtyping import Int

from cotmill.model.batches import IGNORED
from cotmill.train.masked.keys import Layout, content_keys, layout_of, real_tokens

LINES = 4_096
"""Lines put together at once; TRL packs a thousand rows at a time, which is fewer."""
Line = tuple[torch.Tensor, torch.Tensor]
"""Ids and labels."""


class Piece(NamedTuple):
    """The row that a piece belongs to."""

    key: int
    place: int
    length: int


@dataclass(frozen=True)
class Cuts:
    """For lines, by their own key, the row of their first and of their last piece."""

    heads: dict[int, Piece]
    tails: dict[int, Piece]
    questions: bool
    """Whether any token of the data set carries no loss."""

    def mend(self, layout: Layout, inputs: Mapping[str, Any]) -> Layout:
        """Give the pieces of a batch the keys and places of their rows."""
        names = _line_keys(inputs)[:, 0].tolist()
        column = torch.arange(layout.since.shape[1], device=layout.since.device)
        begin = column - layout.since
        in_head, in_tail = begin == 0, begin == begin[:, -1:]
        for pieces, where in ((self.tails, in_tail), (self.heads, in_head)):
            found = [pieces.get(name) for name in names]
            known = torch.tensor([piece is not None for piece in found], device=where.device)
            rows = torch.tensor([piece or (0, 0, 0) for piece in found], device=where.device)
            told = where & known[:, None]
            layout = replace(
                layout,
                key=torch.where(told, rows[:, :1], layout.key),
                place=torch.where(told, layout.since + rows[:, 1:2], layout.place),
                length=torch.where(told, rows[:, 2:], layout.length),
            )
        return layout


def _line_keys(inputs: Mapping[str, Any]) -> Int[torch.Tensor, "row token"]:
    """Make a key for each line of a batch, padding apart."""
    ids = inputs["input_ids"]
    place = torch.arange(ids.shape[1], device=ids.device).expand(ids.shape)
    unit = torch.arange(len(ids), device=ids.device)[:, None].expand(ids.shape).reshape(-1)
    return content_keys(ids, place, real_tokens(inputs), unit)


def cuts_of(dataset: Any) -> Cuts:
    """Read the packed lines of a data set once, in order."""
    cuts, group, questions = Cuts({}, {}, questions=False), list[Line](), False
    for ids, labels in _lines(dataset):
        questions = questions or bool((labels[1:] == IGNORED).any())
        fresh = bool(group) and int(group[-1][1][-1]) != IGNORED and int(labels[0]) == IGNORED
        if fresh or len(group) == LINES:
            _note(cuts, group)
            group = []
        group.append((ids, labels))
    if group:
        _note(cuts, group)
    return replace(cuts, questions=questions)


def _lines(dataset: Any) -> Iterator[Line]:
    """Stream the lines."""
    for line in dataset.select_columns(["input_ids", "labels"]).with_format("torch"):
        yield line["input_ids"], line["labels"]


def _note(cuts: Cuts, group: list[Line]) -> None:
    """Find the rows that run over the ends of lines."""
    if len(group) == 1:
        return
    ids, labels = (torch.cat([line[part] for line in group])[None] for part in (0, 1))
    whole = layout_of({"input_ids": ids, "labels": labels})
    names = [int(_line_keys({"input_ids": line[0][None]})[0, 0]) for line in group]
    begin = 0
    for number, line in enumerate(group):
        if number and int(whole.place[0, begin]):
            piece = Piece(*(int(part[0, begin]) for part in (whole.key, whole.place, whole.length)))
            cuts.heads[names[number]] = piece
            # How far into the row the line before begins, if the row began before that line.
            ahead = int(whole.place[0, begin - 1]) - (len(group[number - 1][0]) - 1)
            cuts.tails[names[number - 1]] = piece._replace(place=max(0, ahead))
        begin += len(line[0])
