"""Which of several training processes this is, by what the launcher put into the environment."""

from __future__ import annotations

import os

import torch

RANKED = "LOCAL_RANK"
"""Set by every launcher in the processes that it starts."""


def rank() -> int:
    """Number of this process; 0 writes."""
    return int(os.environ.get("RANK", "0"))


def processes() -> int:
    """How many processes train together."""
    return int(os.environ.get("WORLD_SIZE", "1"))


def own_device() -> str | None:
    """Name the GPU of this process; None lets the one there is be taken."""
    if RANKED in os.environ and torch.cuda.is_available():
        return f"cuda:{os.environ[RANKED]}"
    return None
