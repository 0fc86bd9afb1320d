"""Token ids, loss mask and truncation of rows: the one place where they are decided.

The boundary between prompt and answer is the longest common prefix of the tokens of the prompt and the
tokens of prompt and answer (TRL's rule), so a token that straddles the boundary carries loss. Special
tokens are put in once: a tokenizer's own prefix in the plain form, the template's text in the chat form,
never both. The answer always ends in the end-of-text token, so that stopping is learned.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any, NamedTuple

import numpy as np
from jaxtyping import Bool, Int

from cotmill.core.errors import DataError
from cotmill.data.pool import Pool
from cotmill.model.render import Form, Row, form_of, render, rows_of

CHUNK = 1_024
"""Rows rendered and tokenised at once."""
NAMED = 3
"""Rows named in an error."""


class TokenisedRow(NamedTuple):
    """One row: its tokens, and the place of the first one that carries loss."""

    row_id: str
    ids: Int[np.ndarray, " token"]
    start: int
    truncated: bool


@dataclass(frozen=True, eq=False)
class TokenisedRows:
    """Rows as one flat array of tokens; in each, the tokens from `starts` on carry loss.

    The first token of a row never carries loss, since nothing predicts it.
    """

    row_ids: tuple[str, ...]
    ids: Int[np.ndarray, " token"]
    offsets: Int[np.ndarray, " edge"]
    starts: Int[np.ndarray, " row"]
    truncated: Bool[np.ndarray, " row"]
    max_length: int

    def __len__(self) -> int:
        """Count the rows."""
        return len(self.row_ids)

    @property
    def lengths(self) -> Int[np.ndarray, " row"]:
        """Tokens of each row."""
        return np.diff(self.offsets)

    @property
    def labels(self) -> Int[np.ndarray, " row"]:
        """Tokens of each row that carry loss."""
        return np.maximum(self.lengths - np.maximum(self.starts, 1), 0)

    def row(self, position: int) -> TokenisedRow:
        """Return one row."""
        ids = self.ids[self.offsets[position] : self.offsets[position + 1]]
        return TokenisedRow(
            self.row_ids[position], ids, int(self.starts[position]), bool(self.truncated[position])
        )

    def take(self, positions: Int[np.ndarray, " place"]) -> TokenisedRows:
        """Keep some rows."""
        return flat_rows([self.row(place) for place in positions.tolist()], self.max_length)

    def __iter__(self) -> Iterator[TokenisedRow]:
        """Go through the rows."""
        return (self.row(position) for position in range(len(self)))


def tokenise(
    tokenizer: Any, rows: Pool | Iterable[Row], *, max_length: int, form: Form = "auto"
) -> TokenisedRows:
    """Tokenise rows; longer ones are cut at the end and flagged. A row without a trace carries no loss."""
    form = form_of(tokenizer, form)
    prefix = own_prefix(tokenizer) if form == "plain" else []
    done: list[TokenisedRow] = []
    stream = iter(rows_of(rows) if isinstance(rows, Pool) else rows)
    while chunk := list(islice(stream, CHUNK)):
        rendered = render(tokenizer, chunk, form)
        prompts = encode(tokenizer, [text.prompt for text in rendered], prefix)
        fulls = encode(tokenizer, [text.full for text in rendered], prefix)
        for row, prompt, full in zip(chunk, prompts, fulls, strict=True):
            done.append(_joined(tokenizer, row, prompt, full, max_length))
    return flat_rows(done, max_length)


def tokenise_prompts(tokenizer: Any, rows: Pool | Iterable[Row], *, form: Form = "auto") -> list[list[int]]:
    """Tokenise only what is given to the model, for sampling and evaluation."""
    form = form_of(tokenizer, form)
    prefix = own_prefix(tokenizer) if form == "plain" else []
    asked = (row._replace(trace="") for row in (rows_of(rows) if isinstance(rows, Pool) else rows))
    done: list[list[int]] = []
    while chunk := list(islice(asked, CHUNK)):
        done += encode(tokenizer, [text.prompt for text in render(tokenizer, chunk, form)], prefix)
    return done


def encode(tokenizer: Any, texts: Sequence[str], prefix: list[int]) -> list[list[int]]:
    """Tokenise texts without a tokenizer's own special tokens, and put the prefix before each."""
    encoded = tokenizer(list(texts), add_special_tokens=False, return_attention_mask=False, verbose=False)
    return [prefix + ids for ids in encoded["input_ids"]] if prefix else encoded["input_ids"]


def own_prefix(tokenizer: Any) -> list[int]:
    """Find the tokens that a tokenizer puts before any text (a BOS token, usually one or none)."""
    bare = tokenizer("a", add_special_tokens=False)["input_ids"]
    dressed = tokenizer("a", add_special_tokens=True)["input_ids"]
    for place in range(len(dressed) - len(bare) + 1):
        if dressed[place : place + len(bare)] == bare:
            return list(dressed[:place])
    return []


def _joined(tokenizer: Any, row: Row, prompt: list[int], full: list[int], max_length: int) -> TokenisedRow:
    """Find the boundary, end the answer, cut to length."""
    start = common_prefix(prompt, full)
    if row.trace:
        full = _ended(tokenizer, full, start)
    ids = np.asarray(full[:max_length], dtype=np.int32)
    return TokenisedRow(row.row_id, ids, min(start, len(ids)), len(full) > max_length)


def common_prefix(first: Sequence[int], second: Sequence[int]) -> int:
    """Count the tokens at which two sequences agree from the start.

    >>> common_prefix([1, 2, 3], [1, 2, 4, 5])
    2
    """
    for place, (a, b) in enumerate(zip(first, second, strict=False)):
        if a != b:
            return place
    return min(len(first), len(second))


def _ended(tokenizer: Any, full: list[int], start: int) -> list[int]:
    """Let the answer end in the end-of-text token, once, with nothing but white space cut off behind it."""
    stop = tokenizer.eos_token_id
    if stop in full[start:]:
        last = len(full) - 1 - full[::-1].index(stop)
        if not tokenizer.decode(full[last + 1 :]).strip():
            return full[: last + 1]
    return [*full, stop]


def flat_rows(rows: Sequence[TokenisedRow], max_length: int) -> TokenisedRows:
    """Put rows into flat arrays."""
    offsets = np.zeros(len(rows) + 1, dtype=np.int64)
    np.cumsum([len(row.ids) for row in rows], out=offsets[1:])
    return TokenisedRows(
        row_ids=tuple(row.row_id for row in rows),
        ids=np.concatenate([row.ids for row in rows]) if rows else np.empty(0, dtype=np.int32),
        offsets=offsets,
        starts=np.array([row.start for row in rows], dtype=np.int64),
        truncated=np.array([row.truncated for row in rows], dtype=bool),
        max_length=max_length,
    )


def refuse_bad_masks(tokenised: TokenisedRows) -> None:
    """Refuse rows on which nothing would be learned, and prompts that would be learned with the answer.

    Running text (no question) has a full mask on purpose; that is when all rows have one.

    Raises:
        DataError: some rows have an empty or a full loss mask; the first are named.
    """
    empty = np.flatnonzero(tokenised.labels == 0)
    if len(empty):
        cut = int(tokenised.truncated[empty].sum())
        raise DataError(
            f"{len(empty)} of {len(tokenised)} rows have no token that carries loss (first: "
            f"{_named(tokenised, empty)}); {cut} were cut at max_length = {tokenised.max_length}. "
            "Raise max_length, or leave them out (empty_rows: leave out)"
        )
    full = np.flatnonzero(tokenised.starts == 0)
    if 0 < len(full) < len(tokenised):
        raise DataError(
            f"{len(full)} of {len(tokenised)} rows would be trained on from their first token "
            f"(first: {_named(tokenised, full)}); they have no question, or the tokens of their prompt "
            "change when the answer follows. Train running text apart from questions with answers"
        )


def _named(tokenised: TokenisedRows, positions: Int[np.ndarray, " place"]) -> str:
    """Name the first few rows."""
    return ", ".join(tokenised.row_ids[place] for place in positions[:NAMED])


def show_masked(row: TokenisedRow, tokenizer: Any) -> str:
    """Print a row token by token: place, id, text, and whether it carries loss."""
    lines = [f"row {row.row_id}: {len(row.ids)} tokens" + (", cut at the end" if row.truncated else "")]
    for place, token in enumerate(row.ids.tolist()):
        mark = "loss" if place >= max(row.start, 1) else "-"
        lines.append(f"{place:5d}  {token:7d}  {mark:4s}  {tokenizer.decode([token])!r}")
    return "\n".join(lines)
