"""Which machine this is, and whether a process of it lives."""

from __future__ import annotations

import hashlib
import os
import platform


def machine() -> str:
    """Name this machine in eight characters that may stand in a file's name."""
    return hashlib.sha256(platform.node().encode()).hexdigest()[:8]


def alive(pid: int) -> bool:
    """Say whether there is a process of this number."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True
