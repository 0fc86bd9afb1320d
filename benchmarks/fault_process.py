"""Starts `cotmill` in forked processes that are limited, signalled or killed; imports are paid for once.

process = Forked().start(words, log, {"uid": 65534, "fsize": 4096, "memory": 2**30})
"""

from __future__ import annotations

import importlib
import json
import os
import resource
import signal
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

LIGHT = (
    "cotmill.cli.main",
    "cotmill.data.read",
    "cotmill.select",
    "cotmill.verify.stream",
    "cotmill.augment.rft",
)
"""What verbs without a model need."""
HEAVY = (
    *LIGHT,
    "torch",
    "transformers.models.llama.modeling_llama",
    "trl",
    "httpx2",
    "cotmill.augment.engines.hf",
    "cotmill.augment.engines.openai",
    "cotmill.augment.sampling",
    "cotmill.evaluate.outputs",
    "cotmill.evaluate.plan",
    "cotmill.evaluate.run",
    "cotmill.evaluate.show",
    "cotmill.measure.forward",
    "cotmill.measure.influence.measure",
    "cotmill.measure.losses",
    "cotmill.measure.trajectories",
    "cotmill.recipe.run",
    "cotmill.report.build",
    "cotmill.train.sft",
)
LONGEST = 1200.0
"""Seconds after which a process that does not end is killed and counts as a failure; generous, since the
machine may be busy with other things."""


@dataclass(frozen=True)
class Ended:
    """How a process ended: its code (negative: the signal), what it said, and seconds."""

    code: int
    said: str
    seconds: float

    @property
    def quiet(self) -> bool:
        """Whether it ended without a traceback."""
        return "Traceback (most recent call last)" not in self.said


class Process:
    """A child of the forking process."""

    def __init__(self, owner: Forked, log: Path, pid: int) -> None:
        self.owner, self.log, self.pid, self.began = owner, log, pid, time.monotonic()

    def signal(self, number: int) -> None:
        """Send a signal to the process alone, as a person or a scheduler does."""
        try:
            os.kill(self.pid, number)
        except ProcessLookupError:
            return

    def running(self) -> bool:
        """Whether it is still there."""
        return not self.owner.ended(self.pid)

    def wait(self, longest: float = LONGEST) -> Ended:
        """Wait for the end."""
        until = time.monotonic() + longest
        while self.running():
            if time.monotonic() > until:
                self.signal(signal.SIGKILL)
                until = float("inf")
            time.sleep(0.01)
        said = self.log.read_text(encoding="utf-8", errors="replace")
        return Ended(self.owner.codes[self.pid], said, time.monotonic() - self.began)


class Forked:
    """The process that has imported everything; use it in a `with` block."""

    def __init__(self, *, light: bool = False) -> None:
        """Import what all verbs need, or only what those without a model need."""
        self.codes: dict[int, int] = {}
        script = [sys.executable, __file__, *(["light"] if light else [])]
        self.process = subprocess.Popen(script, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self._line()

    def __enter__(self) -> Forked:
        return self

    def __exit__(self, *_: object) -> None:
        assert self.process.stdin is not None
        self.process.stdin.close()
        self.process.wait()
        if self.process.stdout is not None:
            self.process.stdout.close()

    def start(self, words: list[str], log: Path, limits: dict[str, Any] | None = None) -> Process:
        """Start a command."""
        log.parent.mkdir(parents=True, exist_ok=True)
        log.write_text("")
        log.chmod(0o666)
        return Process(self, log, int(self._ask({"words": words, "log": str(log), **(limits or {})})))

    def run(self, words: list[str], log: Path, limits: dict[str, Any] | None = None) -> Ended:
        """Run a command to its end."""
        return self.start(words, log, limits).wait()

    def ended(self, pid: int) -> bool:
        """Ask whether a child has ended, and remember how."""
        if pid not in self.codes:
            told = self._ask({"wait": pid})
            if told != "running":
                self.codes[pid] = os.waitstatus_to_exitcode(int(told))
        return pid in self.codes

    def _ask(self, what: dict[str, Any]) -> str:
        assert self.process.stdin is not None
        self.process.stdin.write(json.dumps(what) + "\n")
        self.process.stdin.flush()
        return self._line()

    def _line(self) -> str:
        assert self.process.stdout is not None
        return self.process.stdout.readline().strip()


def limit(told: dict[str, Any]) -> None:
    """Narrow this process down."""
    if "fsize" in told:
        resource.setrlimit(resource.RLIMIT_FSIZE, (told["fsize"], told["fsize"]))
    if "memory" in told:
        size = int(Path("/proc/self/statm").read_text().split()[0]) * os.sysconf("SC_PAGE_SIZE")
        resource.setrlimit(resource.RLIMIT_AS, (size + told["memory"], size + told["memory"]))
    if "uid" in told:
        os.setgid(told["uid"])
        os.setuid(told["uid"])


def child(told: dict[str, Any]) -> None:
    """Be the command."""
    from cotmill.cli.main import app

    handle = os.open(told["log"], os.O_WRONLY | os.O_APPEND)
    null = os.open(os.devnull, os.O_RDONLY)
    for number, target in ((null, 0), (handle, 1), (handle, 2)):
        os.dup2(number, target)
    signal.signal(signal.SIGINT, signal.default_int_handler)
    limit(told)
    app(told["words"], prog_name="cotmill")


def main() -> None:
    """Serve requests, a line of JSON each."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    for name in LIGHT if "light" in sys.argv else HEAVY:
        importlib.import_module(name)
    print("ready", flush=True)
    for line in sys.stdin:
        told = json.loads(line)
        if "wait" in told:
            pid, status = os.waitpid(told["wait"], os.WNOHANG)
            print(status if pid else "running", flush=True)
            continue
        pid = os.fork()
        if pid == 0:
            code = 1
            try:
                child(told)
            except SystemExit as left:
                code = left.code if isinstance(left.code, int) else 1
            except BaseException:  # noqa: BLE001 - the last thing a process does
                import traceback

                traceback.print_exc()
            sys.stdout.flush()
            sys.stderr.flush()
            os._exit(code)
        print(pid, flush=True)


if __name__ == "__main__":
    main()
