"""Eigenvectors and damped inverses of one layer's curvature, each a function of a few lines.

With A the covariance of a layer's inputs and G that of its output gradients, K-FAC (Martens and Grosse
2015, arXiv 1503.05671) takes the layer's curvature for G ⊗ A, whose eigenvectors are products. EK-FAC
(George et al. 2018, arXiv 1806.03884) keeps the eigenvectors and measures the eigenvalues.
"""

from __future__ import annotations

import numpy as np
import torch
from jaxtyping import Float

from cotmill.core.errors import EvidenceError

CPU_BUFFER = 2**19
"""Numbers of per-example gradients held at a time on a CPU: two megabytes, so that they stay in the cache."""
GPU_BUFFER = 2**28


def eigenvectors(
    covariance: Float[torch.Tensor, "k k"],
) -> tuple[Float[torch.Tensor, " k"], Float[torch.Tensor, "k k"]]:
    """Give eigenvalues (not below zero) and eigenvectors as columns, in double precision.

    Raises:
        EvidenceError: the covariance is not finite.
    """
    if not bool(torch.isfinite(covariance).all()):
        raise EvidenceError(
            "a covariance is not finite; the model's activations overflow: load it in bfloat16 or float32"
        )
    values, vectors = torch.linalg.eigh(covariance.double())
    # Of the two signs LAPACK may return either; the largest entry is made positive.
    peaks = vectors.gather(0, vectors.abs().argmax(0, keepdim=True))
    return values.clamp_(min=0.0), vectors * torch.where(peaks < 0, -1.0, 1.0)


def damped(values: Float[torch.Tensor, "out in"], damping: float) -> Float[torch.Tensor, "out in"]:
    """Add damping times the mean eigenvalue, so that one setting serves every layer.

    Raises:
        EvidenceError: all eigenvalues are zero.
    """
    mean = float(values.double().mean())
    if not mean > 0:
        raise EvidenceError(
            "the curvature of a layer is zero: no row has a label whose gradient reaches it; give more rows"
        )
    return values + damping * mean


def gram(values: Float[torch.Tensor, "token k"]) -> Float[torch.Tensor, "k k"]:
    """Multiply a matrix with itself in float32: Σ_t x_t x_tᵀ.

    On a CPU by numpy, which knows that the result is symmetric and does half the work.
    """
    values = values.float()
    if values.device.type != "cpu":
        return values.T @ values
    bare = np.ascontiguousarray(values.numpy())
    return torch.from_numpy(bare.T @ bare)


def at_once(size: int, device: torch.device) -> int:
    """Say how many gradients of a layer of this size are formed at a time."""
    return max(1, (CPU_BUFFER if device.type == "cpu" else GPU_BUFFER) // size)


def by_tokens_is_cheaper(tokens: int, outputs: int, inputs: int) -> bool:
    """Say whether rotating every token costs less than rotating the gradient that they sum to.

    >>> by_tokens_is_cheaper(100, 336, 128), by_tokens_is_cheaper(4000, 336, 128)
    (True, False)
    """
    return tokens * (outputs**2 + inputs**2) <= outputs * inputs * (outputs + inputs)
