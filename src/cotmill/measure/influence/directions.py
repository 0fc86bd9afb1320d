"""Directions: the mean gradient of each group of queries, preconditioned by the curvature.

v = (H + damping · mean λ)⁻¹ g, layer by layer. A direction is a matrix a layer; several directions are
stacked, so that every layer's factors are read once for all of them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float, Int

from cotmill.measure.influence.config import DAMPING
from cotmill.measure.influence.factors import Factors
from cotmill.measure.influence.modules import Tracked
from cotmill.measure.influence.spectrum import damped
from cotmill.measure.influence.sweep import Batch, sweep
from cotmill.model.load import LanguageModel
from cotmill.model.tokenise import TokenisedRows


@dataclass(frozen=True, eq=False)
class Directions:
    """Matrices of every tracked layer, stacked: one for each direction."""

    layers: Mapping[str, Float[torch.Tensor, "direction out in"]]

    def __len__(self) -> int:
        """Count the directions."""
        return len(next(iter(self.layers.values())))

    def one(self, number: int) -> Directions:
        """Take one of them."""
        return self.take([number])

    def take(self, numbers: list[int]) -> Directions:
        """Take some of them."""
        return Directions({name: stack[numbers] for name, stack in self.layers.items()})

    def mixed(self, weights: Float[np.ndarray, "mixture direction"]) -> Directions:
        """Make weighted sums of them."""
        return Directions(
            {
                name: torch.einsum("mk,koi->moi", torch.from_numpy(weights).to(stack), stack)
                for name, stack in self.layers.items()
            }
        )

    def norms(self) -> Float[np.ndarray, " direction"]:
        """Length of each."""
        squares = [stack.double().square().sum((1, 2)) for stack in self.layers.values()]
        return torch.stack(squares).sum(0).sqrt().cpu().numpy()


@dataclass(eq=False)
class GroupGradients:
    """A sink that sums the gradients of rows into groups, with weights."""

    groups: Int[np.ndarray, " row"]
    weights: Float[np.ndarray, " row"]
    count: int
    layers: dict[str, torch.Tensor]
    losses: Float[np.ndarray, " row"]

    def layer(self, batch: Batch, layer: Tracked, inputs: torch.Tensor, gradients: torch.Tensor) -> None:
        """Add one layer's rows of a batch: one product for each group that has rows in it."""
        here = self.groups[batch.positions]
        weights = torch.from_numpy(self.weights[batch.positions]).to(gradients.device, torch.float32)
        weighed, inputs = gradients.float() * weights[:, None, None], inputs.float()
        stack = self.layers.setdefault(layer.name, inputs.new_zeros(self.count, layer.outputs, layer.inputs))
        for group in np.unique(here).tolist():
            rows = torch.from_numpy(np.flatnonzero(here == group)).to(inputs.device)
            stack[group] += weighed[rows].flatten(0, 1).T @ inputs[rows].flatten(0, 1)

    def finish(self, batch: Batch, losses: torch.Tensor) -> None:
        """Keep the losses of the queries."""
        self.losses[batch.positions] = batch.of_labels(losses).cpu().numpy()


def group_gradients(
    lm: LanguageModel,
    rows: TokenisedRows,
    tracked: tuple[Tracked, ...],
    groups: Int[np.ndarray, " row"],
    weights: Float[np.ndarray, " row"],
) -> tuple[Directions, Float[np.ndarray, " row"]]:
    """Sum weight · ∇L over the rows of each group 0..K-1; also give the loss of every row."""
    count = int(groups.max(initial=-1)) + 1
    sink = GroupGradients(groups, weights.astype(np.float64), count, {}, np.full(len(rows), np.nan))
    sweep(lm, rows, tracked, sink)
    zeros = {layer.name: torch.zeros(count, layer.outputs, layer.inputs) for layer in tracked}
    return Directions({name: sink.layers.get(name, zero) for name, zero in zeros.items()}), sink.losses


def preconditioned(
    gradients: Directions, tracked: tuple[Tracked, ...], factors: Factors, damping: float = DAMPING
) -> Directions:
    """Multiply with the damped inverse of the curvature; one layer's factors are in memory at a time."""
    done = {}
    for layer in tracked:
        stack = gradients.layers[layer.name]
        done[layer.name] = solve(stack, factors.layer(layer, stack.device), damping)
    return Directions(done)


def solve(
    stack: Float[torch.Tensor, "direction out in"], layer: Mapping[str, torch.Tensor], damping: float
) -> Float[torch.Tensor, "direction out in"]:
    """Apply one layer's damped inverse: rotate, divide, rotate back."""
    values = damped(layer["values"], damping)
    if "basis_in" not in layer:
        return stack / values
    rotated = layer["basis_out"].T @ stack @ layer["basis_in"] / values
    return layer["basis_out"] @ rotated @ layer["basis_in"].T
