"""Which layers of a model are differentiated: linear maps, whatever the architecture calls them.

Influence is taken with respect to the weights of these layers only, as Grosse et al. 2023 (arXiv
2308.03296) do with the MLPs. Layers that read the same tensor (gate and up, or query, key and value) share
the covariance of that input; which do is found by looking, not by name.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import torch
from torch import nn
from transformers.pytorch_utils import Conv1D

from cotmill.core.errors import ModelError
from cotmill.measure.influence.config import Which

_MLP = re.compile(r"(^|\.)(mlp|ffn|feed_forward|feedforward|fc\d|fc_in|fc_out|block_sparse_moe)(\.|$)")
_LORA = re.compile(r"(^|\.)lora_[AB](\.|$)")
GIGABYTE = 2**30


@dataclass(frozen=True, eq=False)
class Tracked:
    """One linear layer: y = W x + b, kept as the matrix [W b] of `outputs` rows and `inputs` columns."""

    name: str
    module: Any
    outputs: int
    inputs: int
    """With one column more for the bias, where there is one."""
    bias: bool
    transposed: bool
    """Whether the module stores its weight input by output, as Conv1D does."""
    shares: str
    """The first layer that reads the same input; its own name when it is the first."""

    @property
    def size(self) -> int:
        """Count the weights."""
        return self.outputs * self.inputs

    def weights(self) -> dict[str, nn.Parameter]:
        """Name its parameters as the model does."""
        found = {f"{self.name}.weight": self.module.weight}
        return found | ({f"{self.name}.bias": self.module.bias} if self.bias else {})

    def split(self, matrix: torch.Tensor) -> dict[str, torch.Tensor]:
        """Cut a matrix [W b] to the shapes of its parameters."""
        weight = matrix[:, :-1] if self.bias else matrix
        found = {f"{self.name}.weight": weight.T if self.transposed else weight}
        return found | ({f"{self.name}.bias": matrix[:, -1]} if self.bias else {})


def tracked_modules(lm: Any, which: Which = "mlp") -> tuple[Tracked, ...]:
    """Find the layers, in the order of the forward pass.

    Raises:
        ModelError: the model has none of this kind, or one of them does not see rows of tokens.
    """
    head = lm.model.get_output_embeddings()
    found = {
        name: module
        for name, module in lm.model.named_modules()
        if isinstance(module, nn.Linear | Conv1D) and module is not head and _wanted(name, which)
    }
    if not found:
        raise ModelError(
            f"{lm.name} has no linear layer of the kind {which!r}; choose among mlp, all and lora "
            "(lora needs a model with adapters that are not merged)"
        )
    readers = _inputs(lm, found)
    return tuple(_tracked(name, found, readers) for name in readers)


def _wanted(name: str, which: Which) -> bool:
    """Say whether a layer of this name belongs to the kind."""
    if which == "lora":
        return _LORA.search(name) is not None
    return which == "all" or _MLP.search(name) is not None


def _tracked(name: str, found: dict[str, Any], readers: dict[str, str]) -> Tracked:
    """Describe one layer."""
    module, turned = found[name], isinstance(found[name], Conv1D)
    shape = tuple(module.weight.shape)
    outputs, inputs = shape[::-1] if turned else shape
    bias = module.bias is not None
    shares = readers[name]
    if (found[shares].bias is not None) != bias:
        shares = name
    return Tracked(name, module, outputs, inputs + bias, bias, turned, shares)


def _inputs(lm: Any, found: dict[str, Any]) -> dict[str, str]:
    """Run two tokens through the model; name, for every layer that ran, the first that read its input."""
    first: dict[int, str] = {}
    readers: dict[str, str] = {}
    alive: list[torch.Tensor] = []  # a tensor that is dropped would give its id to the next one

    def note(name: str, given: torch.Tensor) -> None:
        if given.ndim != 3:
            raise ModelError(
                f"{name} is given {given.ndim} axes where row, token and feature were expected (routed "
                "experts do this); track other layers"
            )
        alive.append(given)
        readers[name] = first.setdefault(id(given), name)

    hooks = [
        module.register_forward_pre_hook(lambda _, given, name=name: note(name, given[0]))
        for name, module in found.items()
    ]
    try:
        with torch.no_grad():
            lm.model(input_ids=torch.tensor([[0, 1]], device=lm.device), use_cache=False)
    finally:
        for hook in hooks:
            hook.remove()
    return readers


@contextmanager
def frozen(model: nn.Module) -> Iterator[None]:
    """Switch gradients of all weights and dropout off; put everything back afterwards."""
    flags = [(part, part.requires_grad) for part in model.parameters()]
    training = model.training
    model.eval()
    for part, _ in flags:
        part.requires_grad_(False)  # noqa: FBT003 - the signature is torch's
    try:
        yield
    finally:
        for part, flag in flags:
            part.requires_grad_(flag)
        model.train(training)


def blocks(tracked: Iterable[Tracked], gigabytes: float) -> list[tuple[Tracked, ...]]:
    """Cut layers into runs whose factors fit into memory together; layers that share an input stay together.

    A run is one pass over the data for the covariances and one for the eigenvalues.
    """
    room = gigabytes * GIGABYTE
    done: list[list[Tracked]] = []
    used = 0.0
    for layer in tracked:
        # Covariance and eigenvectors of both sides, in float32 and once in float64, and the eigenvalues.
        need = 4.0 * (4 * layer.outputs**2 + layer.size) + 16.0 * layer.inputs**2
        tied = bool(done) and any(layer.shares == other.name for other in done[-1])
        if done and (used + need <= room or tied):
            done[-1].append(layer)
            used += need
        else:
            done.append([layer])
            used = need
    return [tuple(block) for block in done]
