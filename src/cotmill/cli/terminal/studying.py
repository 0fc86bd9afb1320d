"""How studies are shown: the main numbers as lines, everything else on a page."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

Found = Mapping[str, Any]
MOST_FLIPS = 5
"""Moves whose break-even values are printed; the page has them all."""


def law_lines(found: Found) -> Iterator[str]:
    """Say the main numbers of all fits."""
    from cotmill.report.fitted import percent, points

    yield f"{found['settings']} settings on {found['test']}; 95 % intervals, {found['intervals']}"
    for curve in found["curves"]:
        ahead = f", twice the data: {percent(curve['ahead'][0])} %" if "ahead" in curve else ""
        form = f" ({curve['chosen']})" if "chosen" in curve else ""
        name = f"{curve['model']} · {curve['method']}"
        yield f"  {name}: {points(curve['slope'])} points a doubling{ahead}{form}"
    told = found["extrapolation"]["summary"]
    if told:
        yield (
            f"  large end foretold from the small one: {told['inside']} of {told['many']} in their interval, "
            f"off by {100 * told['error']:.1f} points"
        )
    for one in found["bases"]:
        better = one["better"]
        if better:
            yield f"  {one['method']}: a base is foretold best by {better['first']}, then {better['second']}"
    for curve in found["paths"]:
        yield f"  {curve['model']}: {points(curve['slope'])} points a doubling of distinct paths"


def cost_lines(found: Found) -> Iterator[str]:
    """Say what each setting costs, as a table."""
    from cotmill.report.costs_page import flops, hours
    from cotmill.report.scatter import short

    device, kinds = found["device"]["name"], list(found["total"])
    heads = [f"{what} {kind}" for kind in kinds for what in ("tokens", "FLOPs", f"{device} h", "worker h")]
    rows = [["setting (one cell, with all it rests on)", "cells", *heads]]
    whole = {"cells": sum(one["cells"] for one in found["settings"])}
    named = [
        (f"{one['model']} · {one['method']} · {one['rows']:,.0f} rows", one) for one in found["settings"]
    ]
    every = ("all, shared steps once", whole | {kind: {"own": found["total"][kind]} for kind in kinds})
    for name, one in [*named, every]:
        told = [one[kind]["own"] for kind in kinds]
        cells = [
            (
                short(cost["tokens"]),
                flops(cost["flops"]),
                hours(cost["device_hours"]),
                hours(cost["worker_hours"]),
            )
            for cost in told
        ]
        rows.append([name, str(one["cells"]), *(text for four in cells for text in four)])
    yield from aligned(rows)
    disk = ", ".join(f"{kind} {found['total'][kind]['disk'] / 1e9:.2f} GB" for kind in kinds)
    yield f"disk of trained models: {disk}"


def aligned(rows: Sequence[Sequence[str]]) -> Iterator[str]:
    """Set a table in columns: the first to the left, the others to the right.

    >>> list(aligned([["a", "12"], ["bcd", "3"]]))
    ['  a    12', '  bcd   3']
    """
    widths = [max(len(row[place]) for row in rows) for place in range(len(rows[0]))]
    for row in rows:
        first, rest = row[0].ljust(widths[0]), zip(row[1:], widths[1:], strict=True)
        yield "  " + "  ".join([first, *(cell.rjust(width) for cell, width in rest)])


def write_laws(found: Found, out: Path) -> None:
    """Write the page and its data; with a section on cost where that is known."""
    from cotmill.core.files import write_json
    from cotmill.report.costs_page import costs_section
    from cotmill.report.laws import laws_page
    from cotmill.report.pages import write_page

    page = laws_page(found)
    if "cost" in found:
        page = replace(page, sections=(*page.sections, costs_section(found["cost"])))
    write_page(page, out)
    write_json(out.with_suffix(".json"), found)


def plan_lines(found: Found) -> Iterator[str]:
    """Say the plan: where one stands, the moves as a table, what would change it, what is not known."""
    from cotmill.report.plan_page import flip_words, headline, moves_table

    now = found["now"]
    yield f"now: {now['model']} · {now['method']} · {now['rows']:,.0f} rows, on {found['test']}"
    yield f"first: {headline(found)}"
    table = moves_table(found)
    yield from aligned([table.columns, *table.rows])
    for one in found["flips"][:MOST_FLIPS]:
        more, chance, other = flip_words(one)
        tail = f", or if {other}" if other else ""
        yield f"  {one['move']} would come first if it brought {more} (chance {chance}){tail}"
    for one in found["unknown"]:
        yield f"  not known: {one['what']}; run {one['run']}"
    if "backtest" in found:
        yield from tested_lines(found["backtest"])


def tested_lines(found: Found) -> Iterator[str]:
    """Say how often such advice was right."""
    from cotmill.report.fitted import points

    told = found["summary"]
    asked = f"{told['asked']} times asked in {told['situations']} situations"
    yield f"back-test: {asked} with the large end hidden"
    for one in told["ways"]:
        lost = f"{100 * one['regret']:.1f} points lost on average"
        yield f"  {one['way']}: right {one['right']} of {told['asked']}, {lost}"
    yield f"  better than always more data by {points(told['better_by'])} points"


def write_plan(found: Found, out: Path) -> None:
    """Write a plan as a page and as data."""
    from cotmill.core.files import write_json
    from cotmill.report.pages import write_page
    from cotmill.report.plan_page import plan_page

    write_page(plan_page(found), out)
    write_json(out.with_suffix(".json"), found)


def write_backtest(found: Found, out: Path) -> None:
    """Write a back-test as a page and as data."""
    from cotmill.core.files import write_json
    from cotmill.report.pages import write_page
    from cotmill.report.plan_page import backtest_page

    write_page(backtest_page(found), out)
    write_json(out.with_suffix(".json"), found)
