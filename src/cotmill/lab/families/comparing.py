"""Chains of comparisons between people: how many, and how old."""

from __future__ import annotations

from cotmill.lab.draft import Draft, MisfitError
from cotmill.lab.graph import Node


def comparisons(d: Draft, steps: int) -> Node:
    """Each person's count refers to an earlier person; one count, a sum or a gap is asked for."""
    thing = d.thing()
    ending = d.pick(("last", "two", "all", "gap", "last")) if steps > 1 else d.pick(("last", "all", "gap"))
    links = steps if ending == "last" else steps - 1
    people = d.names(max(links + 1, 2))
    d.ordered = False
    counts = [_stated(d, people[0], thing)]
    for person in people[1 : links + 1]:
        before = len(counts) - 1 if d.chance(0.75) else d.below(0, len(counts) - 1)
        counts.append(_related(d, person, people[before], counts[before], thing))
    if links == 0:
        counts.append(_stated(d, people[1], thing))
    if ending == "last":
        d.ask = f"How many {thing} does {people[links]} have?"
        return counts[-1]
    if ending == "gap":
        return _gap(d, people, counts, thing)
    return _together(d, people, counts, thing, everyone=ending == "all")


def _stated(d: Draft, person: str, thing: str) -> Node:
    node = d.given(d.below(4, 40))
    d.say([f"{person} {verb} {node.value} {thing}." for verb in ("has", "owns", "keeps")], node)
    return node


def _related(d: Draft, person: str, other: str, base: Node, thing: str) -> Node:
    leads = (f"{person} has", f"So {person} has")
    kind = d.pick(("more", "fewer", "more", "fewer", "times", "half", "less"))
    if kind == "times":
        factor = d.fixed(d.below(2, 4))
        words = "twice" if factor.value == 2 and d.chance(0.6) else f"{factor.value} times"
        d.say(f"{person} has {words} as many {thing} as {other}.", base, factor)
        return d.result(("*", factor.id, base.id), leads, thing)
    if kind == "half":
        factor = d.fixed(2)
        d.say(f"{person} has half as many {thing} as {other}.", base, factor)
        return d.result(("/", base.id, factor.id), leads, thing)
    gap = d.given(d.below(2, 20))
    if kind == "more":
        d.say(
            (
                f"{person} has {gap.value} more {thing} than {other}.",
                f"{person} has {gap.value} {thing} more than {other}.",
                f"{other} has {gap.value} fewer {thing} than {person}.",
            ),
            base,
            gap,
        )
        return d.result(("+", base.id, gap.id), leads, thing)
    d.say(
        (
            f"{person} has {gap.value} fewer {thing} than {other}.",
            f"{person} has {gap.value} {thing} fewer than {other}.",
            f"{other} has {gap.value} more {thing} than {person}.",
        ),
        base,
        gap,
    )
    return d.result(("-", base.id, gap.id), leads, thing)


def _gap(d: Draft, people: list[str], counts: list[Node], thing: str) -> Node:
    first = d.below(0, len(counts) - 2)
    low, high = sorted((first, len(counts) - 1), key=lambda i: counts[i].value)
    if counts[low].value == counts[high].value:
        raise MisfitError
    leads = (f"{people[high]} has", "The gap is", f"So {people[high]} has")
    d.ask = d.pick(
        (
            f"How many more {thing} does {people[high]} have than {people[low]}?",
            f"How many fewer {thing} does {people[low]} have than {people[high]}?",
        )
    )
    lead = d.pick(leads)
    unit = thing if lead == "The gap is" else f"more {thing}"
    return d.result(("-", counts[high].id, counts[low].id), (lead,), unit)


def _together(d: Draft, people: list[str], counts: list[Node], thing: str, *, everyone: bool) -> Node:
    last = len(counts) - 1
    chosen = range(len(counts)) if everyone else sorted((d.below(0, last - 1), last))
    who = " and ".join(people[i] for i in chosen)
    if everyone:
        who = d.pick(("they", "they all")) if last > 1 else d.pick(("they", who))
    d.ask = d.pick(
        (
            f"How many {thing} do {who} have together?",
            f"How many {thing} do {who} have in all?",
            f"Together, how many {thing} do {who} have?",
        )
    )
    leads = ("Together they have", "In all they have", "The total is")
    return d.result(("+", *(counts[i].id for i in chosen)), leads, thing)


def ages(d: Draft, steps: int) -> Node:
    """Ages that refer to each other, now, later and before."""
    ending = d.pick(("last", "sum", "later", "ago", "gap")) if steps > 1 else d.pick(("last", "later", "ago"))
    links = steps if ending == "last" else steps - 1
    people = d.names(links + 2)
    d.ordered = False
    years = [d.given(d.below(5, 40))]
    d.say(
        (
            f"{people[0]} is {years[0].value} years old.",
            f"Now {people[0]} is {years[0].value}.",
            f"{people[0]} is {years[0].value} now.",
        ),
        years[0],
    )
    for i in range(links):
        years.append(_related_age(d, people[i + 1], people[i], years[i]))
    person, age = people[links], years[-1]
    if ending == "last":
        d.ask = d.pick((f"How old is {person}?", f"How old is {person} now?"))
        return age
    if ending == "sum":
        other = d.below(0, links - 1)
        d.ask = d.pick(
            (
                f"What is the sum of the ages of {people[other]} and {person}?",
                f"How old are {people[other]} and {person} together?",
            )
        )
        return d.result(("+", years[other].id, age.id), ("The sum is", "Together they are"), "years")
    if ending == "gap":
        return _age_gap(d, people, years)
    shift = d.given(d.below(2, 15))
    if ending == "later":
        d.ask = d.pick(
            (
                f"How old will {person} be in {shift.value} years?",
                f"In {shift.value} years, how old will {person} be?",
            )
        )
        return d.result(("+", age.id, shift.id), (f"Then {person} will be", f"{person} will be"), "years old")
    d.ask = d.pick(
        (f"How old was {person} {shift.value} years ago?", f"{shift.value} years ago, how old was {person}?")
    )
    return d.result(("-", age.id, shift.id), (f"Then {person} was", f"{person} was"), "years old")


def _age_gap(d: Draft, people: list[str], years: list[Node]) -> Node:
    last = len(years) - 1
    low, high = sorted((0, last), key=lambda i: years[i].value)
    if years[low].value == years[high].value:
        raise MisfitError
    d.ask = f"How many years older is {people[high]} than {people[low]}?"
    return d.result(("-", years[high].id, years[low].id), (f"{people[high]} is", "The gap is"), "years")


def _related_age(d: Draft, person: str, other: str, base: Node) -> Node:
    leads = (f"{person} is", f"So {person} is")
    kind = d.pick(("older", "younger", "older", "younger", "times", "half"))
    if kind == "times":
        factor = d.fixed(d.below(2, 3))
        words = "twice" if factor.value == 2 else f"{factor.value} times"
        d.say(f"{person} is {words} as old as {other}.", base, factor)
        return d.result(("*", factor.id, base.id), leads, "years old")
    if kind == "half":
        factor = d.fixed(2)
        d.say(f"{person} is half as old as {other}.", base, factor)
        return d.result(("/", base.id, factor.id), leads, "years old")
    gap = d.given(d.below(2, 15))
    swapped = {"older": "younger", "younger": "older"}[kind]
    d.say(
        (
            f"{person} is {gap.value} years {kind} than {other}.",
            f"{other} is {gap.value} years {swapped} than {person}.",
        ),
        base,
        gap,
    )
    return d.result(("+" if kind == "older" else "-", base.id, gap.id), leads, "years old")
