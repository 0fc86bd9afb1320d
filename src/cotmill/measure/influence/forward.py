"""Scores by forward passes alone: forward-mode derivatives, and central finite differences.

The score of a row is the derivative of its loss along a direction, so no backward pass is needed. Per
direction: a forward-mode derivative costs two forward passes and is exact, but needs an attention kernel
that has one (fused kernels have none, so attention costs memory quadratic in the length); differences cost
two plain forward passes and keep nothing, at the price of a radius. The radius is chosen against exact
scores of a few rows, and differences that agree with them too little are refused.

Both give the share of every predicted token as they go: the token's own loss along the direction.
"""

from __future__ import annotations

import functools
import importlib
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import torch
import torch.autograd.forward_ad as forward_ad
from jaxtyping import Float
from torch import nn
from torch.nn.attention import SDPBackend, sdpa_kernel

from cotmill.core.errors import EvidenceError
from cotmill.core.ids import order_keys
from cotmill.evidence.agreement import rank_correlation
from cotmill.measure.influence.directions import Directions
from cotmill.measure.influence.loss import before_head, logits_of, pieces
from cotmill.measure.influence.modules import Tracked, frozen
from cotmill.measure.influence.scores import score_rows
from cotmill.measure.influence.sweep import Batch, batches_of
from cotmill.model.cost import ACTIVATION_BYTES
from cotmill.model.load import LanguageModel
from cotmill.model.tokenise import TokenisedRows

RADII = (1e-4, 1e-3, 3e-3, 1e-2, 3e-2, 1e-1)
"""Lengths of the step as a share of the length of the weights; in float32 1e-3 is best, in bfloat16 3e-2."""
AGREEMENT = 0.99
CALIBRATED_ON = 32
SHORT = 4_096
"""Tokens up to which unfused attention still fits beside the rest."""
CPU_BYTES = 8 * 2**30


@dataclass(frozen=True)
class Calibration:
    """A radius, and how well differences with it agree with exact scores (Spearman, worst direction)."""

    radius: float
    agreement: float
    tried: Mapping[float, float]


class _BeforeHead(nn.Module):
    """The model up to its output layer as one module, so that its weights can be replaced for a call."""

    def __init__(self, model: Any) -> None:
        super().__init__()
        self.model = model

    def forward(self, batch: Batch) -> torch.Tensor:
        """Run a batch."""
        return before_head(self.model, batch.inputs, batch.keep)


def route_for(
    *, longest: int, width: int, layers: int, directions: int, free_bytes: float
) -> Literal["backward", "forward", "differences"]:
    """Choose the cheapest way that fits.

    Backward (2 to 3 passes, any number of directions) while one row's activations fit; else forward-mode (2
    passes a direction) while its attention fits; else differences (2 passes a direction).

    >>> route_for(longest=500, width=128, layers=4, directions=2, free_bytes=8e9)
    'backward'
    >>> route_for(longest=16_000, width=4096, layers=32, directions=1, free_bytes=8e9)
    'differences'
    """
    if longest * width * layers * ACTIVATION_BYTES <= free_bytes / 2:
        return "backward"
    return "forward" if longest <= SHORT and directions == 1 else "differences"


def free_bytes(lm: LanguageModel) -> float:
    """Say how much memory there is for activations."""
    if lm.device.type == "cuda":
        return float(torch.cuda.mem_get_info(lm.device)[0])
    return float(CPU_BYTES)


def replaced(tracked: Sequence[Tracked], matrices: Mapping[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    """Name matrices of tracked layers as the parameters that they stand for."""
    named = {}
    for layer in tracked:
        named |= {
            name: part.to(layer.module.weight) for name, part in layer.split(matrices[layer.name]).items()
        }
    return named


@functools.cache
def _load_rules() -> None:
    """Load torch's rules for forward-mode derivatives, which warns about torch's own use of torch.jit."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        importlib.import_module("torch._decomp.decompositions_for_jvp")


@torch.no_grad()
def tangents(
    lm: LanguageModel, batch: Batch, tracked: Sequence[Tracked], direction: Directions
) -> tuple[torch.Tensor, torch.Tensor]:
    """Give the states before the output layer and their derivative along one direction."""
    _load_rules()
    named = replaced(tracked, {name: stack[0] for name, stack in direction.layers.items()})
    weights = {name: part for layer in tracked for name, part in layer.weights().items()}
    with forward_ad.dual_level(), sdpa_kernel(SDPBackend.MATH):
        duals = {f"model.{name}": forward_ad.make_dual(weights[name], part) for name, part in named.items()}
        states = torch.func.functional_call(_BeforeHead(lm.model), duals, (batch,))
        primal, tangent = forward_ad.unpack_dual(states)
        return primal.clone(), torch.zeros_like(primal) if tangent is None else tangent.clone()


@torch.no_grad()
def _along(
    lm: LanguageModel, batch: Batch, tracked: Sequence[Tracked], direction: Directions
) -> Float[torch.Tensor, " label"]:
    """Differentiate every label's loss along one direction."""
    states, moved = tangents(lm, batch, tracked, direction)
    targets = batch.inputs[:, 1:][batch.keep]
    slopes = states.new_empty(len(states), dtype=torch.float32)
    for piece in pieces(lm.model, len(states)):
        logits, change = logits_of(lm.model, states[piece]), logits_of(lm.model, moved[piece])
        own = change.gather(1, targets[piece].unsqueeze(1)).squeeze(1)
        slopes[piece] = (torch.softmax(logits, -1) * change).sum(-1) - own
    return slopes


def token_slopes(
    lm: LanguageModel,
    rows: TokenisedRows,
    tracked: Sequence[Tracked],
    directions: Directions,
    *,
    batch_tokens: int | None = None,
) -> list[Float[np.ndarray, "direction label"]]:
    """Score every predicted token of every row by forward-mode derivatives; a row's sum is its score."""
    done: dict[int, np.ndarray] = {}
    with frozen(lm.model):
        for batch in batches_of(lm, rows, batch_tokens):
            slopes = [_along(lm, batch, tracked, directions.one(k)) for k in range(len(directions))]
            done |= _by_row(batch, torch.stack(slopes))
    empty = np.zeros((len(directions), 0), dtype=np.float32)
    return [done.get(row, empty) for row in range(len(rows))]


def token_differences(
    lm: LanguageModel,
    rows: TokenisedRows,
    tracked: Sequence[Tracked],
    directions: Directions,
    *,
    radius: float,
    batch_tokens: int | None = None,
) -> list[Float[np.ndarray, "direction label"]]:
    """Score every predicted token by central differences; `radius` is a share of the weights' length."""
    steps = radius * weight_norm(tracked) / directions.norms()
    sums: dict[int, np.ndarray] = {}
    for number, step in enumerate(steps.tolist()):
        for sign in (1.0, -1.0):
            one = directions.one(number)
            for row, losses in _losses_at(lm, rows, tracked, one, sign * step, batch_tokens).items():
                shares = sums.setdefault(row, np.zeros((len(directions), len(losses))))
                shares[number] += sign * losses / (2 * step)
    empty = np.zeros((len(directions), 0))
    return [sums.get(row, empty) for row in range(len(rows))]


def weight_norm(tracked: Sequence[Tracked]) -> float:
    """Length of all tracked weights together."""
    squares = [
        part.detach().double().square().sum() for layer in tracked for part in layer.weights().values()
    ]
    return float(torch.stack(squares).sum().sqrt())


@torch.no_grad()
def _losses_at(
    lm: LanguageModel,
    rows: TokenisedRows,
    tracked: Sequence[Tracked],
    direction: Directions,
    step: float,
    batch_tokens: int | None,
) -> dict[int, Float[np.ndarray, " label"]]:
    """Measure the labels' losses with the weights moved; the model itself is left as it is."""
    named = replaced(tracked, {name: stack[0] for name, stack in direction.layers.items()})
    weights = {name: part for layer in tracked for name, part in layer.weights().items()}
    moved = {f"model.{name}": weights[name] + step * part for name, part in named.items()}
    done: dict[int, np.ndarray] = {}
    with frozen(lm.model):
        for batch in batches_of(lm, rows, batch_tokens):
            states = torch.func.functional_call(_BeforeHead(lm.model), moved, (batch,))
            targets = batch.inputs[:, 1:][batch.keep]
            losses = [
                nn.functional.cross_entropy(
                    logits_of(lm.model, states[piece]), targets[piece], reduction="none"
                )
                for piece in pieces(lm.model, len(states))
            ]
            shares = _by_row(batch, torch.cat(losses).unsqueeze(0))
            done |= {row: share[0].astype(np.float64) for row, share in shares.items()}
    return done


def _by_row(batch: Batch, values: Float[torch.Tensor, "direction label"]) -> dict[int, np.ndarray]:
    """Cut values of a batch's labels into its rows."""
    ends = np.cumsum(batch.keep.sum(1).cpu().numpy())[:-1]
    parts = np.split(values.cpu().numpy(), ends, axis=1)
    return dict(zip(batch.positions.tolist(), parts, strict=True))


def calibrated(
    lm: LanguageModel,
    rows: TokenisedRows,
    tracked: tuple[Tracked, ...],
    directions: Directions,
    *,
    radii: Sequence[float] = RADII,
    count: int = CALIBRATED_ON,
) -> Calibration:
    """Choose the radius at which differences agree best with exact scores of a few rows drawn by hash.

    Raises:
        EvidenceError: at no radius is the rank correlation .99.
    """
    usable = np.flatnonzero(rows.labels)
    keys = order_keys(0, np.array(rows.row_ids)[usable])
    some = rows.take(usable[np.argsort(keys)[:count]])
    exact = score_rows(lm, some, tracked, directions, norms=False).values
    tried = {}
    for radius in radii:
        found = token_differences(lm, some, tracked, directions, radius=radius)
        sums = np.array([shares.sum(1) for shares in found])
        tried[radius] = min(rank_correlation(exact[:, k], sums[:, k]) for k in range(len(directions)))
    best = max(tried, key=lambda radius: tried[radius])
    if not tried[best] >= AGREEMENT:
        told = ", ".join(f"{radius:g}: {value:.3f}" for radius, value in tried.items())
        raise EvidenceError(
            f"finite differences agree with exact scores of {len(some)} rows by at most {tried[best]:.3f} "
            f"({told}); at least {AGREEMENT} is needed. Use the route backward or forward"
        )
    return Calibration(best, tried[best], tried)
