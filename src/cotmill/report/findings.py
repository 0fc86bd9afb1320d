"""The findings in sentences, each computed from the Run's comparisons."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from cotmill.report.read import Comparison, LoadedRun
from cotmill.report.text import count, joined, percent, points, visible

NEAR_ZERO = 0.05
"""Below this upper end of every arm's interval, accuracy says little about which arm is better."""

ONE_SEED = " There is one seed: the intervals hold for other questions, not for another training."


@dataclass(frozen=True)
class Finding:
    """One sentence: whom it is about, what was found, and the numbers it rests on."""

    subject: str
    statement: str
    evidence: str
    sign: str
    """`better`, `worse` or `open`."""


@dataclass(frozen=True)
class Findings:
    """All findings on one test, with a sentence that sums them up."""

    test: str
    summary: str
    findings: tuple[Finding, ...]


def findings(run: LoadedRun) -> tuple[Findings, ...]:
    """Put every comparison of a Run into a sentence, by test."""
    made = []
    for test in run.tests:
        found = [one for one in run.comparisons if one.test == test]
        if found:
            made.append(
                Findings(visible(test), _summary(run, test, found), tuple(finding(one) for one in found))
            )
    return tuple(made)


def finding(one: Comparison) -> Finding:
    """Say what one comparison found."""
    subject, against = visible(one.variant), visible(one.against)
    if not one.told_apart:
        statement = f"cannot be told apart from {against}: {points(one.difference)} points"
    else:
        way = "above" if one.difference > 0 else "below"
        statement = f"is {points(abs(one.difference)).lstrip('+')} points {way} {against}"
    sign = "open" if not one.told_apart else "better" if one.difference > 0 else "worse"
    return Finding(subject, statement, _evidence(one), sign)


def _evidence(one: Comparison) -> str:
    seeds = f"{one.n_seeds} seed" + ("s" if one.n_seeds != 1 else "")
    parts = [f"95 % interval {points(one.low)} to {points(one.high)}", f"{count(one.n_items)} items", seeds]
    if "wins" in one.extra and "losses" in one.extra:
        parts.append(f"{count(one.extra['wins'])} answers gained, {count(one.extra['losses'])} lost")
    return "; ".join(parts)


def _summary(run: LoadedRun, test: str, found: Sequence[Comparison]) -> str:
    """Sum up one test: how many arms differ, and by how much at most."""
    apart = [one for one in found if one.told_apart]
    names = dict.fromkeys(visible(one.against) for one in found)
    at = f"“{visible(run.compare_to)}” at the same grid point" if len(names) > 1 and run.compare_to else None
    against = f"Against {at or joined([f'“{name}”' for name in names])}, "
    if len(found) == 1:
        text = against + (
            "the other arm cannot be told apart." if not apart else _largest(apart, "the difference")
        )
    elif not apart:
        text = f"{against}none of the {count(len(found))} other arms can be told apart."
    else:
        text = f"{against}{_counts(apart, len(found))}. {_largest(apart, 'The largest difference')}"
    return text + (ONE_SEED if all(one.n_seeds == 1 for one in found) else "") + _near_zero(run, test)


def _counts(apart: Sequence[Comparison], total: int) -> str:
    above = sum(one.difference > 0 for one in apart)
    numbers = ((above, "better"), (len(apart) - above, "worse"))
    parts = [f"{number} {'is' if number == 1 else 'are'} {word}" for number, word in numbers if number]
    if total > len(apart):
        parts.append(f"{count(total - len(apart))} cannot be told apart")
    return f"of {count(total)} other arms {joined(parts)}"


def _largest(apart: Sequence[Comparison], head: str) -> str:
    best = max(apart, key=lambda one: abs(one.difference))
    ends = f"{points(best.low)}\u00a0to\u00a0{points(best.high)}"
    return f"{head} is that of “{visible(best.variant)}”: {points(best.difference)}\u00a0points ({ends})."


def _near_zero(run: LoadedRun, test: str) -> str:
    """Say so when every arm answers next to nothing."""
    shares = [
        cell.metrics["accuracy"] for cell in run.cells if cell.test == test and "accuracy" in cell.metrics
    ]
    if not shares or max(shares) >= NEAR_ZERO:
        return ""
    return (
        f" Accuracy is near zero for every arm here ({percent(min(shares))} to {percent(max(shares))}): the "
        "model is too small or too little trained for this test, and differences at this level say "
        "next to nothing."
    )
