"""What one forward pass leaves: the names of its parts, and the file that each goes to.

`readings` are always there. `bare` (the answer's loss without its question) and `gradient` (the norm of the
output layer's gradient) are further columns of the same file; `mean`, `last` and `weighted` are embeddings
pooled over the tokens of a row, a file each.
"""

from __future__ import annotations

from collections.abc import Iterable

from cotmill.core.errors import EvidenceError

READINGS, BARE, GRADIENT = "readings", "bare", "gradient"
POOLINGS = ("mean", "last", "weighted")
"""Over all tokens of a row: their mean, the last one, or their mean with weights 1, 2, 3, …"""
PARTS = (READINGS, BARE, GRADIENT, *POOLINGS)


def file_of(part: str) -> str:
    """Name the file of a part.

    >>> file_of("bare"), file_of("mean")
    ('readings.parquet', 'embeddings-mean.parquet')
    """
    return f"embeddings-{part}.parquet" if part in POOLINGS else f"{READINGS}.parquet"


def checked(parts: Iterable[str]) -> tuple[str, ...]:
    """Put the names of parts in order, readings first.

    Raises:
        EvidenceError: a part is not known.
    """
    wanted = {READINGS, *parts}
    if unknown := sorted(wanted - set(PARTS)):
        raise EvidenceError(
            f"a forward pass has no part {', '.join(unknown)}; its parts are {', '.join(PARTS)}"
        )
    return tuple(name for name in PARTS if name in wanted)
