"""Every row against directions by one backward pass; losses and gradient norms come with it.

The score of a row is ⟨∇L, v⟩ = Σ_layers Σ_t g_tᵀ V a_t. Two ways give the same number. For one direction,
or where the place in the row matters, the sum over t is taken directly and no gradient of a row is formed.
For several, one layer's gradient of a few rows at a time is formed in the cache, Σ_t g_t a_tᵀ, and all
directions and the norm are taken of it: its cost does not grow with the number of directions.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float

from cotmill.measure.influence.directions import Directions
from cotmill.measure.influence.factors import row_gradients
from cotmill.measure.influence.modules import Tracked
from cotmill.measure.influence.sweep import Batch, sweep
from cotmill.model.load import LanguageModel
from cotmill.model.tokenise import TokenisedRows


@dataclass(frozen=True, eq=False)
class RowScores:
    """What a pass over rows gives; NaN for rows without a label."""

    values: Float[np.ndarray, "row direction"]
    losses: Float[np.ndarray, " row"]
    """Summed over labels, in nats."""
    norms: Float[np.ndarray, " row"]
    """Length of the gradient with respect to the tracked weights; NaN where it was not asked for."""


@dataclass(eq=False)
class Formed:
    """A sink that forms the gradient of a few rows of one layer and takes all directions of it."""

    directions: Directions
    values: torch.Tensor
    norms: torch.Tensor
    losses: torch.Tensor

    def layer(self, batch: Batch, layer: Tracked, inputs: torch.Tensor, gradients: torch.Tensor) -> None:
        """Add one layer's share of every row's scores."""
        flat = self.directions.layers[layer.name].flatten(1).T
        begin = 0
        for formed in row_gradients(inputs.float(), gradients.float()):
            rows = batch.positions[begin : begin + len(formed)]
            listed = formed.flatten(1)
            self.values[rows] += (listed @ flat).double().cpu()
            self.norms[rows] += torch.linalg.vector_norm(listed, dim=1).double().square().cpu()
            begin += len(formed)

    def finish(self, batch: Batch, losses: torch.Tensor) -> None:
        """Keep the losses."""
        self.losses[batch.positions] = batch.of_labels(losses).cpu()


@dataclass(eq=False)
class Contracted:
    """A sink that sums g_tᵀ V a_t without forming a gradient; it can keep the terms of every position."""

    directions: Directions
    values: torch.Tensor
    losses: torch.Tensor
    terms: dict[int, Float[np.ndarray, "direction token"]] | None = None

    def layer(self, batch: Batch, layer: Tracked, inputs: torch.Tensor, gradients: torch.Tensor) -> None:
        """Add one layer's share."""
        parts = []
        for matrix in self.directions.layers[layer.name]:
            parts.append(((inputs.float() @ matrix.T) * gradients.float()).sum(-1, dtype=torch.float64))
        stacked = torch.stack(parts, dim=1)
        self.values[batch.positions] += stacked.sum(-1).cpu()
        if self.terms is not None:
            for place, row in enumerate(batch.positions.tolist()):
                length = int(batch.rows.lengths[row])
                part = stacked[place, :, :length].cpu().numpy()
                self.terms[row] = self.terms[row] + part if row in self.terms else part

    def finish(self, batch: Batch, losses: torch.Tensor) -> None:
        """Keep the losses."""
        self.losses[batch.positions] = batch.of_labels(losses).cpu()


def score_rows(
    lm: LanguageModel,
    rows: TokenisedRows,
    tracked: tuple[Tracked, ...],
    directions: Directions,
    *,
    norms: bool = True,
    batch_tokens: int | None = None,
) -> RowScores:
    """Score every row against every direction; positive is along the direction."""
    count = len(directions)
    values = torch.zeros(len(rows), count, dtype=torch.float64)
    losses = torch.full((len(rows),), torch.nan, dtype=torch.float64)
    squares = torch.zeros(len(rows), dtype=torch.float64)
    form = norms or count > 1
    sink = Formed(directions, values, squares, losses) if form else Contracted(directions, values, losses)
    sweep(lm, rows, tracked, sink, batch_tokens=batch_tokens)
    lengths = squares.sqrt() if form else torch.full_like(squares, torch.nan)
    unmeasured = torch.from_numpy(rows.labels == 0)
    values[unmeasured], lengths[unmeasured] = torch.nan, torch.nan
    return RowScores(values.numpy(), losses.numpy(), lengths.numpy())


def position_scores(
    lm: LanguageModel,
    rows: TokenisedRows,
    tracked: tuple[Tracked, ...],
    directions: Directions,
    *,
    batch_tokens: int | None = None,
) -> list[Float[np.ndarray, "direction token"]]:
    """Share each row's score out over the positions at which the layers were read; prompts have a share.

    The sum over a row is its score. For the share of every *predicted* token see `forward.token_scores`.
    """
    values = torch.zeros(len(rows), len(directions), dtype=torch.float64)
    losses = torch.zeros(len(rows), dtype=torch.float64)
    sink = Contracted(directions, values, losses, {})
    sweep(lm, rows, tracked, sink, batch_tokens=batch_tokens)
    assert sink.terms is not None
    empty = np.zeros((len(directions), 0))
    return [sink.terms.get(row, empty) for row in range(len(rows))]
