"""Which grader agrees with mathematics: right, false accepts and false rejects on labelled pairs.

    python benchmarks/verify_agreement.py [--pairs FILE.tsv] [--errors]

The file has the columns gold, predicted, same (yes or no) and, if you like, trap. Every pair is also given to
cotmill the other way round: a comparison that is not symmetric counts as wrong.
"""

from __future__ import annotations

import argparse
import csv
import time
from collections import Counter
from pathlib import Path

from verify_graders import Grader, exact_match, last_number, math_verify, minerva

from cotmill.verify import SymbolicConfig, SymbolicPool, same_answer

POOL = SymbolicPool(SymbolicConfig(seconds=20.0, wall_seconds=60.0))
PAIRS = Path(__file__).parents[1] / "tests" / "verify" / "pairs.tsv"


def read_pairs(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as lines:
        return list(csv.DictReader(lines, delimiter="\t", quoting=csv.QUOTE_NONE))


def ours(gold: str, predicted: str) -> bool:
    forward, backward = (
        same_answer(*pair, pool=POOL).same for pair in ((gold, predicted), (predicted, gold))
    )
    if (forward is True) != (backward is True):
        raise SystemExit(f"not symmetric: {gold!r} and {predicted!r}")
    return forward is True


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--pairs", type=Path, default=PAIRS)
    parser.add_argument("--errors", action="store_true", help="list every error of cotmill")
    options = parser.parse_args()
    rows = read_pairs(options.pairs)
    graders: dict[str, Grader] = {
        "cotmill": ours,
        "Math-Verify 0.9, $…$": math_verify(fence=True),
        "Math-Verify 0.9, bare text": math_verify(fence=False),
        "Minerva normalisation": minerva,
        "last number": last_number,
        "exact match": exact_match,
    }
    same = sum(row["same"] == "yes" for row in rows)
    print(f"{len(rows)} pairs, {same} the same, {len(rows) - same} not\n")
    print(f"| grader | right of {len(rows)} | false accepts | false rejects | own CPU ms a pair |")
    print("|---|---|---|---|---|")
    for name, grader in graders.items():
        counts: Counter[str] = Counter()
        started = time.process_time()
        for row in rows:
            says, truth = grader(row["gold"], row["predicted"]), row["same"] == "yes"
            counts["right" if says is truth else "accept" if says else "reject"] += 1
            if options.errors and name == "cotmill" and says is not truth:
                print("  cotmill is wrong on", row)
        spent = (time.process_time() - started) / len(rows) * 1e3
        print(f"| {name} | {counts['right']} | {counts['accept']} | {counts['reject']} | {spent:.2f} |")


if __name__ == "__main__":
    main()
