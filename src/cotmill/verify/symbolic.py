"""Math-Verify in worker processes that can be killed, restarted and reused, from any thread.

A signal handler cannot interrupt a big-integer loop, and a signal works in the main thread only; a
process can always be ended. Workers start when first needed, speak JSON lines over pipes, take jobs in
batches, and are replaced after `recycle_after` jobs, because SymPy's caches grow. Guards on length,
digits, exponents and nesting refuse what is hostile before anything is parsed.
"""

from __future__ import annotations

import atexit
import json
import os
import re
import select
import subprocess
import sys
import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Literal

from cotmill.core.errors import CotmillError

Outcome = Literal["same", "different", "unread", "timeout", "refused", "error"]
Pair = tuple[str, str]
SUSPICIOUS_SECONDS = 0.2
"""A pair that takes this long may end its worker: the next one is started meanwhile."""
START_SECONDS = 120.0
"""A worker imports SymPy first; on a busy machine that takes a while and is not the answer's fault."""


@dataclass(frozen=True, slots=True)
class SymbolicConfig:
    """Limits of the workers and of what they are given."""

    workers: int = 1
    seconds: float = 0.6
    """Processor seconds for one pair."""
    wall_seconds: float = 1.8
    """Clock seconds for one pair on a machine that is not overloaded; stretched by its load per core."""
    memory_bytes: int = 4 << 30
    recycle_after: int = 5_000
    batch: int = 64
    cache: int = 50_000
    max_length: int = 600
    max_digits: int = 60
    max_exponent: int = 400
    max_depth: int = 24


_DIGITS = re.compile(r"\d+")
_EXPONENT = re.compile(r"(?:\^|\*\*)\s*\{?\s*[({]*\s*-?\s*(\d+)")
_BINOMIAL = re.compile(r"(?:\\[dt]?binom|\\choose)")
_FACTORIAL = re.compile(r"(\d+)\s*\)*\s*!")
_SAFE = re.compile(r"[\x20-\x7e\n]*")
_CODE = re.compile(
    r"__|\bimport\b|\blambda\b|\bexec\b|\beval\b|\bopen\b|\\(?:input|write|include|def|csname)"
)


def refusal(text: str, config: SymbolicConfig) -> str:
    """Why a text is not given to a worker; "" when it may be."""
    if len(text) > config.max_length:
        return f"longer than {config.max_length} characters"
    if not _SAFE.fullmatch(text):
        return "characters outside ASCII"
    if _CODE.search(text):
        return "looks like code"
    if max((len(run) for run in _DIGITS.findall(text)), default=0) > config.max_digits:
        return f"a number of more than {config.max_digits} digits"
    if any(len(power) > 6 or int(power) > config.max_exponent for power in _EXPONENT.findall(text)):
        return f"an exponent above {config.max_exponent}"
    if any(len(number) > 3 for number in _FACTORIAL.findall(text)) or "!!!" in text:
        return "a factorial above 999"
    if _BINOMIAL.search(text) and any(len(run) > 3 for run in _DIGITS.findall(text)):
        return "a binomial of numbers above 999"
    if _tower(text):
        return "a tower of powers"
    return "nested too deep" if _depth(text) > config.max_depth else ""


def _tower(text: str) -> bool:
    """Whether a power stands in an exponent: a^{b^c} or a^b^c, not a^2+b^2."""
    for match in re.finditer(r"(?:\^|\*\*)\s*", text):
        rest = text[match.end() : match.end() + 200]
        exponent = _group(rest) if rest[:1] in ("{", "(") else re.match(r"-?\w*", rest)[0]  # type: ignore[index]
        after = rest[len(exponent) :].lstrip()
        if "^" in exponent or "**" in exponent or after.startswith(("^", "**")):
            return any(char.isdigit() for char in exponent + after[:8])
    return False


def _group(text: str) -> str:
    depth = 0
    for place, char in enumerate(text):
        depth += (char in "{(") - (char in "})")
        if depth == 0:
            return text[: place + 1]
    return text


def _depth(text: str) -> int:
    depth = deepest = 0
    for char in text:
        depth += (char in "{([") - (char in "})]")
        deepest = max(deepest, depth)
    return deepest


class _Worker:
    """One process and its pipes; used by one thread at a time."""

    def __init__(self, config: SymbolicConfig) -> None:
        self.config, self.done = config, 0
        self.buffer = b""
        self.process = subprocess.Popen(  # noqa: S603 - this Python, a fixed module, and two numbers
            [sys.executable, "-m", "cotmill.verify.worker", str(config.seconds), str(config.memory_bytes)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env=os.environ
            | {"PYTHONPATH": os.pathsep.join(path for path in sys.path if path), "OMP_NUM_THREADS": "1"},
        )
        self.ready = False

    def ask(self, pairs: Sequence[Pair], when_slow: Callable[[], None]) -> list[str]:
        """Answers to a prefix of the pairs; a shorter list means that the next pair ended the process."""
        answers: list[str] = []
        self._await_start()
        if not self._send(json.dumps(pairs).encode() + b"\n"):
            return answers
        for _ in pairs:
            answer = self._line(SUSPICIOUS_SECONDS)
            if answer is None and self.process.poll() is None:
                when_slow()
                answer = self._line(self.config.wall_seconds * _load() - SUSPICIOUS_SECONDS)
            if answer is None:
                break
            answers.append(answer)
        self.done += len(pairs)
        return answers

    def _await_start(self) -> None:
        """Wait until Math-Verify is imported; a worker is started without waiting."""
        if not self.ready and self._line(START_SECONDS) != "ready":
            self.close()
            raise CotmillError(
                "the Math-Verify worker did not start; try: python -m cotmill.verify.worker 1 0"
            )
        self.ready = True

    def _send(self, data: bytes) -> bool:
        assert self.process.stdin is not None
        try:
            self.process.stdin.write(data)
            self.process.stdin.flush()
        except BrokenPipeError:
            return False
        return True

    def _line(self, seconds: float) -> str | None:
        """The next line, or None when the process ended or the clock ran out."""
        assert self.process.stdout is not None
        descriptor, end = self.process.stdout.fileno(), time.monotonic() + seconds
        while b"\n" not in self.buffer:
            left = end - time.monotonic()
            if left <= 0 or not select.select([descriptor], [], [], left)[0]:
                return None
            data = os.read(descriptor, 65536)
            if not data:
                return None
            self.buffer += data
        line, _, self.buffer = self.buffer.partition(b"\n")
        return line.decode()

    def close(self) -> None:
        """End the process, whatever it is doing."""
        self.process.kill()
        self.process.wait()
        for pipe in (self.process.stdin, self.process.stdout):
            if pipe is not None:
                with _ignored(BrokenPipeError):
                    pipe.close()


def _load() -> float:
    """Runnable processes per core, at least 1: how much longer the clock runs than the processor."""
    if not hasattr(os, "getloadavg"):
        return 1.0
    return max(1.0, os.getloadavg()[0] / (os.cpu_count() or 1))


@contextmanager
def _ignored(*errors: type[Exception]) -> Iterator[None]:
    try:
        yield
    except errors:
        return


@dataclass
class SymbolicPool:
    """A pool of workers behind one method; safe in threads, and in a forked child (which gets its own)."""

    config: SymbolicConfig = field(default_factory=SymbolicConfig)

    def __post_init__(self) -> None:
        """Set up the locks; no process is started."""
        self._reset()
        atexit.register(self.close)

    def _reset(self) -> None:
        self._owner = os.getpid()
        self._idle: list[_Worker] = []
        self._slots = threading.BoundedSemaphore(self.config.workers)
        self._lock = threading.Lock()
        self._known: OrderedDict[Pair, Outcome] = OrderedDict()

    def compare(self, gold: str, predicted: str) -> Outcome:
        """Compare one pair."""
        return self.compare_all([(gold, predicted)])[0]

    def compare_all(self, pairs: Sequence[Pair]) -> list[Outcome]:
        """Compare many pairs in batches; the order of a pair's two answers does not matter."""
        if os.getpid() != self._owner:
            self._reset()
        ordered = [(min(pair), max(pair)) for pair in pairs]
        found: dict[Pair, Outcome] = {}
        for pair in dict.fromkeys(ordered):
            known = self._known.get(pair) or (
                "refused" if any(refusal(t, self.config) for t in pair) else None
            )
            if known:
                found[pair] = known
        waiting = [pair for pair in dict.fromkeys(ordered) if pair not in found]
        for start in range(0, len(waiting), self.config.batch):
            found |= self._batch(waiting[start : start + self.config.batch])
        return [found[pair] for pair in ordered]

    def _batch(self, pairs: list[Pair]) -> dict[Pair, Outcome]:
        results: dict[Pair, Outcome] = {}
        with self._slots:
            while pairs:
                worker = self._borrow()
                answers = worker.ask(pairs, self._start_spare)
                results |= {pair: _outcome(answer) for pair, answer in zip(pairs, answers, strict=False)}
                if len(answers) < len(pairs):
                    worker.close()
                    results[pairs[len(answers)]] = "timeout"
                    pairs = pairs[len(answers) + 1 :]
                else:
                    self._give_back(worker)
                    pairs = []
        self._remember(results)
        return results

    def _borrow(self) -> _Worker:
        with self._lock:
            worker = self._idle.pop() if self._idle else None
        return worker or _Worker(self.config)

    def _start_spare(self) -> None:
        """Start a worker in the background, for the case that the busy one must be ended."""
        with self._lock:
            if not self._idle:
                self._idle.append(_Worker(self.config))

    def _give_back(self, worker: _Worker) -> None:
        with self._lock:
            full = len(self._idle) > self.config.workers  # the workers and one spare
            if worker.done < self.config.recycle_after and not full:
                self._idle.append(worker)
                return
        worker.close()

    def _remember(self, results: dict[Pair, Outcome]) -> None:
        with self._lock:
            self._known.update(results)
            while len(self._known) > self.config.cache:
                self._known.popitem(last=False)

    def close(self) -> None:
        """End all idle workers; the pool can be used again afterwards."""
        if os.getpid() != self._owner:
            return
        with self._lock:
            workers, self._idle = self._idle, []
        for worker in workers:
            worker.close()


def _outcome(answer: str) -> Outcome:
    kind = answer.split(" ")[0]
    return kind if kind in ("same", "different", "unread") else "error"  # type: ignore[return-value]


_shared: list[SymbolicPool] = []
_shared_lock = threading.Lock()


def shared_pool() -> SymbolicPool:
    """The process-wide pool of one worker, made when first asked for."""
    with _shared_lock:
        if not _shared:
            _shared.append(SymbolicPool())
        return _shared[0]
