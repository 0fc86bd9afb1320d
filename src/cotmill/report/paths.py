"""What sampling found: what became of the samples, yield curves, who found what, and what is unsound.

Reads the `augment` steps (`counts.json`, `yield_curves.parquet`) and the `audit` steps of the lab.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np

from cotmill.core.files import read_json
from cotmill.report import draw
from cotmill.report.intervals import Interval, mean_interval, wilson
from cotmill.report.parts import Csv, Figure, Key, Panel, Section, Table
from cotmill.report.read import LoadedRun, Step
from cotmill.report.svg import drawing
from cotmill.report.text import count, percent, visible

_NOTE = (
    "Samples are drawn from fine-tuned models, filtered by answer, equations and grounding, and one trace of "
    "every distinct path is put beside the given solutions."
)
_AUDIT = (
    " In the lab every trace can be judged exactly: a false accept is one that the filters let through and "
    "that is unsound. Labels are read for that table alone."
)
_CURVES = (
    "Distinct verified paths per question against samples drawn of each, exact over all orders of samples; "
    "whiskers are 95 % intervals over questions. First seed."
)


@dataclass(frozen=True)
class Augmented:
    """One arm that augments: its steps, one for each seed."""

    variant: str
    steps: tuple[Step, ...]
    audits: tuple[Step, ...]
    counts: tuple[Mapping[str, Any], ...]

    def mean(self, value: str, per: str = "") -> Interval:
        """Mean of a count over seeds, as it is or per another."""
        found = [one[value] / max(1, one[per]) if per else one[value] for one in self.counts]
        return mean_interval(np.array(found, dtype=float))


def paths_section(run: LoadedRun, prefix: str) -> Section | None:
    """Build the section on sampled paths."""
    arms = augmented(run)
    if not arms:
        return None
    curves = _curves(arms)
    figures = (_figure(curves, prefix),) if curves else ()
    tables = [_became(arms), *_shares(arms), *_audits(arms)]
    note = _NOTE + (_AUDIT if any(arm.audits for arm in arms) else "")
    return Section("paths", "What sampling found", (note,), figures, tuple(tables))


def augmented(run: LoadedRun) -> list[Augmented]:
    """Find the arms that augment, with their steps by seed."""
    found = []
    for variant in run.variants:
        cells = sorted((cell for cell in run.cells if cell.variant == variant), key=lambda cell: cell.seed)
        steps = _of(run, [cell.steps.get("augment", "") for cell in cells])
        steps = tuple(step for step in steps if step.find("counts.json") is not None)
        if steps:
            counts = tuple(read_json(step.folder / "counts.json") for step in steps)
            audits = _of(run, [cell.steps.get("audit", "") for cell in cells])
            found.append(Augmented(variant, steps, audits, counts))
    return found


def _of(run: LoadedRun, names: list[str]) -> tuple[Step, ...]:
    return tuple(run.steps[name] for name in dict.fromkeys(names) if name in run.steps)


def _written(interval: Interval, digits: int = 2) -> str:
    """Write a mean with its interval; one seed has none."""
    if not np.isfinite(interval.low):
        return f"{interval.mean:,.{digits}f}"
    return f"{interval.mean:,.{digits}f} ({interval.low:,.{digits}f} to {interval.high:,.{digits}f})"


def _became(arms: list[Augmented]) -> Table:
    rows = []
    for arm in arms:
        accepted = [
            sum(number for why, number in one["became"].items() if why == "kept" or "path" in why)
            / max(1, one["questions"])
            for one in arm.counts
        ]
        rows.append(
            (
                visible(arm.variant),
                _written(arm.mean("samples", "questions"), 1),
                _written(arm.mean("tokens", "questions"), 0),
                _written(mean_interval(np.array(accepted, dtype=float))),
                _written(arm.mean("paths", "questions")),
                _written(arm.mean("new_rows", "questions")),
                _written(arm.mean("unsolved"), 0),
                _written(arm.mean("suspects"), 0),
            )
        )
    return Table(
        "What became of the samples",
        ("Arm", "Samples", "Tokens", "Accepted", "Distinct paths", "New rows", "Unsolved questions",
         "Suspect gold answers"),
        tuple(rows),
        note="Per question: means over seeds with 95 % intervals. Without the rule, new rows repeat paths.",
    )  # fmt: skip


def _shares(arms: list[Augmented]) -> list[Table]:
    """Who found which paths, for the arms with several writers; the writers in the order of the recipe."""
    rows = []
    for arm in arms:
        if len(arm.counts[0]["shares"]) < 2:
            continue
        rows += [
            (
                visible(arm.variant), visible(one["writer"]), count(one["paths"]), count(one["exclusive"]),
                f"{percent(one['share'])} ({percent(one['low'])} to {percent(one['high'])})",
            )
            for one in arm.counts[0]["shares"]
        ]  # fmt: skip
    if not rows:
        return []
    header = ("Arm", "Model", "Paths", "That no other found", "Share of all paths")
    note = "First seed; intervals over questions."
    return [Table("Who found what in the pool", header, tuple(rows), frozenset({0, 1}), note=note)]


def _audits(arms: list[Augmented]) -> list[Table]:
    """What the filters let through: every combination for one arm, and what each arm kept."""
    audited = [arm for arm in arms if arm.audits]
    if not audited:
        return []
    fullest = max(audited, key=lambda arm: arm.counts[0]["samples"])
    header = ("Samples let through", "Unsound", "False accepts", "Sound ones refused")
    by_filter = [(visible(name), *cells) for name, cells in _summed(fullest).items() if name != "kept"]
    kept = [(visible(arm.variant), *_summed(arm)["kept"][:3]) for arm in audited if "kept" in _summed(arm)]
    note = f"Arm {visible(fullest.variant)}, all seeds together; Wilson intervals."
    return [
        Table("False accepts by filter", ("Filters that are on", *header), tuple(by_filter), note=note),
        Table("False accepts among what was kept", ("Arm", "Kept", *header[1:3]), tuple(kept)),
    ]


def _summed(arm: Augmented) -> dict[str, tuple[str, str, str, str]]:
    """Add the audits of all seeds up, by filters."""
    sums: dict[str, dict[str, int]] = {}
    names = ("passed", "unsound", "undecided", "sound_refused")
    for step in arm.audits:
        table = step.table("audit.parquet")
        for row in table.to_pylist() if table is not None else ():
            into = sums.setdefault(row["filters"], dict.fromkeys(names, 0))
            for name in names:
                into[name] += row[name]
    found = {}
    for name, one in sums.items():
        decided = one["passed"] - one["undecided"]
        share = wilson(one["unsound"] / decided, decided) if decided else None
        written = (
            f"{percent(share.mean)} ({percent(share.low)} to {percent(share.high)})" if share else "none"
        )
        found[name] = (count(one["passed"]), count(one["unsound"]), written, count(one["sound_refused"]))
    return found


def _curves(arms: list[Augmented]) -> list[draw.Curve]:
    """Yield curves of the arm with most samples, and of the pools of several models."""
    chosen = [max(arms, key=lambda arm: arm.counts[0]["samples"])]
    chosen += [arm for arm in arms if len(arm.counts[0]["writers"]) > 1 and arm is not chosen[0]]
    curves = []
    for arm in chosen:
        table = arm.steps[0].table("yield_curves.parquet")
        rows = [row for row in table.to_pylist() if row["paths"] == "distinct"] if table is not None else []
        for writer in dict.fromkeys(row["writer"] for row in rows):
            points = [row for row in rows if row["writer"] == writer]
            name = arm.variant if len(arm.counts[0]["writers"]) < 2 else f"{arm.variant}: {writer}"
            place = len(curves)
            x, mean, low, high = (
                tuple(float(row[one]) for row in points) for one in ("samples", "mean", "low", "high")
            )
            style = draw.DASHES[place // 8 % len(draw.DASHES)]
            curves.append(draw.Curve(name, x, mean, low, high, f"c{place % 8 + 1}", style))
    return curves


def _figure(curves: list[draw.Curve], prefix: str) -> Figure:
    ends = "; ".join(f"{curve.name}: {curve.y[-1]:.2f} after {curve.x[-1]:.0f}" for curve in curves)
    paint = partial(
        draw.points_with_whiskers, curves=curves, across="samples per question", label="distinct paths"
    )
    svg = drawing(f"{prefix}-yield", "Distinct paths by samples", f"At the end. {ends}", 2.7, paint)
    rows = tuple(
        (curve.name, *point)
        for curve in curves
        for point in zip(curve.x, curve.y, curve.low, curve.high, strict=True)
    )
    key = tuple(Key(visible(curve.name), curve.colour, curve.dashes) for curve in curves)
    csv = Csv("yield", ("arm", "samples", "paths", "low", "high"), rows)
    return Figure("yield", _CURVES, (Panel("", svg),), csv, key)
