"""Hostile texts, the long way: clock seconds of the slowest, and a fuzz of any length.

    python benchmarks/verify_hostile.py [--fuzz SECONDS]

Every text is judged as trace, as answer and as gold answer, by the whole verifier with its workers.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections import Counter
from pathlib import Path

from cotmill.core.ids import rng_of
from cotmill.data.types import Example
from cotmill.verify import Verifier

sys.path.insert(0, str(Path(__file__).parents[1] / "tests" / "verify"))
from test_hostile import HOSTILE, WORDS

SLOW = {
    "integral": r"\int_0^{\infty} \frac{\sin(x^{17})}{x^{13}+1} dx",
    "polynomial": r"(x+y+z+w+v)^{60}\sin(x)",
    "equation": r"\sin(x)^{399}+\cos(x)^{398}=1",
    "tower in a sine": r"\sin(5^{5^{5^{5}}})",
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--fuzz", type=float, default=5.0, help="seconds of random texts")
    seconds = parser.parse_args().fuzz
    verifier = Verifier()
    verifier(Example("", r"\arcsin(x)"), r"\boxed{\arccos(x)}")
    times: list[tuple[float, str, str]] = []

    def judge(name: str, gold: str, text: str) -> None:
        started = time.perf_counter()
        found = verifier(Example(text[:5_000], gold), text)
        times.append((time.perf_counter() - started, name, found.answer.verdict))

    for name, text in (HOSTILE | SLOW).items():
        for trace in (text, f"#### {text}", f"\\boxed{{{text}}}"):
            judge(name, r"\arctan(x)", trace)
            judge(name, text, r"\boxed{\arctan(y)}")
    rng = rng_of(0, "hostile")
    end = time.perf_counter() + seconds
    while time.perf_counter() < end:
        words = [WORDS[int(k)] for k in rng.integers(len(WORDS), size=int(rng.integers(1, 60)))]
        cut = int(rng.integers(len(words)))
        judge("fuzz", "".join(words[:cut]), "".join(words[cut:]))
    times.sort(reverse=True)
    verdicts = dict(Counter(str(verdict) for _, _, verdict in times))
    print(f"{len(times)} texts, none executed, none ended the run; verdicts {verdicts}")
    print("\n| text | seconds | verdict |\n|---|---|---|")
    for spent, name, verdict in times[:10]:
        print(f"| {name} | {spent:.2f} | {verdict} |")
    verifier.close()


if __name__ == "__main__":
    main()
