"""Roughly what a job will cost: seconds and memory, from the number of parameters and tokens.

Meant to tell a minute from an hour before anything is started; while a job runs, its own pace is shown.
"""

from __future__ import annotations

import torch

from cotmill.model.load import LanguageModel

CPU_FLOPS = 4e10
"""Useful operations a second of one core on models of a million parameters (measured: 2e10 to 6e10)."""
GPU_FLOPS = 1e14
"""Of one recent GPU in bfloat16, at a third of its peak."""
MOST_TOKENS = 1e5
"""Tokens a second that no small model exceeds on a CPU, for the overhead of each call."""
ACTIVATION_BYTES = 60
"""Bytes kept per token, layer and width for the backward pass, in float32."""


def parameters(lm: LanguageModel) -> int:
    """Count the weights."""
    return sum(part.numel() for part in lm.model.parameters())


def seconds_for(lm: LanguageModel, tokens: float, *, training: bool) -> float:
    """Estimate the time: six operations per weight and token to train, two to read."""
    if lm.device.type == "cuda":
        rate = GPU_FLOPS * torch.cuda.device_count()
    else:
        rate = CPU_FLOPS * torch.get_num_threads()
    most = float("inf") if lm.device.type == "cuda" else MOST_TOKENS
    return max((6 if training else 2) * parameters(lm) * tokens / rate, tokens / most)


def gigabytes_for(lm: LanguageModel, batch_tokens: float, *, training: bool) -> float:
    """Estimate the memory: weights, gradients and two moments in float32, and activations of a batch."""
    text = lm.model.config.get_text_config()
    width = text.hidden_size * text.num_hidden_layers
    if training:
        return (16 * parameters(lm) + ACTIVATION_BYTES * width * batch_tokens) / 1e9
    return (lm.model.dtype.itemsize * (parameters(lm) + 8 * text.hidden_size * batch_tokens)) / 1e9


def free_gigabytes(lm: LanguageModel) -> float | None:
    """Read the memory that is free where the model is; None on a CPU, where the machine is asked."""
    return torch.cuda.mem_get_info(lm.device)[0] / 1e9 if lm.device.type == "cuda" else None


def in_words(seconds: float) -> str:
    """Say a time.

    >>> in_words(42.0), in_words(600.0), in_words(7300.0)
    ('42 s', '10 min', '2.0 h')
    """
    if seconds < 120:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 7200 else f"{seconds / 3600:.1f} h"


def flops(weights: float, tokens: float, *, training: bool) -> float:
    """Count operations: six per weight and token to train, two to read.

    >>> f"{flops(7e7, 1e6, training=True):.1e}"
    '4.2e+14'
    """
    return (6 if training else 2) * weights * tokens
