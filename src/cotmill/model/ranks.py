"""Which of several processes this is, by what torchrun or accelerate put into the environment."""

from __future__ import annotations

import os
from datetime import timedelta

import torch
from torch import distributed

RANKED = "LOCAL_RANK"
"""Set by every launcher in the processes that it starts."""
LONGEST = timedelta(days=30)
"""How long one process waits for another; a launcher ends all when one of them dies."""


def rank() -> int:
    """Number of this process; 0 writes."""
    return int(os.environ.get("RANK", "0"))


def processes() -> int:
    """How many processes work together."""
    return int(os.environ.get("WORLD_SIZE", "1"))


def meet() -> None:
    """Wait until all processes are here; they talk by gloo, which needs no GPU."""
    if processes() == 1:
        return
    if not distributed.is_initialized():
        distributed.init_process_group("gloo", timeout=LONGEST)
    distributed.barrier()


def cut_over_processes() -> bool:
    """Whether accelerate was told to cut the model over the processes (FSDP)."""
    return os.environ.get("ACCELERATE_USE_FSDP", "false").lower() == "true"


def own_device() -> str | None:
    """Name the GPU of this process; None lets the one there is be taken."""
    if RANKED in os.environ and torch.cuda.is_available():
        return f"cuda:{os.environ[RANKED]}"
    return None
