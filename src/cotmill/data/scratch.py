"""A folder for what need not last longer than the object that uses it."""

from __future__ import annotations

import shutil
import tempfile
import weakref
from pathlib import Path


class Scratch:
    """A temporary folder that is made when first asked for, and removed with its last user."""

    def __init__(self) -> None:
        """Make nothing yet."""
        self._path: Path | None = None

    def path(self) -> Path:
        """Return the folder."""
        if self._path is None:
            self._path = Path(tempfile.mkdtemp(prefix="cotmill-"))
            weakref.finalize(self, shutil.rmtree, self._path, ignore_errors=True)
        return self._path
