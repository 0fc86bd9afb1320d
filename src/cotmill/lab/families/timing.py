"""Things that happen per hour or day: rates, patterns that go on, and (for tests only) savings."""

from __future__ import annotations

from cotmill.lab.draft import Draft, MisfitError
from cotmill.lab.graph import Node
from cotmill.lab.words import SPANS, WORK


def rates(d: Draft, steps: int) -> Node:
    """So many an hour for so many hours; two workers, a goal, and the time to reach it."""
    does, do, things = d.pick(WORK)
    span = d.pick(SPANS)
    workers = d.names(2)
    ending = d.pick(("amount", "time", "left", "both", "both"))
    if steps == 1:
        if ending == "time":
            return _time(d, workers[0], (does, do, things), span, _goal(d, workers[0], do, things))
        d.ask = f"How many {things} does {workers[0]} {do}?"
        return _done(d, workers[0], does, things, span)
    first = _done(d, workers[0], does, things, span)
    if ending == "both" and steps >= 3:
        second = _done(d, workers[1], does, things, span)
        total = d.result(("+", first.id, second.id), (f"Together they {do}", f"In all they {do}"), things)
        d.ask = d.pick(
            (f"How many {things} do they {do} in all?", f"How many {things} do they {do} together?")
        )
        used = 3
    else:
        total, used = _extra(d, workers[0], first, (does, do, things), span), 2
    while used < steps:
        total, used = _extra(d, workers[0], total, (does, do, things), span), used + 1
    return total


def _done(d: Draft, person: str, does: str, things: str, span: str) -> Node:
    rate, time = d.given(d.below(2, 12)), d.given(d.below(2, 9))
    d.say(
        (
            f"{person} {does} {rate.value} {things} each {span}.",
            f"{person} {does} {rate.value} {things} a {span}.",
            f"Each {span} {person} {does} {rate.value} {things}.",
        ),
        rate,
    )
    d.say(
        (f"{person} works for {time.value} {span}s.", f"{person} does this for {time.value} {span}s."), time
    )
    return d.result(("*", rate.id, time.id), (f"{person} {does}", f"In all {person} {does}"), things)


def _goal(d: Draft, person: str, do: str, things: str) -> Node:
    goal = d.given(d.below(10, 99))
    d.say(
        (f"{person} wants to {do} {goal.value} {things}.", f"{person} has to {do} {goal.value} {things}."),
        goal,
    )
    return goal


def _time(d: Draft, person: str, work: tuple[str, str, str], span: str, goal: Node) -> Node:
    does, do, things = work
    rate = d.given(d.below(2, 12))
    d.say(
        (
            f"{person} {does} {rate.value} {things} each {span}.",
            f"{person} can {do} {rate.value} {things} a {span}.",
        ),
        rate,
    )
    d.ask = f"How many {span}s does {person} need?"
    return d.result(("/", goal.id, rate.id), (f"{person} needs", "This takes"), f"{span}s")


def _extra(d: Draft, person: str, total: Node, work: tuple[str, str, str], span: str) -> Node:
    does, do, things = work
    kind = d.pick(("plus", "left", "minus", "days"))
    if kind == "days" and span == "hour":
        days = d.given(d.below(2, 7))
        d.say((f"This is done on {days.value} days.", f"It is the same on each of {days.value} days."), days)
        d.ask = f"How many {things} is this in all?"
        return d.result(("*", days.id, total.id), ("In all this is", "The total is"), things)
    amount = d.given(d.below(3, 30))
    if kind == "left":
        goal = d.given(total.value + amount.value)
        d.nodes.remove(amount)
        d.say((f"The goal is {goal.value} {things}.", f"They want {goal.value} {things} in all."), goal)
        d.ask = d.pick((f"How many {things} are left to {do}?", f"How many more {things} are there to {do}?"))
        return d.result(("-", goal.id, total.id), ("To go are", "So there are"), f"{things} left")
    if kind == "minus":
        d.say(
            (f"{amount.value} of the {things} are no good.", f"{amount.value} {things} do not count."), amount
        )
        d.ask = f"How many good {things} are there?"
        return d.result(("-", total.id, amount.id), ("There are", "So there are"), f"good {things}")
    d.say(
        (
            f"Then {person} {does} {amount.value} more {things}.",
            f"Before this, {amount.value} {things} were done.",
        ),
        amount,
    )
    d.ask = f"How many {things} is this in all?"
    return d.result(("+", total.id, amount.id), ("In all this is", "The total is"), things)


def patterns(d: Draft, steps: int) -> Node:
    """A number that grows or shrinks by a rule from day to day; its value on a day, or a sum."""
    person, thing = d.names(1)[0], d.thing()
    summed = steps > 1 and d.chance(0.35)
    jumps = steps - summed
    rule = d.pick(("more", "fewer", "times") if jumps <= 3 else ("more", "fewer"))
    first = d.given(d.below(2, 9) if rule == "times" else d.below(3, 40))
    by = d.fixed(d.below(2, 3)) if rule == "times" else d.given(d.below(2, 9))
    verb, plain = d.pick((("finds", "find"), ("makes", "make"), ("sells", "sell")))
    d.say(
        (
            f"On day 1 {person} {verb} {first.value} {thing}.",
            f"{person} {verb} {first.value} {thing} on day 1.",
        ),
        first,
    )
    words = f"{by.value} times as many as" if rule == "times" else f"{by.value} {rule} than"
    if rule == "times" and by.value == 2:
        words = "twice as many as"
    d.say(
        (f"Each day {person} {verb} {words} the day before.", f"Each next day it is {words} the day before."),
        by,
    )
    days = [first]
    for number in range(2, jumps + 2):
        leads = (f"On day {number} {person} {verb}", f"Day {number} has")
        sign = {"more": "+", "fewer": "-", "times": "*"}[rule]
        days.append(d.result((sign, days[-1].id, by.id), leads, thing))
    if not summed:
        d.ask = d.pick(
            (
                f"How many {thing} does {person} {plain} on day {jumps + 1}?",
                f"On day {jumps + 1}, how many {thing} does {person} {plain}?",
            )
        )
        return days[-1]
    d.ask = f"How many {thing} does {person} {plain} in {jumps + 1} days?"
    return d.result(("+", *(day.id for day in days)), ("In all this is", "The total is"), thing)


def savings(d: Draft, steps: int) -> Node:
    """Income and cost per day meet a stock: known words in a structure that no other family has."""
    if steps < 2:
        raise MisfitError
    person = d.names(1)[0]
    income, cost = d.given(d.below(6, 20)), d.given(d.below(2, 9))
    d.say(f"Each day {person} earns {income.value} dollars and pays {cost.value} dollars.", income, cost)
    net = d.result(("-", income.id, cost.id), (f"Each day {person} keeps",), "dollars")
    if steps == 2 and d.chance(0.5):
        goal = d.given(d.below(10, 90))
        d.ask = f"How many days does {person} need to have {goal.value} dollars?"
        return d.result(("/", goal.id, net.id), (f"{person} needs", "This takes"), "days")
    days = d.given(d.below(2, 9))
    d.say(f"{person} works for {days.value} days.", days)
    total = d.result(("*", net.id, days.id), (f"In all {person} keeps",), "dollars")
    d.ask = f"How many dollars does {person} keep in all?"
    for position in range(steps - 2):
        amount = d.given(d.below(2, 30))
        if position % 2 == 0:
            d.say(f"At first {person} had {amount.value} dollars.", amount)
            total = d.result(("+", total.id, amount.id), (f"Now {person} has",), "dollars")
        else:
            d.say(f"At the end {person} gives {amount.value} dollars away.", amount)
            total = d.result(("-", total.id, amount.id), (f"Then {person} has",), "dollars left")
        d.ask = f"How many dollars does {person} have at the end?"
    return total
