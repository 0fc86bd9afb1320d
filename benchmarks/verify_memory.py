"""Memory of the verifier over a long stream: the resident size must not grow.

    python benchmarks/verify_memory.py [--what all] [--traces 100000]
    nice -n 19 python benchmarks/verify_memory.py --what all --traces 1000000

`all` makes the three findings (answer, equations, grounding) for each trace, `verdicts` the answer alone.
Traces are made while they are verified, no two are equal, and nothing is kept. The resident size of this
process and of its workers is printed ten times on the way.
"""

from __future__ import annotations

import argparse
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

from cotmill.data.types import Example
from cotmill.verify import Verifier

LINES = 10


def resident() -> float:
    """Megabytes of this process and of its children (Linux)."""
    total = _size("self")
    children = Path("/proc/self/task").glob("*/children")
    return total + sum(_size(child) for file in children for child in file.read_text().split())


def _size(process: str) -> float:
    try:
        lines = (Path("/proc") / process / "status").read_text().splitlines()
    except FileNotFoundError:
        return 0.0
    return next((int(line.split()[1]) for line in lines if line.startswith("VmRSS")), 0) / 1024


def stream(rows: int) -> Iterator[tuple[Example, str]]:
    """Distinct traces of GSM8K's length, every tenth with a wrong answer, every hundredth in LaTeX.

    Of ten thousand one needs the worker: a formula that only algebra decides.
    """
    for n in range(3, rows + 3):
        total = n * 4
        answer = f"#### {total + (n % 10 == 0):,}"
        if n % 100 == 7:
            answer = f"\\boxed{{\\frac{{{2 * total}}}{{2}}}}"
        if n % 10_000 == 11:
            answer = f"\\boxed{{\\lfloor {total}.5 \\rfloor}}"
        steps = (
            f"Each of the 4 boxes holds {n} eggs, so 4 * {n} = <<4*{n}={total}>>{total} eggs. "
            f"With {n % 17} broken ones taken out, {total} - {n % 17} = {total - n % 17} are left, "
            f"and {total - n % 17} + {n % 17} = <<{total - n % 17}+{n % 17}={total}>>{total} were bought."
        )
        question = f"There are 4 boxes of {n} eggs; {n % 17} are broken. How many eggs are there?"
        yield Example(question, str(total)), f"{steps}\n{answer}"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--what", choices=("all", "verdicts"), default="all")
    parser.add_argument("--traces", type=int, default=100_000)
    options = parser.parse_args()
    verifier = Verifier()
    print(f"| {options.what}: traces | MB, workers included | µs a trace so far |\n|---|---|---|", flush=True)
    started, verdicts = time.process_time(), Counter[str]()
    for done, found in enumerate(getattr(verifier, options.what)(stream(options.traces)), 1):
        verdicts[str((found if options.what == "verdicts" else found.answer).verdict)] += 1
        if done % max(1, options.traces // LINES) == 0:
            spent = (time.process_time() - started) / done * 1e6
            print(f"| {done:,} | {resident():.0f} | {spent:.0f} |", flush=True)
    print(f"\nverdicts: {dict(verdicts)}")
    verifier.close()


if __name__ == "__main__":
    main()
