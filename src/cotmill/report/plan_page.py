"""A plan as a page: moves with gains and costs, what would change the ranking, what is not known."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Any

from cotmill.report.costs_page import flops, hours
from cotmill.report.draw import Whisker, rows_height, whiskers
from cotmill.report.fitted import points
from cotmill.report.intervals import Interval
from cotmill.report.pages import Page
from cotmill.report.parts import Csv, Figure, Panel, Section, Table
from cotmill.report.svg import drawing
from cotmill.report.text import count, percent, signed, visible

Found = Mapping[str, Any]


def plan_page(found: Found) -> Page:
    """Put a plan on one page."""
    now = found["now"]
    have = f"{now['model']}, {now['method']}, {count(now['rows'])} labelled rows"
    measured = "" if now["accuracy"] is None else f", {percent(now['accuracy'])} on {found['test']}"
    lead = (
        f"You have {have}{measured}. Gains are points of accuracy on {found['test']}; intervals are 95 %, "
        f"{found['intervals']}."
    )
    sections = (
        _moves(found),
        _flips(found),
        _unknown(found),
        *([_tested(found["backtest"])] if "backtest" in found else []),
    )
    return Page(
        "What to do next",
        lead,
        tuple(section for section in sections if section),
        str(found.get("source", "")),
    )


def _moves(found: Found) -> Section:
    """The moves, best first."""
    moves = found["moves"]
    text = [f"By expected gain: {headline(found)}"]
    if any(not move["affordable"] for move in moves):
        text.append("Moves that cost more than the budget stand last.")
    rows = [
        Whisker(
            visible(move["name"]), Interval(*(100 * move["gain"][end] for end in ("value", "low", "high"))),
            points(move["gain"]), hollow=not move["affordable"],
        )
        for move in moves
    ]  # fmt: skip
    about = "; ".join(f"{move['name']}: {points(move['gain'])}" for move in moves)
    paint = partial(whiskers, rows=rows, label="expected gain, points", reference=0.0)
    drawn = Panel("", drawing("s-moves", "Expected gain of each move", about, rows_height(len(rows)), paint))
    header = (
        "move",
        "kind",
        "gain",
        "low",
        "high",
        "chance_of_gain",
        "chance_of_being_best",
        "labels",
        "hours",
        "money",
    )
    csv = Csv("moves", header, tuple(
        (m["name"], m["kind"], *(m["gain"][end] for end in ("value", "low", "high")), m["positive"],
         m["best"], m["cost"]["labels"], m["cost"]["hours"], m["cost"]["money"])
        for m in moves
    ))  # fmt: skip
    figure = Figure("moves", "Expected gain of each move, with 95 % intervals.", (drawn,), csv)
    return Section("moves", "The next move", tuple(text), (figure,) if rows else (), (moves_table(found),))


def headline(found: Found) -> str:
    """Say in a sentence what comes first and how sure that is."""
    if not found["moves"]:
        return "nothing was measured that could be ranked."
    first = found["moves"][0]
    sure = "" if first["gain"]["low"] > 0 else ", which cannot be told from no gain"
    return (
        f"{visible(first['name'])}, {points(first['gain'])} points{sure}. It is the best of the measured "
        f"moves in "
        f"{100 * first['best']:.0f} % of the draws."
    )


def moves_table(found: Found) -> Table:
    """Write every move on a line."""
    priced = any(move["cost"]["money"] is not None for move in found["moves"])
    money = ("money", "points for 100") if priced else ()
    columns = (
        "move", "what it is", "gain, points", "chance of a gain", "chance to be best", "labels", "FLOPs",
        f"{found['device']} hours", *money, "how it is known",
    )  # fmt: skip
    rows = tuple(_row(move, priced=priced) for move in found["moves"])
    note = (
        "“Chance to be best” counts how often a move has the largest gain when all gains are drawn together."
    )
    return Table("Moves", columns, rows, frozenset({0, 1, len(columns) - 1}), note)


def _row(move: Found, *, priced: bool) -> tuple[str, ...]:
    cost = move["cost"]
    money = () if not priced else (
        "not known" if cost["money"] is None else f"{cost['money']:,.2f}",
        "" if (move["gain_per_money"] or 0) <= 0 else signed(1e4 * move["gain_per_money"], 2),
    )  # fmt: skip
    return (
        visible(move["name"]), visible(move["what"]), points(move["gain"]), f"{100 * move['positive']:.0f} %",
        f"{100 * move['best']:.0f} %", count(cost["labels"]),
        "not known" if cost["flops"] is None else flops(cost["flops"]),
        "not known" if cost["hours"] is None else hours(cost["hours"]), *money, visible(move["basis"]),
    )  # fmt: skip


def _flips(found: Found) -> Section | None:
    """What would change the ranking."""
    if not found["flips"]:
        return None
    rows = tuple((visible(one["move"]), *flip_words(one)) for one in found["flips"])
    columns = ("move", "would be first if it brought", "chance that it is better", "or if")
    first = visible(found["flips"][0]["against"])
    caption = f"What would have to be true to rank it before “{first}”"
    table = Table(caption, columns, rows, frozenset({0, 3}))
    return Section("flips", "What would change the ranking", (), tables=(table,))


def flip_words(one: Found) -> tuple[str, str, str]:
    """Say what would put a move first: points, the chance of that, and prices or amounts."""
    other = []
    if "labels" in one:
        many = one["labels"]
        other.append(
            "its curve never brings as much" if many is None else f"{count(many)} rows were labelled instead"
        )
    if "point_worth" in one:
        other.append(f"a point were worth less than {one['point_worth']:,.2f}")
    if "label_price" in one:
        other.append(f"gains for the money were alike at {one['label_price']:,.3g} a label")
    more = f"{signed(100 * one['short_by'], 1)} points more" if one["short_by"] > 0 else "as much"
    return more, f"{100 * one['chance']:.0f} %", "; ".join(other)


def _unknown(found: Found) -> Section | None:
    """Moves without evidence."""
    if not found["unknown"]:
        return None
    rows = tuple((one["what"], one["run"]) for one in found["unknown"])
    text = ("Nothing was measured that speaks of these moves, so nothing is said of what they bring.",)
    table = Table("To know more", ("move", "run"), rows, frozenset({0, 1}))
    return Section("unknown", "Not known", text, tables=(table,))


def _tested(found: Found) -> Section:
    """How often such advice was right."""
    told = found["summary"]
    rows = tuple(
        (one["way"], f"{one['right']} of {told['asked']}", f"{100 * one['regret']:.1f}")
        for one in told["ways"]
    )
    text = (
        f"With the large end hidden, the planner was asked {told['asked']} times in {told['situations']} "
        f"situations, with "
        f"all seeds shown and with each one alone. Against always labelling more, its first choice is "
        f"better by "
        f"{points(told['better_by'])} points; {told['inside']} of {told['moves']} true gains lie in their "
        f"intervals.",
    )
    table = Table("Way of choosing", ("way", "right, within half a point", "points lost on average"), rows)
    return Section("tested", "How often such advice was right", text, tables=(table,))


def backtest_page(found: Found) -> Page:
    """Put a back-test on a page of its own."""
    rows = tuple(
        (
            visible(one["model"]), count(one["rows"]), one["seeds"], visible(one["planner"]["name"]),
            signed(100 * one["planner"]["truth"], 1), signed(100 * one["more data"]["truth"], 1),
            signed(100 * (one["planner"]["truth"] + one["planner"]["regret"]), 1),
        )
        for one in found["asked"]
    )  # fmt: skip
    columns = (
        "base",
        "rows",
        "seeds shown",
        "first choice",
        "it brought",
        "more data brought",
        "the best brought",
    )
    table = Table("Every situation", columns, rows, frozenset({0, 3}))
    asked = Section("asked", "Situations", tables=(table,))
    return Page(
        "Back-test of the planner",
        f"On {found['test']}.",
        (_tested(found), asked),
        str(found.get("source", "")),
    )
