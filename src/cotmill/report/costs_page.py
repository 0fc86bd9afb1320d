"""The cost of a study's settings as a section: forecast and measured."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from cotmill.report.parts import Section, Table
from cotmill.report.scatter import short
from cotmill.report.text import megabytes, visible

Found = Mapping[str, Any]


def costs_section(found: Found) -> Section:
    """Show what each setting costs: tokens, FLOPs, hours of the stated device and of a worker, disk."""
    device, kinds = found["device"], list(found["total"])
    columns = ["base", "method", "rows", "cells"]
    columns += [
        f"{name}, {kind}" for kind in kinds for name in ("tokens", "FLOPs", device["name"] + " hours")
    ]
    columns += [f"worker hours, {kind}" for kind in kinds] + [f"disk, {kind}" for kind in kinds]
    rows = [
        (
            visible(one["model"]),
            visible(one["method"]),
            short(one["rows"]),
            str(one["cells"]),
            *_cells(one, kinds),
        )
        for one in found["settings"]
    ]
    whole = {kind: {"own": found["total"][kind]} for kind in kinds}
    many = str(sum(one["cells"] for one in found["settings"]))
    rows.append(("all, shared steps once", "", "", many, *_cells(whole, kinds)))
    note = (
        f"For one cell, with all that it rests on. {device['name']}: {device['flops']:.3g} FLOPs a second "
        f"at best, of "
        f"which training is taken to reach {device['trains']:g} and writing {device['writes']:g}. FLOPs: 6 "
        f"a parameter "
        "and token to train, 2 to read or write. Worker hours are processor time on the machine of the Run."
    )
    return Section(
        "cost", "What it costs", (),
        tables=(Table("Cost of a cell of each setting", tuple(columns), tuple(rows), frozenset({0, 1}), note,
                      frozenset({len(rows) - 1})),),
    )  # fmt: skip


def _cells(one: Found, kinds: list[str]) -> list[str]:
    told = [one[kind]["own"] for kind in kinds]
    cells = [
        text
        for cost in told
        for text in (short(cost["tokens"]), flops(cost["flops"]), hours(cost["device_hours"]))
    ]
    return cells + [hours(cost["worker_hours"]) for cost in told] + [megabytes(cost["disk"]) for cost in told]


def flops(value: float) -> str:
    """Write a number of operations.

    >>> flops(2.98e12)
    '3.0e12'
    """
    return f"{value:.1e}".replace("e+", "e")


def hours(value: float) -> str:
    """Write hours, seconds where they are few.

    >>> hours(0.001), hours(0.5), hours(12.3)
    ('3.6 s', '0.50', '12.3')
    """
    if value < 0.1:
        return f"{3600 * value:.{0 if value > 0.003 else 1}f} s"
    return f"{value:.2f}" if value < 10 else f"{value:,.1f}"
