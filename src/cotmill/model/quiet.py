"""Keep transformers from writing progress bars and notices over ours."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from contextlib import contextmanager

from transformers.utils import logging

RENAMED = r".*(is_gradient_checkpointing|gradient_checkpointing_disable|gradient_checkpointing_enable)"
"""What peft 0.21 still calls by its old name; nothing that we, or whoever trains, can change."""


@contextmanager
def quiet_transformers() -> Iterator[None]:
    """Show only errors of transformers inside the block."""
    level, bars = logging.get_verbosity(), logging.is_progress_bar_enabled()
    logging.set_verbosity_error()
    logging.disable_progress_bar()
    try:
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", message=RENAMED, category=FutureWarning)
            yield
    finally:
        logging.set_verbosity(level)
        if bars:
            logging.enable_progress_bar()
