"""How many threads torch uses in this process."""

from __future__ import annotations

import torch


def use_threads(threads: int | None) -> int:
    """Set torch's intra-op threads (None leaves them) and return the number in force.

    Results are equal bit for bit only at an equal number of threads: sums are split among them.
    """
    if threads is not None and threads != torch.get_num_threads():
        torch.set_num_threads(threads)
    return torch.get_num_threads()
