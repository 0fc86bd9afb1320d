"""Where the numbers come from: the Run's versions, its steps with their hashes, and what each step cost."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping
from typing import Any

from cotmill.report.parts import Table
from cotmill.report.read import LoadedRun, Step
from cotmill.report.text import clipped, count, megabytes, number, seconds, visible

STEPS_SHOWN = 400
PRIVATE = frozenset({"started_in"})
"""What a page that is handed on should not tell: where on a person's disk the Run was made."""


def facts_table(run: LoadedRun) -> Table:
    """Tabulate what the Run says of itself: number, name, versions."""
    told = {key: value for key, value in run.record.items() if key not in PRIVATE}
    rows = [(visible(key), clipped(text, 300)) for key, text in _flat(told)]
    return Table("What the Run was made with", ("What", "Value"), tuple(rows), frozenset({0, 1}))


def _flat(value: Mapping[str, Any], above: str = "") -> Iterator[tuple[str, str]]:
    for key, inner in value.items():
        name = f"{above}{str(key).replace('_', ' ')}"
        if isinstance(inner, Mapping):
            yield from _flat(inner, f"{name} · ")
        elif isinstance(inner, list):
            yield name, ", ".join(number(one) for one in inner)
        elif inner is not None:
            yield name, number(inner)


def steps_table(run: LoadedRun) -> Table:
    """Tabulate every step with the hash of all that decided it."""
    steps = list(run.steps.values())
    rows = tuple(
        (step.kind, _key(step), _about(step), count(len(step.record.get("files") or ())))
        for step in steps[:STEPS_SHOWN]
    )
    note = "The key of a step is a hash of its kind, its settings and the keys of the steps that it read. "
    if len(steps) > STEPS_SHOWN:
        note += f"The first {STEPS_SHOWN} of {count(len(steps))} steps are shown."
    return Table(
        "Steps of the Run", ("Kind", "Key", "Settings", "Files"), rows, frozenset({0, 1, 2}), note.strip()
    )


def _key(step: Step) -> str:
    return str(step.record.get("key") or step.name.partition("-")[2])[:16]


def _about(step: Step) -> str:
    config = step.record.get("config") or {}
    parts = [f"{key} {text}" for key, text in _flat(config) if text]
    return clipped(", ".join(parts), 160)


def cost_table(run: LoadedRun) -> Table | None:
    """Tabulate time and peak memory by kind of step."""
    spent: dict[str, list[float]] = defaultdict(list)
    memory: dict[str, float] = defaultdict(float)
    for step in run.steps.values():
        if "seconds" in step.timing:
            spent[step.kind].append(float(step.timing["seconds"]))
            memory[step.kind] = max(memory[step.kind], _bytes(step.timing))
    if not spent:
        return None
    rows = [
        (
            kind,
            count(len(all_)),
            seconds(sum(all_)),
            seconds(max(all_)),
            megabytes(memory[kind]) if memory[kind] else "not known",
        )
        for kind, all_ in sorted(spent.items())
    ]
    every = [value for all_ in spent.values() for value in all_]
    top = max(memory.values())
    rows.append(
        (
            "all steps",
            count(len(every)),
            seconds(sum(every)),
            seconds(max(every)),
            megabytes(top) if top else "not known",
        )
    )
    columns = ("Kind of step", "Steps", "Time in all", "Longest step", "Peak memory of a process")
    note = "Steps may run side by side, so the time in all can exceed the time waited."
    return Table("Time and memory", columns, tuple(rows), note=note, strong=frozenset({len(rows) - 1}))


def step_costs_table(run: LoadedRun) -> Table:
    """Tabulate time and peak memory of every step."""
    rows = []
    for step in list(run.steps.values())[:STEPS_SHOWN]:
        spent, peak = step.timing.get("seconds"), _bytes(step.timing)
        took = seconds(float(spent)) if spent is not None else "not known"
        rows.append((step.kind, _key(step), took, megabytes(peak) if peak else "not known"))
    columns = ("Kind", "Key", "Time", "Peak memory")
    return Table("Time and memory of every step", columns, tuple(rows), frozenset({0, 1}))


def _bytes(timing: Mapping[str, Any]) -> float:
    """Peak memory of a step in bytes, whichever unit it was written in."""
    for key, unit in (("peak_memory_mb", 2**20), ("peak_memory_bytes", 1), ("peak_memory", 1)):
        if isinstance(timing.get(key), int | float):
            return float(timing[key]) * unit
    return 0.0


def started(run: LoadedRun) -> tuple[str, ...]:
    """When the first and the last step of the Run began."""
    times = sorted(str(step.timing["started"]) for step in run.steps.values() if step.timing.get("started"))
    return (times[0], times[-1]) if times else ()
