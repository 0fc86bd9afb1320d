"""Every trace on which cotmill and the recorded label disagree, with the explanation.

    python benchmarks/verify_disagreements.py [--data ../shared/data]

Sets: gsm8k-model-solutions (four models, labels by their authors) and gsm8k-rho-outputs (two models,
labels by the harness of the authors, tolerant by a factor of a hundred). A disagreement without an
explanation ends in exit code 1.
"""

from __future__ import annotations

import argparse
import gzip
import json
import os
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path
from typing import NamedTuple

from cotmill.verify import Verdict, judge_answer
from cotmill.verify.quantity import read_quantity

MODELS = ("6b_finetuning", "6b_verification", "175b_finetuning", "175b_verification")


class Labelled(NamedTuple):
    """A trace and what its set says about it."""

    place: str
    question: str
    gold: str
    text: str
    label: bool
    theirs: str


def model_solutions(data: Path) -> Iterator[Labelled]:
    path = data / "gsm8k-model-solutions" / "example_model_solutions.first660.jsonl.gz"
    with gzip.open(path, "rt", encoding="utf-8") as lines:
        for number, row in enumerate(map(json.loads, lines)):
            gold = row["ground_truth"].rpartition("A: ")[2]
            for model in MODELS:
                found = row[model]
                yield Labelled(
                    f"{model} {number}", row["question"], gold, found["solution"], found["is_correct"], ""
                )


def rho_outputs(data: Path) -> Iterator[Labelled]:
    for path in sorted((data / "gsm8k-rho-outputs").glob("*.jsonl.gz")):
        with gzip.open(path, "rt", encoding="utf-8") as lines:
            for row in map(json.loads, lines):
                place = f"{path.name.split('-v0')[0]} {row['idx']}"
                yield Labelled(
                    place, row["question"], row["gt"], row["code"][0], row["score"][0], row["pred"][0]
                )


def explain(row: Labelled, predicted: str | None) -> str:
    """Say which of the known reasons it is; "" when it is none."""
    gold, ours = read_quantity(row.gold), read_quantity(predicted or "")
    if gold is None or ours is None:
        return ""
    if not row.label and ours.value == gold.value and read_quantity(row.theirs) is None:
        return f"the answer is right; the harness could not read its own extraction {row.theirs!r}"
    if not row.label and ours.value == gold.value:
        return "the answer is right; the harness left the unit or the sum in its extraction"
    if row.label and ours.value in (gold.value * 100, gold.value / 100, gold.value * Fraction(1, 100)):
        return "the answer is off by a factor of 100, which the harness allows as if for a percentage"
    return ""


def main() -> None:
    default = os.environ.get("COTMILL_SHARED", Path(__file__).resolve().parents[2] / "shared" / "data")
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, default=Path(default))
    data = parser.parse_args().data
    unexplained = 0
    for name, rows in (
        ("gsm8k-model-solutions", model_solutions(data)),
        ("gsm8k-rho-outputs", rho_outputs(data)),
    ):
        total = agreed = 0
        lines = []
        for row in rows:
            found = judge_answer(row.gold, row.text, question=row.question)
            total += 1
            if (found.verdict is Verdict.CORRECT) == row.label:
                agreed += 1
                continue
            why = explain(row, found.predicted)
            unexplained += not why
            label = "right" if row.label else "wrong"
            lines.append(
                f"| {row.place} | {row.gold} | {found.predicted} | {label} | {found.verdict} | {why or '?'} |"
            )
        print(f"\n{name}: {agreed} of {total} labels agree, {len(lines)} do not")
        if lines:
            print("\n| trace | gold | answer found | label | cotmill | why |\n|---|---|---|---|---|---|")
            print("\n".join(lines))
    raise SystemExit(1 if unexplained else 0)


if __name__ == "__main__":
    main()
