"""The program inside a worker process: pairs of LaTeX answers in, one verdict a line out.

Started as `python -m cotmill.verify.worker SECONDS BYTES`. Each pair has its own limit of processor
seconds: the timer's signal has no Python handler, so the kernel ends the process even inside a
big-integer loop, and the parent sees the pipe close. Nothing else in cotmill imports Math-Verify.
"""

from __future__ import annotations

import json
import logging
import os
import signal
import sys
from pathlib import Path
from typing import Any

try:
    import resource
except ImportError:  # Windows has neither limits nor timers; the parent's clock is the only limit there
    resource = None

FLOAT_DIGITS = 40
"""Math-Verify's default of 6 calls 1/2^99 and 1/2^98 the same."""
PRECISION = 60
WARM_UP = ((r"\arctan(x)+1", r"1+\arctan(x)"), ("|x|<2", "(-2,2)"))
"""Compared before the first request: SymPy imports its solvers when first used, at no answer's cost."""


def main() -> None:
    """Answer requests until the pipe closes."""
    seconds, memory = float(sys.argv[1]), int(sys.argv[2])
    answers = os.fdopen(os.dup(sys.stdout.fileno()), "w", buffering=1)
    with Path(os.devnull).open("w", encoding="utf-8") as silence:
        os.dup2(silence.fileno(), sys.stdout.fileno())
    if resource is not None and memory:
        resource.setrlimit(resource.RLIMIT_AS, (memory, memory))
    compare = _Comparer()
    answers.write("ready\n")
    for line in sys.stdin:
        for gold, predicted in json.loads(line):
            _limit(seconds)
            result = compare(gold, predicted)
            _limit(0)
            answers.write(result + "\n")


def _limit(seconds: float) -> None:
    """Let the kernel end this process after so many processor seconds; 0 takes the limit off."""
    if hasattr(signal, "setitimer"):
        signal.setitimer(signal.ITIMER_PROF, seconds)


class _Comparer:
    """Math-Verify with its own time-outs off and its precision up."""

    def __init__(self) -> None:
        logging.disable(logging.CRITICAL)
        import math_verify
        import sympy

        self.library, self.sympy = math_verify, sympy
        self.extraction = [math_verify.LatexExtractionConfig()]
        self.parsed: dict[str, Any] = {}
        for pair in WARM_UP:
            self(*pair)

    def __call__(self, gold: str, predicted: str) -> str:
        """Say `same`, `different`, or `unread gold|predicted`; errors of the library are `error NAME`."""
        try:
            left, right = self._read(gold), self._read(predicted)
            if left is None or right is None:
                return "unread gold" if left is None else "unread predicted"
            if self._equal(left, right):
                return "same"
            ways = (self._same, self._same_backward, self._same_done, self._same_complex)
            same = any(way(left, right) for way in ways)
            return "same" if same else "different"
        except (ArithmeticError, AttributeError, LookupError, TypeError, ValueError, RecursionError) as error:
            return f"error {type(error).__name__}"
        except (NotImplementedError, MemoryError) as error:
            return f"error {type(error).__name__}"

    def _read(self, text: str) -> Any:
        if text not in self.parsed:
            if len(self.parsed) > 2_000:
                self.parsed.clear()
            found = self.library.parse(
                f"${text}$",
                extraction_config=self.extraction,
                fallback_mode="no_fallback",
                parsing_timeout=None,
            )
            self.parsed[text] = next((item for item in found if not isinstance(item, str)), None)
        return self.parsed[text]

    def _equal(self, left: Any, right: Any) -> bool:
        """Whether SymPy wrote both in one form: no simplifying is needed. 1/0 and 2/0 are both its zoo."""
        if type(left) is not type(right) or not isinstance(left, self.sympy.Basic):
            return False
        return bool(left == right) and not left.has(self.sympy.zoo, self.sympy.nan)

    def _same(self, left: Any, right: Any) -> bool:
        return self.library.verify(
            left, right, float_rounding=FLOAT_DIGITS, numeric_precision=PRECISION,
            allow_set_relation_comp=True, timeout_seconds=None,
        )  # fmt: skip

    def _same_backward(self, left: Any, right: Any) -> bool:
        """Compare the other way round where Math-Verify is not symmetric: relations, sets, tuples."""
        plain = isinstance(left, self.sympy.Expr) and isinstance(right, self.sympy.Expr)
        return not plain and self._same(right, left)

    def _same_done(self, left: Any, right: Any) -> bool:
        """Compare once more with written derivatives, integrals, sums and limits carried out."""
        kinds = (
            self.sympy.Derivative,
            self.sympy.Integral,
            self.sympy.Sum,
            self.sympy.Product,
            self.sympy.Limit,
        )
        if not any(hasattr(side, "has") and side.has(*kinds) for side in (left, right)):
            return False
        done = [side.doit() if hasattr(side, "doit") else side for side in (left, right)]
        return self._same(*done)

    def _same_complex(self, left: Any, right: Any) -> bool:
        """Compare once more with the letter i as the imaginary unit."""
        letters = {s for side in (left, right) for s in getattr(side, "free_symbols", ()) if s.name == "i"}
        if not letters:
            return False
        unit = dict.fromkeys(letters, self.sympy.I)
        left, right = (side.subs(unit) if hasattr(side, "subs") else side for side in (left, right))
        return bool(self.sympy.simplify(self.sympy.expand(left - right)) == 0)


if __name__ == "__main__":
    main()
