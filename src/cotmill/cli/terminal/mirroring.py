"""What a verb is given as an address: it works in a scratch folder, and speaks of the address.

Every option or argument that is a path may be an address that fsspec knows. What lies there is fetched before
the verb begins, and what the verb finishes goes there (`core.mirror`); at its end the scratch folder goes.
"""

from __future__ import annotations

import os
import shutil
import sys
import tempfile
import uuid
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, redirect_stderr, redirect_stdout
from pathlib import Path
from typing import Any

from cotmill.core import mirror
from cotmill.core.errors import RunError
from cotmill.core.heartbeat import held
from cotmill.core.processes import alive, machine
from cotmill.core.stores import is_address, split

BESIDE = ("{name}", "{name}.work", "{stem}.queries")
"""What belongs to an output and is read again when a verb goes on."""
TEXTS = ("a", "b", "sources")
"""Arguments that name Runs, or RUN:ARM, and are no paths."""
_NAMES: dict[str, str] = {}
"""Scratch folder → address, for all that this process says."""


def named(text: str) -> str:
    """Put addresses in the place of scratch folders."""
    for folder, address in _NAMES.items():
        text = text.replace(f"file://{folder}", address).replace(folder, address)
    return text


class Places:
    """The addresses among the arguments of a verb, and the folders that stand for them."""

    def __init__(self, words: Sequence[str]) -> None:
        """Find the addresses among the words of a command line."""
        told = [word.partition("=")[2] if word.startswith("--") else word for word in words]
        self._addresses = {Path(word): word for word in told if is_address(word)}
        own = f"{_prefix()}{os.getpid()}-{uuid.uuid4().hex[:6]}"
        self._scratch = Path(tempfile.gettempdir()).resolve() / own
        self._mirrors: dict[str, mirror.Mirror] = {}
        self._wanted: dict[str, list[str]] = {}
        self._out: list[tuple[mirror.Mirror, str]] = []

    def of(self, told: Mapping[str, Any]) -> dict[str, Any]:
        """Give the arguments that are addresses as paths in the scratch folder."""
        return {name: new for name, value in told.items() if (new := self._here(name, value)) is not value}

    def _here(self, name: str, value: Any) -> Any:
        if isinstance(value, list):
            made = [self._here(name, one) for one in value]
            return value if made == value else made
        if isinstance(value, Path) and value in self._addresses:
            return self._place(name, self._addresses[value])
        if isinstance(value, str) and name in TEXTS and is_address(value):
            head, colon, arm = value.rpartition(":")
            address, arm = (head, colon + arm) if is_address(head) else (value, "")
            return f"{self._place(name, address)}{arm}"
        return value

    def _place(self, name: str, address: str) -> Path:
        """Give the path that stands for an address."""
        above, last = split(address)
        found = self._mirrors.get(above)
        if found is None:
            found = mirror.Mirror(self._scratch / str(len(self._mirrors)), above)
            self._mirrors[above] = found
        if name == "out":
            self._out.append((found, last))
        stem = Path(last).stem
        self._wanted.setdefault(above, []).extend(form.format(name=last, stem=stem) for form in BESIDE)
        return found.root / last

    @contextmanager
    def opened(self, *, alone: bool) -> Iterator[None]:
        """Fetch what is there, and send what is made; `alone` refuses a second process.

        Raises:
            RunError: another process writes there, or several processes of torchrun would.
            DataError: the store cannot be reached.
        """
        if not self._mirrors:
            yield
            return
        if int(os.environ.get("WORLD_SIZE", "1")) > 1:
            raise RunError("processes of torchrun meet in a shared folder; give one as --out, not an address")
        _sweep()
        with ExitStack() as stack:
            stack.callback(shutil.rmtree, self._scratch, ignore_errors=True)
            for one, last in self._out if alone else ():
                stack.enter_context(held(one.store, last, lost=one.lose))
            for one in self._mirrors.values():
                _NAMES[str(one.root)] = one.address
                stack.enter_context(mirror.opened(one, dict.fromkeys(self._wanted[one.address])))
            stack.enter_context(redirect_stdout(_Named(sys.stdout)))
            stack.enter_context(redirect_stderr(_Named(sys.stderr)))
            yield


class _Named:
    """A stream that speaks of addresses."""

    def __init__(self, stream: Any) -> None:
        self._stream = stream

    def write(self, text: str) -> int:
        self._stream.write(named(text))
        return len(text)

    def flush(self) -> None:
        self._stream.flush()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)


def _prefix() -> str:
    return f"cotmill-{machine()}-"


def _sweep() -> None:
    """Remove the scratch folders of processes of this machine that are no more."""
    for folder in Path(tempfile.gettempdir()).glob(f"{_prefix()}*"):
        pid = folder.name.removeprefix(_prefix()).partition("-")[0]
        if pid.isdigit() and not alive(int(pid)):
            shutil.rmtree(folder, ignore_errors=True)
