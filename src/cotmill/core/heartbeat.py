"""One process at a time writes to one address: it leaves a sign of life beside it.

Stores have no locks. The holder writes a small file `.NAME.holder` again and again. Who comes later looks
at it: a holder of this machine lives or does not; of a holder elsewhere a sign of life is waited for, by
this machine's clock alone. None for long enough means that it was killed, and its work is gone on with. A
holder whose file was taken over writes no more.
"""

from __future__ import annotations

import json
import os
import platform
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any

from cotmill.core.errors import DataError, RunError
from cotmill.core.machine import ANYWAY
from cotmill.core.processes import alive, machine
from cotmill.core.progress import tell
from cotmill.core.stores import Store

BEAT = 15.0
"""Seconds between two signs of life."""
PATIENCE = 60.0
"""Seconds without one after which a holder elsewhere counts as dead."""


@contextmanager
def held(store: Store, name: str, *, lost: Callable[[str], None]) -> Iterator[None]:
    """Hold a name of a store for this process; `lost` is told who took it over, should that happen.

    Raises:
        RunError: another living process writes there.
        DataError: nothing can be written there.
    """
    mark = f".{name}.holder"
    _wait_for(store, name, mark)
    own = {
        "machine": machine(),
        "host": platform.node(),
        "process": os.getpid(),
        "since": datetime.now(UTC).isoformat(timespec="seconds"),
    }
    ended = threading.Event()
    _beat(store, mark, own, 0)
    thread = threading.Thread(target=_beating, args=(store, mark, own, ended, lost), daemon=True)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join()
        if _same(_read(store, mark), own):
            store.remove(mark)


def _wait_for(store: Store, name: str, mark: str) -> None:
    """Wait until it is certain that nobody else writes there."""
    first = _read(store, mark)
    if not first or os.environ.get(ANYWAY) == "1":
        return
    if first.get("machine") == machine():
        if alive(int(first["process"])):
            raise _in_use(store, name, first)
        return
    tell(
        f"{store.address}/{name} was held by {_told(first)}; waiting up to {PATIENCE:.0f} s for a sign of "
        "life (cotmill --anyway … does not wait)"
    )
    until = time.monotonic() + PATIENCE
    while time.monotonic() < until:
        time.sleep(min(2.0, PATIENCE / 10))
        found = _read(store, mark)
        if not found:
            return
        if found != first:
            raise _in_use(store, name, found)


def _in_use(store: Store, name: str, holder: dict[str, Any]) -> RunError:
    return RunError(
        f"{store.address}/{name} is in use by {_told(holder)}; wait for it, stop it, or choose another --out"
    )


def _told(holder: dict[str, Any]) -> str:
    return f"process {holder.get('process')} on {holder.get('host')} since {holder.get('since')}"


def _beating(
    store: Store, mark: str, own: dict[str, Any], ended: threading.Event, lost: Callable[[str], None]
) -> None:
    """Give signs of life until the end; a store that does not answer is asked again."""
    beats = 0
    while not ended.wait(BEAT):
        try:
            found = _read(store, mark)
            if found and not _same(found, own):
                lost(_told(found))
                return
            beats += 1
            _beat(store, mark, own, beats)
        except DataError as error:
            tell(f"warning: {error}")


def _beat(store: Store, mark: str, own: dict[str, Any], beats: int) -> None:
    store.write(mark, json.dumps({**own, "beats": beats}).encode())


def _read(store: Store, mark: str) -> dict[str, Any]:
    """Read a mark; a torn one is that of somebody who is writing."""
    content = store.read(mark)
    if content is None:
        return {}
    try:
        found = json.loads(content)
    except ValueError:
        found = None
    return found if isinstance(found, dict) else {"torn": True}


def _same(found: dict[str, Any], own: dict[str, Any]) -> bool:
    return all(found.get(name) == value for name, value in own.items())
