"""From a pool to a checkpoint: supervised fine-tuning, and pre-training of the lab's base models.

`masked_thought` and `MaskConfig` are for scripts that have a trainer of their own.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from cotmill.train.masked.config import MaskConfig as MaskConfig
    from cotmill.train.masked.trainer import masked_thought as masked_thought

_PLACES = {"MaskConfig": "cotmill.train.masked.config", "masked_thought": "cotmill.train.masked.trainer"}


def __getattr__(name: str) -> Any:
    """Import what is asked for when it is asked for: a recipe needs the settings and no torch."""
    if name in _PLACES:
        return getattr(importlib.import_module(_PLACES[name]), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
