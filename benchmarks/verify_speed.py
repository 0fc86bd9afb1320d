"""Speed of verification, cotmill and Math-Verify 0.9 in one run, on one core.

    python benchmarks/verify_speed.py [--seconds 3]

Processor time is counted, our workers' included, so that a busy machine does not blur the comparison.
Math-Verify runs in this process at its defaults, its time-outs on; no pair appears twice, so that no cache
helps either side.
"""

from __future__ import annotations

import argparse
import resource
from collections.abc import Callable, Sequence

from verify_agreement import PAIRS, read_pairs
from verify_graders import math_verify

from cotmill.verify import (
    SymbolicConfig,
    SymbolicPool,
    check_equations,
    check_grounding,
    judge_answer,
    same_answer,
)

Pair = tuple[str, str]


def cpu() -> float:
    """Processor seconds of this process and of its ended children."""
    mine, ended = resource.getrusage(resource.RUSAGE_SELF), resource.getrusage(resource.RUSAGE_CHILDREN)
    return mine.ru_utime + mine.ru_stime + ended.ru_utime + ended.ru_stime


def microseconds(work: Callable[[Pair], object], pairs: Sequence[Pair], seconds: float) -> float:
    """Microseconds a pair, over as many pairs as fit into the given processor seconds."""
    started, done = cpu(), 0
    for start in range(0, len(pairs), 20):
        for pair in pairs[start : start + 20]:
            work(pair)
        done += len(pairs[start : start + 20])
        if cpu() - started > seconds:
            break
    return (cpu() - started) / done * 1e6


def numbers() -> list[Pair]:
    """Distinct numeric pairs: whole, separated, decimal, money, per cent, fractions; half of them equal."""
    made: list[Pair] = []
    for n in range(1_000, 41_000):
        spelled = (f"{n * 7:,}", f"{n * 7}.00", f"${n * 7:,}", f"{n * 7 + 1}")[n % 4]
        made.append((str(n * 7), spelled))
    return made


def fractions() -> list[Pair]:
    return [(f"{n}/{n + 7}", f"\\frac{{{2 * n}}}{{{2 * n + 14 + n % 2}}}") for n in range(1_000, 5_000)]


def solutions() -> list[Pair]:
    text = "He has {n} and twice as many more, {n} * 3 = {m}.\n#### {found:,}"
    return [(str(n * 3), text.format(n=n, m=n * 3, found=n * 3 + n % 2)) for n in range(1, 9_000)]


def formulas() -> list[Pair]:
    """Distinct LaTeX pairs: the tables' own, and the same with their numbers shifted."""
    rows = [row for row in read_pairs(PAIRS) if "\\" in row["gold"] + row["predicted"]]
    pairs = [
        (row["gold"], row["predicted"]) for row in rows if "!" not in row["gold"] and "^{1" not in row["gold"]
    ]
    return list(dict.fromkeys(pairs))


def algebra() -> list[Pair]:
    """Distinct pairs that only Math-Verify decides: floors, inverse functions, integrals of small size."""
    made = []
    for n in range(2, 120):
        made.append((f"\\lfloor {n}x\\rfloor+{n}", f"{n}+\\lfloor {n}x\\rfloor"))
        made.append((f"\\arctan({n}x)", f"\\arctan({n + n % 2}x)"))
        made.append((f"|x-{n}|<{n}", f"(0,{2 * n})"))
    return made


def in_workers(pairs: Sequence[Pair], work: Callable[[SymbolicPool, Sequence[Pair]], object]) -> float:
    """Microseconds a pair with a pool's workers counted, and the cost of starting one taken off."""
    start = _with_pool([WARM], lambda pool, some: pool.compare_all(some))
    return (_with_pool([WARM, *pairs], work) - start) / len(pairs) * 1e6


WARM = ("\\arcsin(x)", "\\arccos(x)")


def _with_pool(pairs: Sequence[Pair], work: Callable[[SymbolicPool, Sequence[Pair]], object]) -> float:
    started = cpu()
    pool = SymbolicPool(SymbolicConfig(wall_seconds=600.0))
    work(pool, pairs)
    pool.close()
    return cpu() - started


def one_by_one(pool: SymbolicPool, pairs: Sequence[Pair]) -> None:
    for gold, predicted in pairs:
        same_answer(gold, predicted, pool=pool)


def _steps(pair: Pair) -> None:
    check_grounding(pair[0], pair[1], check_equations(pair[1]).equations, None)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=3.0, help="processor seconds for each cell")
    seconds = parser.parse_args().seconds
    fenced, bare = math_verify(fence=True), math_verify(fence=False)
    fenced("1", "2")
    print("| what | cotmill, µs | Math-Verify, µs | ratio |\n|---|---|---|---|")

    def row(name: str, ours: float, theirs: float) -> None:
        print(f"| {name} | {ours:,.1f} | {theirs:,.0f} | {theirs / ours:,.1f} |")

    def both(
        name: str, mine: Callable[[Pair], object], peer: Callable[[Pair], object], pairs: list[Pair]
    ) -> None:
        row(name, microseconds(mine, pairs, seconds), microseconds(peer, pairs, seconds))

    both("numeric answers", lambda p: same_answer(*p), lambda p: bare(*p), numbers())
    both("fractions, one in LaTeX", lambda p: same_answer(*p), lambda p: fenced(*p), fractions())
    both("numeric answer out of a solution", lambda p: judge_answer(*p), lambda p: bare(*p), solutions())
    pairs = formulas()
    peer = microseconds(lambda p: fenced(*p), pairs, 10 * seconds)
    row(f"LaTeX answers of the agreement table ({len(pairs)} pairs)", in_workers(pairs, one_by_one), peer)
    pairs = algebra()
    ours = in_workers(pairs, lambda pool, some: pool.compare_all(some))
    peer = microseconds(lambda p: fenced(*p), pairs, 10 * seconds)
    row(f"algebra decides, in a killable worker ({len(pairs)} pairs)", ours, peer)
    traces = [text for _, text in solutions()]
    steps = microseconds(_steps, [(text, text) for text in traces], seconds)
    print(f"\nequations and grounding: {steps:,.0f} µs a trace of one step")


if __name__ == "__main__":
    main()
