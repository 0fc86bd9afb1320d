"""Turn logits into the next token of each row, by numbers that are a function of the row's seed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import torch
from jaxtyping import Float, Int

from cotmill.core.ids import rng_of


@dataclass(frozen=True)
class Draw:
    """How the next token is chosen: the likeliest, or by the row's own uniform numbers."""

    temperature: float
    top_k: int
    top_p: float
    seeds: Sequence[int]
    limit: int
    _uniforms: dict[int, Float[np.ndarray, " token"]] = field(default_factory=dict)

    def tokens(
        self, logits: Float[torch.Tensor, "row vocabulary"], places: Sequence[int], ages: Sequence[int]
    ) -> Int[torch.Tensor, " row"]:
        """Choose a token for each row; `ages` counts the tokens a row has."""
        if self.temperature == 0.0:
            return logits.argmax(-1)
        numbers = [self._uniform(place)[age] for place, age in zip(places, ages, strict=True)]
        heights = self._shares(logits).cumsum(-1)
        aims = torch.tensor(numbers, dtype=torch.float64, device=logits.device) * heights[:, -1]
        return torch.searchsorted(heights, aims[:, None], right=True)[:, 0].clamp(max=logits.shape[-1] - 1)

    def _shares(self, logits: Float[torch.Tensor, "row vocabulary"]) -> Float[torch.Tensor, "row vocabulary"]:
        """Turn logits into the distribution that is drawn from; it need not sum to one.

        Tokens as likely as the last one that top-k keeps stay; of equal ones at the edge of top-p, those
        with the smaller number.
        """
        logits = logits.double() / self.temperature
        if 0 < self.top_k < logits.shape[-1]:
            least = logits.topk(self.top_k, -1).values[:, -1:]
            logits = logits.masked_fill(logits < least, -torch.inf)
        shares = torch.softmax(logits, -1)
        if self.top_p >= 1.0:
            return shares
        ordered, places = shares.sort(dim=-1, descending=True, stable=True)
        beyond = ordered.cumsum(-1) - ordered >= self.top_p
        return shares.masked_fill(beyond.scatter(-1, places, beyond), 0.0)

    def _uniform(self, place: int) -> Float[np.ndarray, " token"]:
        """Return the uniform numbers of a row."""
        if place not in self._uniforms:
            self._uniforms[place] = rng_of(self.seeds[place], "tokens").random(self.limit)
        return self._uniforms[place]


def scores_of(
    logits: Float[torch.Tensor, "row vocabulary"], tokens: Int[torch.Tensor, " row"]
) -> list[float]:
    """Log-probability of the chosen tokens under the model."""
    logits = logits.float()
    return (logits.gather(-1, tokens[:, None])[:, 0] - logits.logsumexp(-1)).tolist()
