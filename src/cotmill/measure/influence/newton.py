"""Directions refined: conjugate gradients on the Gauss–Newton matrix itself, preconditioned by its factors.

K-FAC and EK-FAC take layers for independent and gradients for products. With a few right-hand sides the
system (H + damping) v = g can be solved for the Gauss–Newton matrix H = mean_rows Σ_labels Jᵀ (diag p - ppᵀ)
J of all tracked layers together: a product with H is one forward-mode derivative and one backward pass over
a sample of rows. Nothing is drawn: the expectation over labels is exact.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch

from cotmill.core.ids import order_keys
from cotmill.measure.influence.config import DAMPING, NewtonConfig
from cotmill.measure.influence.directions import Directions, GroupGradients, preconditioned
from cotmill.measure.influence.factors import Factors
from cotmill.measure.influence.forward import tangents
from cotmill.measure.influence.loss import back_through_head, logits_of, pieces
from cotmill.measure.influence.modules import Tracked
from cotmill.measure.influence.sweep import Batch, sweep
from cotmill.model.load import LanguageModel
from cotmill.model.tokenise import TokenisedRows


@dataclass(frozen=True)
class Refined:
    """Directions after conjugate gradients, and the residual |g - (H + λ) v| / |g| after each iteration."""

    directions: Directions
    residuals: tuple[tuple[float, ...], ...]


@dataclass(frozen=True, eq=False)
class GaussNewton:
    """The damped Gauss–Newton matrix of some rows, as a product."""

    lm: LanguageModel
    rows: TokenisedRows
    tracked: tuple[Tracked, ...]
    dampings: dict[str, float]
    """What is added to the diagonal, layer by layer."""

    def __call__(self, direction: Directions) -> Directions:
        """Multiply one direction."""
        count = int((self.rows.labels > 0).sum())
        size = len(self.rows)
        sink = GroupGradients(
            np.zeros(size, dtype=np.int64), np.full(size, 1.0 / count), 1, {}, np.full(size, np.nan)
        )

        def curved(
            batch: Batch, states: torch.Tensor, targets: torch.Tensor
        ) -> tuple[torch.Tensor, torch.Tensor]:
            del targets
            _, moved = tangents(self.lm, batch, self.tracked, direction)
            return states.new_zeros(len(states)), _through_softmax(self.lm, states, moved)

        sweep(self.lm, self.rows, self.tracked, sink, gradient=curved)
        return Directions(
            {
                name: sink.layers[name] + self.dampings[name] * stack
                for name, stack in direction.layers.items()
            }
        )


@torch.no_grad()
def _through_softmax(lm: LanguageModel, states: torch.Tensor, moved: torch.Tensor) -> torch.Tensor:
    """Multiply a change of states with the Hessian of the losses: (diag p - ppᵀ) in logits, and back."""
    gradients = torch.empty_like(states)
    for piece in pieces(lm.model, len(states)):
        shares = torch.softmax(logits_of(lm.model, states[piece]), -1)
        change = logits_of(lm.model, moved[piece])
        curved = shares * (change - (shares * change).sum(-1, keepdim=True))
        gradients[piece] = back_through_head(lm.model, curved, states.dtype)
    return gradients


def refine(
    lm: LanguageModel,
    rows: TokenisedRows,
    tracked: tuple[Tracked, ...],
    gradients: Directions,
    factors: Factors,
    *,
    damping: float = DAMPING,
    config: NewtonConfig | None = None,
) -> Refined:
    """Solve (H + λ) v = g for each gradient, from the preconditioned gradient on."""
    config = config or NewtonConfig()
    usable = np.flatnonzero(rows.labels)
    keys = order_keys(0, np.array(rows.row_ids)[usable])
    some = rows.take(np.sort(usable[np.argsort(keys)[: config.rows]]))
    dampings = {
        layer.name: damping * float(factors.layer(layer, lm.device)["values"].double().mean())
        for layer in tracked
    }
    matrix = GaussNewton(lm, some, tracked, dampings)

    def inverse(residual: Directions) -> Directions:
        return preconditioned(residual, tracked, factors, damping)

    solved = [conjugate(matrix, inverse, gradients.one(k), config) for k in range(len(gradients))]
    stacked = {
        layer.name: torch.cat([direction.layers[layer.name] for direction, _ in solved]) for layer in tracked
    }
    return Refined(Directions(stacked), tuple(residuals for _, residuals in solved))


def conjugate(
    matrix: Callable[[Directions], Directions],
    inverse: Callable[[Directions], Directions],
    right: Directions,
    config: NewtonConfig,
) -> tuple[Directions, tuple[float, ...]]:
    """Run preconditioned conjugate gradients from the preconditioned right-hand side."""
    found = inverse(right)
    residual = plus(right, -1.0, matrix(found))
    whole = dot(right, right)
    seen = [(dot(residual, residual) / whole) ** 0.5]
    steered = inverse(residual)
    along, slope = steered, dot(residual, steered)
    for _ in range(config.iterations):
        if seen[-1] <= config.tolerance:
            break
        bent = matrix(along)
        step = slope / dot(along, bent)
        found, residual = plus(found, step, along), plus(residual, -step, bent)
        seen.append((dot(residual, residual) / whole) ** 0.5)
        steered = inverse(residual)
        turned = dot(residual, steered)
        along, slope = plus(steered, turned / slope, along), turned
    return found, tuple(seen)


def plus(first: Directions, factor: float, second: Directions) -> Directions:
    """First + factor * second."""
    return Directions({name: stack + factor * second.layers[name] for name, stack in first.layers.items()})


def dot(first: Directions, second: Directions) -> float:
    """Inner product of two single directions, in double precision."""
    parts = [(stack.double() * second.layers[name].double()).sum() for name, stack in first.layers.items()]
    return float(torch.stack(parts).sum())
