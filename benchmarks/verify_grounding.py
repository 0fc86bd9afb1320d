"""What each sign of an unsound trace is worth: precision and recall on traces whose soundness is known.

    python benchmarks/verify_grounding.py [--rows 3000] [--data ../shared/data]

Sets: the lab's pool with labelled defects (`lab_sound` is exact); gsm8k-model-solutions, whose label is
about the final answer only, so that a sign's precision there is a lower bound; and human GSM8K solutions,
all of which count as sound: the share flagged is the price of the sign.
"""

from __future__ import annotations

import argparse
import gzip
import json
import os
from collections.abc import Callable, Iterable
from pathlib import Path

from verify_disagreements import model_solutions

from cotmill.data.types import Example
from cotmill.lab.defects import make_pool_rows
from cotmill.verify import Verdict, Verification, Verifier

SIGNS: dict[str, Callable[[Verification], bool]] = {
    "wrong equation": lambda v: v.equations.wrong > 0,
    "answer is no result": lambda v: v.grounding.answer_is_result is False,
    "operand from nowhere": lambda v: bool(v.grounding.from_nowhere),
    "result used early": lambda v: bool(v.grounding.used_early),
    "ungrounded operand": lambda v: bool(v.grounding.ungrounded),
    "unused result": lambda v: bool(v.grounding.unused_results),
    "unused number of the question": lambda v: bool(v.grounding.unused_numbers),
    "default (the first four)": lambda v: (
        v.equations.wrong > 0
        or v.grounding.answer_is_result is False
        or bool(v.grounding.from_nowhere or v.grounding.used_early)
    ),
}
Judged = list[tuple[Verification, bool]]


def table(name: str, judged: Judged) -> None:
    unsound = sum(bad for _, bad in judged)
    print(f"\n{name}: {len(judged)} traces, {unsound} of them unsound\n")
    print("| sign | flagged | precision | recall | sound ones flagged |\n|---|---|---|---|---|")
    for sign, holds in SIGNS.items():
        hits = sum(holds(found) and bad for found, bad in judged)
        flagged = sum(holds(found) for found, _ in judged)
        precision = f"{hits / flagged:.3f}" if flagged and unsound else "–"
        recall = f"{hits / unsound:.3f}" if unsound else "–"
        price = (flagged - hits) / max(1, len(judged) - unsound)
        print(f"| {sign} | {flagged} | {precision} | {recall} | {price:.3f} |")


def kinds(judged: Iterable[tuple[str, Verification]]) -> None:
    """How often each sign fires for each kind of defect."""
    by_kind: dict[str, list[Verification]] = {}
    for kind, found in judged:
        by_kind.setdefault(kind, []).append(found)
    names = list(SIGNS)[:-1]
    print("\nshare of each kind of defect that is flagged\n")
    print(
        "| defect | traces | final answer wrong | " + " | ".join(names) + " |\n|" + "---|" * (len(names) + 3)
    )
    for kind, found in sorted(by_kind.items()):
        wrong = sum(item.answer.verdict is not Verdict.CORRECT for item in found) / len(found)
        cells = [f"{sum(map(SIGNS[name], found)) / len(found):.2f}" for name in names]
        print(f"| {kind} | {len(found)} | {wrong:.2f} | " + " | ".join(cells) + " |")


def main() -> None:
    default = os.environ.get("COTMILL_SHARED", Path(__file__).resolve().parents[2] / "shared" / "data")
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=3_000)
    parser.add_argument("--data", type=Path, default=Path(default))
    options = parser.parse_args()
    verifier = Verifier()

    rows = list(make_pool_rows(1, options.rows, defects=0.3))
    found = [
        verifier(Example(str(row["question"]), str(row["lab_answer"])), str(row["answer"])) for row in rows
    ]
    judged = [(item, not row["lab_sound"]) for item, row in zip(found, rows, strict=True)]
    table("lab, all traces", judged)
    passed = [(v, bad) for v, bad in judged if v.answer.verdict is Verdict.CORRECT and not v.equations.wrong]
    table("lab, traces with the right answer and right equations", passed)
    kinds((str(row["lab_defect"]), item) for row, item in zip(rows, found, strict=True))

    labelled = list(model_solutions(options.data))
    judged = [(verifier(Example(row.question, row.gold), row.text), not row.label) for row in labelled]
    table("gsm8k-model-solutions (label: the final answer)", judged)

    path = options.data / "gsm8k" / "train.jsonl.gz"
    with gzip.open(path, "rt", encoding="utf-8") as lines:
        human = [json.loads(line) for _, line in zip(range(options.rows), lines, strict=False)]
    golds = [row["answer"].rpartition("#### ")[2] for row in human]
    pairs = ((Example(row["question"], gold), row["answer"]) for row, gold in zip(human, golds, strict=True))
    table("human GSM8K solutions, taken as sound", [(item, False) for item in verifier.all(pairs)])


if __name__ == "__main__":
    main()
