"""Sample answers, greedily or at a temperature, with rows joining and leaving the batch as they finish.

Rows in flight are aligned at their last token: a new row is padded on the left to the length of the
others, a finished one is dropped, and padding that all rows share is cut away. So the batch stays full
while prompts are left, and small models on a CPU lose no step to rows that are done. Models whose cache
is not plain attention (sliding windows, recurrent layers) are run in batches that only end together.

What is drawn for a row is a function of its own seed: one uniform number per token, turned into a token
by the inverse of the distribution's cumulative sum. Batch size and neighbours change logits only within
rounding. Top-k and top-p cut the distribution after the temperature, in that order, as transformers does.
Rows that join together with the same prompt share one reading of it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import torch
from jaxtyping import Float, Int

from cotmill.core.errors import ModelError
from cotmill.core.ids import seed_of
from cotmill.model.batches import is_memory
from cotmill.model.cache import can_move, join_rows, keep_rows, new_cache
from cotmill.model.draw import Draw, scores_of
from cotmill.model.load import LanguageModel

CPU_ROWS = 128
"""Rows in flight on a CPU: beyond it nothing is gained for models of a million parameters (measured)."""
GPU_ROWS = 256
REFILL = 0.75
"""New rows join when fewer than this share of the batch is left; each joining copies the cache once."""
DROP = 0.875
"""Rows that are done leave when at most this share of the batch is still writing."""


@dataclass(frozen=True)
class Generation:
    """What was written after one prompt; `tokens` counts the end-of-text token.

    `logprob` is the log-probability of these tokens under the model itself, whatever the temperature and
    the cut, in nats; None when it was not asked for.
    """

    text: str
    tokens: int
    finish_reason: Literal["stop", "length"]
    logprob: float | None = None


def generate(  # noqa: PLR0913 - the settings of a distribution are many
    lm: LanguageModel,
    prompts: Sequence[Sequence[int]],
    *,
    max_new_tokens: int,
    temperature: float = 0.0,
    top_k: int = 0,
    top_p: float = 1.0,
    logprobs: bool = False,
    seeds: Sequence[int] | int = 0,
    batch_size: int | None = None,
    on_done: Callable[[int], object] | None = None,
) -> list[Generation]:
    """Answer every prompt; the results are in the order of the prompts.

    At temperature 0 the likeliest token is taken. `top_k` keeps the likeliest so many tokens (0: all),
    `top_p` the fewest that have so much probability together. `seeds` is one seed for each prompt, or one
    from which they follow by place: give seeds made of (seed, row id, sample) to be independent of place.
    `on_done` is called with the number of rows that finished. When memory runs out, the batch is halved.

    Raises:
        ModelError: a prompt is empty, or not even one row fits into memory.
    """
    if any(not len(prompt) for prompt in prompts):
        raise ModelError("a prompt has no tokens; there is nothing to answer")
    if isinstance(seeds, int):
        seeds = [seed_of(seeds, "prompt", place) for place in range(len(prompts))]
    rows = batch_size or (CPU_ROWS if lm.device.type == "cpu" else GPU_ROWS)
    draw = Draw(temperature, top_k, top_p, seeds, max_new_tokens)
    while True:
        try:
            flight = _Flight(lm, prompts, draw, max_new_tokens, on_done, score=logprobs)
            written = flight.run(rows)
            scores = flight.scores or [None] * len(written)
            return [_generation(lm, *row) for row in zip(written, scores, strict=True)]
        except RuntimeError as error:
            if not is_memory(error):
                raise
            if rows == 1:
                raise ModelError("one row alone does not fit into memory; lower max_new_tokens") from error
        rows //= 2


def sample_seed(seed: int, row_id: str, sample: int = 0) -> int:
    """Derive the seed of one sample of one row."""
    return seed_of(seed, "sample", row_id, sample)


class _Flight:
    """The rows that are being written, and the cache they share."""

    def __init__(
        self,
        lm: LanguageModel,
        prompts: Sequence[Sequence[int]],
        draw: Draw,
        limit: int,
        on_done: Callable[[int], object] | None,
        *,
        score: bool,
    ) -> None:
        """Queue all prompts; the longest go first, so the cache does not have to be widened later."""
        self.scores: list[float] = [0.0] * len(prompts) if score else []
        self.lm, self.prompts, self.draw, self.on_done = lm, prompts, draw, on_done
        room = (lm.max_length - len(prompt) for prompt in prompts)
        self.limits = [max(0, min(limit, free)) for free in room]
        self.queue = [place for place, most in enumerate(self.limits) if most]
        # Equal prompts stand together, so that rows that join together share the reading of one.
        twins: dict[tuple[int, ...], int] = {}
        first = {place: twins.setdefault(tuple(prompts[place]), place) for place in self.queue}
        self.queue.sort(key=lambda place: (len(prompts[place]), first[place]))
        self.written: list[list[int]] = [[] for _ in prompts]
        self.stops = frozenset(lm.stop_ids)
        self.never = list(lm.never_ids)
        self.places: list[int] = []
        self.alive: list[bool] = []
        self.pads = torch.empty(0, dtype=torch.int64, device=lm.device)
        self.last = torch.empty(0, dtype=torch.int64, device=lm.device)
        self.cache: Any = None

    def run(self, rows: int) -> list[list[int]]:
        """Write until all prompts are answered; return the tokens written after each."""
        with torch.inference_mode():
            while self.queue or self.places:
                if self.queue and self._may_join(rows):
                    self._join(
                        [self.queue.pop() for _ in range(min(len(self.queue), rows - len(self.places)))]
                    )
                else:
                    self._step()
        return self.written

    def _may_join(self, rows: int) -> bool:
        """Say whether new rows should join now."""
        return not self.places or (len(self.places) < REFILL * rows and can_move(self.cache))

    def _join(self, new: list[int]) -> None:
        """Read new prompts and put their rows beside those in flight."""
        logits, cache, pads = self._read(new)
        if self.places:
            self.pads = join_rows(self.cache, cache, self.pads, pads)
        else:
            self.cache, self.pads = cache, pads
        self.places += new
        self.alive += [True] * len(new)
        chosen = self.draw.tokens(logits, new, [0] * len(new))
        self._write(chosen, range(len(self.places) - len(new), len(self.places)), logits)
        self.last = torch.cat([self.last, chosen])
        self._drop()

    def _read(
        self, new: list[int]
    ) -> tuple[Float[torch.Tensor, "row vocabulary"], Any, Int[torch.Tensor, " row"]]:
        """Run the model over new prompts, over equal ones once; return logits, cache and padding of each."""
        cache = new_cache(self.lm.model.config)
        distinct: dict[tuple[int, ...], int] = {}
        for place in new:
            distinct.setdefault(tuple(self.prompts[place]), len(distinct))
        prompts = list(distinct) if len(distinct) < len(new) and can_move(cache) else self._prompts(new)
        width = max(map(len, prompts))
        inputs = torch.zeros((len(prompts), width), dtype=torch.int64)
        for slot, prompt in enumerate(prompts):
            inputs[slot, width - len(prompt) :] = torch.as_tensor(prompt)
        pads = torch.tensor([width - len(prompt) for prompt in prompts], device=self.lm.device)
        positions = torch.arange(width, device=self.lm.device)[None] - pads[:, None]
        logits = self._forward(inputs.to(self.lm.device), positions.clamp(min=0), pads, cache)
        if len(prompts) == len(new):
            return logits, cache, pads
        which = [distinct[tuple(self.prompts[place])] for place in new]
        rows = torch.tensor(which, device=self.lm.device)
        keep_rows(cache, rows, cut=0)
        return logits[rows], cache, pads[rows]

    def _prompts(self, places: list[int]) -> list[tuple[int, ...]]:
        """Look up prompts."""
        return [tuple(self.prompts[place]) for place in places]

    def _step(self) -> None:
        """Write one token in every row in flight."""
        length = self.cache.get_seq_length()
        logits = self._forward(self.last[:, None], (length - self.pads)[:, None], self.pads, self.cache)
        ages = [min(len(self.written[place]), self.limits[place] - 1) for place in self.places]
        self.last = self.draw.tokens(logits, self.places, ages)
        self._write(self.last, range(len(self.places)), logits)
        self._drop()

    def _forward(
        self,
        inputs: Int[torch.Tensor, "row token"],
        positions: Int[torch.Tensor, "row token"],
        pads: Int[torch.Tensor, " row"],
        cache: Any,
    ) -> Float[torch.Tensor, "row vocabulary"]:
        """Run the model; return the logits of the next token of each row."""
        output = self.lm.model(
            input_ids=inputs,
            attention_mask=self._mask(inputs.shape[1], pads, cache),
            position_ids=positions,
            past_key_values=cache,
            use_cache=True,
            logits_to_keep=1,
        )
        logits = output.logits[:, -1]
        if self.never:
            logits[:, self.never] = -torch.inf
        return logits

    def _mask(self, new: int, pads: Int[torch.Tensor, " row"], cache: Any) -> torch.Tensor | None:
        """Hide the padding; None when there is none.

        For a single new token of a model with full attention this is already the mask that is added to
        the scores, which spares transformers from working it out at every token.
        """
        if not bool(pads.any()):
            return None
        seen = torch.arange(cache.get_seq_length() + new, device=pads.device)[None] >= pads[:, None]
        if new > 1 or not can_move(cache):
            return seen.long()
        kind = self.lm.model.dtype
        hidden = torch.zeros(seen.shape, dtype=kind, device=pads.device)
        return hidden.masked_fill_(~seen, torch.finfo(kind).min)[:, None, None]

    def _write(
        self,
        tokens: Int[torch.Tensor, " row"],
        slots: range,
        logits: Float[torch.Tensor, "row vocabulary"],
    ) -> None:
        """Append the chosen tokens, and note which rows are done."""
        finished = 0
        scores = scores_of(logits, tokens) if self.scores else [0.0] * len(tokens)
        for slot, token, score in zip(slots, tokens.tolist(), scores, strict=True):
            if not self.alive[slot]:
                continue
            place = self.places[slot]
            text = self.written[place]
            text.append(token)
            if self.scores:
                self.scores[place] += score
            if token in self.stops or len(text) == self.limits[place]:
                self.alive[slot] = False
                finished += 1
        if finished and self.on_done is not None:
            self.on_done(finished)

    def _drop(self) -> None:
        """Let rows that are done leave, once it pays, and cut the padding that all others share."""
        left = sum(self.alive)
        if left == 0:
            self.places, self.alive, self.cache = [], [], None
            self.pads, self.last = self.pads[:0], self.last[:0]
        elif left <= DROP * len(self.alive) and can_move(self.cache):
            keep = torch.tensor(
                [slot for slot, alive in enumerate(self.alive) if alive], device=self.pads.device
            )
            shared = int(self.pads[keep].min())
            keep_rows(self.cache, keep, cut=shared)
            self.pads, self.last = self.pads[keep] - shared, self.last[keep]
            self.places = [self.places[slot] for slot in keep.tolist()]
            self.alive = [True] * left


def _generation(lm: LanguageModel, tokens: list[int], score: float | None) -> Generation:
    """Decode one answer."""
    stopped = bool(tokens) and tokens[-1] in lm.stop_ids
    text = lm.tokenizer.decode(tokens[:-1] if stopped else tokens, skip_special_tokens=True)
    return Generation(text, len(tokens), "stop" if stopped else "length", score)
