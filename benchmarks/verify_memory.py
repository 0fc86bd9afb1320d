"""Memory of the verifier over a long stream: the resident size must not grow.

python benchmarks/verify_memory.py [--verdicts 1000000] [--traces 50000]
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Iterator
from pathlib import Path

from cotmill.data.types import Example
from cotmill.verify import Verifier


def resident() -> float:
    """Megabytes of this process (Linux)."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmRSS")) / 1024


def stream(rows: int) -> Iterator[tuple[Example, str]]:
    """Distinct traces of GSM8K's length, every tenth with a wrong answer, every hundredth in LaTeX."""
    for n in range(3, rows + 3):
        total = n * 4
        answer = (
            f"\\boxed{{\\frac{{{2 * total}}}{{2}}}}" if n % 100 == 7 else f"#### {total + (n % 10 == 0):,}"
        )
        step = f"Each of the 4 boxes holds {n} eggs, so 4 * {n} = <<4*{n}={total}>>{total} eggs. "
        example = Example(f"There are 4 boxes of {n} eggs. How many eggs are there?", str(total))
        yield example, f"{step * 3}\n{answer}"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--verdicts", type=int, default=1_000_000)
    parser.add_argument("--traces", type=int, default=50_000)
    options = parser.parse_args()
    print("| what | traces | MB after a tenth | MB at the end | µs a trace |\n|---|---|---|---|---|")
    for name, rows in (("verdicts", options.verdicts), ("all", options.traces)):
        verifier = Verifier()
        started, early = time.process_time(), 0.0
        for done, _ in enumerate(getattr(verifier, name)(stream(rows))):
            if done == rows // 10:
                early = resident()
        spent = (time.process_time() - started) / rows * 1e6
        print(f"| {name} | {rows:,} | {early:.0f} | {resident():.0f} | {spent:.0f} |")


if __name__ == "__main__":
    main()
