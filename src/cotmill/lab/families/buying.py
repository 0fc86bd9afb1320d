"""Money and material: shopping with change, and the measures of a garden."""

from __future__ import annotations

from cotmill.lab.draft import Draft, MisfitError
from cotmill.lab.graph import Node
from cotmill.lab.words import THINGS


def shopping(d: Draft, steps: int) -> Node:
    """Items at a price each, a price or number that refers to another, then a bill, change or a share."""
    person = d.names(1)[0]
    ending = d.pick(("bill", "change", "share", "rest"))
    budget = steps - (ending != "bill")
    if budget < 1:
        return _only_bill(d, person, ending)
    items = d.pick([n for n in (1, 2, 3) if n + (n > 1) <= budget])
    derived = budget - items - (items > 1)
    if derived > items or (items == 3 and d.chance(0.5)):
        raise MisfitError
    costs = _costs(d, person, items, derived)
    if items > 1:
        total = d.result(
            ("+", *(c.id for c in costs)), ("The total is", "In all it costs", f"{person} pays"), "dollars"
        )
    else:
        total = costs[0]
    if ending == "bill":
        d.ask = d.pick(
            (
                f"How many dollars does {person} pay?",
                f"How much does {person} pay in all?",
                f"How many dollars does {person} spend?",
            )
        )
        return total
    return _after_bill(d, person, total, ending)


def _costs(d: Draft, person: str, items: int, derived: int) -> list[Node]:
    things = [THINGS[i] for i in d.rng.permutation(len(THINGS))[:items]]
    costs: list[Node] = []
    price: Node | None = None
    count: Node | None = None
    for position, thing in enumerate(things):
        if position >= items - derived:
            previous = things[position - 1]
            if price is not None and count is not None and d.chance(0.5):
                price = _other_price(d, thing, previous, price)
                count = _bought(d, person, thing)
            elif count is not None:
                count = _other_count(d, person, thing, previous, count)
                price = _price(d, thing)
            else:
                price = _raised_price(d, thing)
                count = _bought(d, person, thing)
        else:
            count = _bought(d, person, thing)
            price = _price(d, thing)
        costs.append(
            d.result(
                ("*", count.id, price.id), (f"The {thing} cost", f"For the {thing} {person} pays"), "dollars"
            )
        )
    return costs


def _bought(d: Draft, person: str, thing: str) -> Node:
    count = d.given(d.below(2, 12))
    d.say([f"{person} {verb} {count.value} {thing}." for verb in ("buys", "gets", "takes")], count)
    return count


def _price(d: Draft, thing: str) -> Node:
    price = d.given(d.below(2, 9))
    d.say(
        (
            f"The {thing} cost {price.value} dollars each.",
            f"The {thing} are {price.value} dollars each.",
            f"Each of the {thing} costs {price.value} dollars.",
        ),
        price,
    )
    return price


def _raised_price(d: Draft, thing: str) -> Node:
    old, change = d.given(d.below(3, 9)), d.given(d.below(1, 5))
    leads = (f"Now the {thing} cost", f"The {thing} now cost")
    d.say(f"The {thing} were {old.value} dollars each.", old)
    if d.chance(0.5):
        d.say(f"Now they cost {change.value} dollars more.", change)
        return d.result(("+", old.id, change.id), leads, "dollars each")
    d.say(f"Now they cost {change.value} dollars less.", change)
    return d.result(("-", old.id, change.id), leads, "dollars each")


def _other_price(d: Draft, thing: str, previous: str, price: Node) -> Node:
    gap = d.given(d.below(1, 6))
    leads = (f"Each of the {thing} costs", f"So each of the {thing} costs")
    if d.chance(0.6):
        d.say(f"The {thing} cost {gap.value} dollars more each than the {previous}.", price, gap)
        return d.result(("+", price.id, gap.id), leads, "dollars")
    d.say(f"The {thing} cost {gap.value} dollars less each than the {previous}.", price, gap)
    return d.result(("-", price.id, gap.id), leads, "dollars")


def _other_count(d: Draft, person: str, thing: str, previous: str, count: Node) -> Node:
    leads = (f"{person} buys", f"So {person} buys")
    if d.chance(0.3):
        factor = d.fixed(2)
        d.say(f"{person} buys twice as many {thing} as {previous}.", count, factor)
        return d.result(("*", factor.id, count.id), leads, thing)
    gap = d.given(d.below(1, 8))
    d.say(f"{person} buys {gap.value} more {thing} than {previous}.", count, gap)
    return d.result(("+", count.id, gap.id), leads, thing)


def _only_bill(d: Draft, person: str, ending: str) -> Node:
    total = d.given(d.below(8, 90))
    thing = d.thing()
    d.say(
        (
            f"{person} buys {thing} for {total.value} dollars.",
            f"The {thing} of {person} cost {total.value} dollars.",
        ),
        total,
    )
    return _after_bill(d, person, total, ending)


def _after_bill(d: Draft, person: str, total: Node, ending: str) -> Node:
    if ending == "share":
        friends = d.given(d.below(2, 8))
        d.say(
            (
                f"{friends.value} friends share the cost equally.",
                f"The cost is shared equally by {friends.value} friends.",
            ),
            friends,
        )
        d.ask = "How many dollars does each friend pay?"
        return d.result(("/", total.id, friends.id), ("Each friend pays", "So each friend pays"), "dollars")
    if ending == "rest":
        money = d.given(total.value + d.below(3, 40))
        d.say(
            (
                f"{person} had {money.value} dollars at first.",
                f"At first {person} had {money.value} dollars.",
            ),
            money,
        )
        d.ask = d.pick(
            (f"How many dollars does {person} have left?", f"How many dollars are left for {person}?")
        )
        return d.result(("-", money.id, total.id), (f"{person} has", f"So {person} has"), "dollars left")
    money = d.given(-(-(total.value + d.below(1, 10)) // 10) * 10)
    d.say(
        (f"{person} pays with {money.value} dollars.", f"{person} gives the shop {money.value} dollars."),
        money,
    )
    d.ask = d.pick((f"How many dollars does {person} get back?", f"How much change does {person} get?"))
    return d.result(("-", money.id, total.id), ("The change is", f"{person} gets back"), "dollars")


def measures(d: Draft, steps: int) -> Node:
    """A garden's sides, area and edge, and what it takes to plant or fence it."""
    long, wide, derived = _sides(d, steps)
    left = steps - derived
    if left == 1:
        d.ask = d.pick(("What is the area of the garden?", "How many square meters is the garden?"))
        return d.result(("*", long.id, wide.id), ("The area is", "The garden has"), "square meters")
    if d.chance(0.5):
        half = d.result(("+", long.id, wide.id), ("Two sides are", "Long and wide make"), "meters")
        two = d.fixed(2)
        base = d.result(("*", two.id, half.id), ("All sides are", "The fence is"), "meters")
        what, unit, left = "How many meters of fence does the garden need?", "meter of the fence", left - 2
    else:
        base = d.result(("*", long.id, wide.id), ("The area is", "The garden has"), "square meters")
        what, unit, left = "", "square meter", left - 1
    if left == 0:
        d.ask = what or "What is the area of the garden?"
        return base
    if left == 1 and d.chance(0.5):
        price = d.given(d.below(2, 6))
        d.say(f"Each {unit} costs {price.value} dollars.", price)
        d.ask = "How many dollars does it cost?"
        return d.result(("*", price.id, base.id), ("It costs", "In all it costs"), "dollars")
    if left == 1:
        done = d.given(d.below(2, 30))
        d.say((f"{done.value} meters are done.", f"Of it, {done.value} meters are done now."), done)
        d.ask = "How many meters are left to do?"
        return d.result(("-", base.id, done.id), ("To do are", "So there are"), "meters left")
    raise MisfitError


def _sides(d: Draft, steps: int) -> tuple[Node, Node, int]:
    long = d.given(d.below(3, 20))
    if steps > 1 and d.chance(0.5):
        gap = d.given(d.below(1, 9))
        d.say(
            (
                f"A garden is {long.value} meters long and {gap.value} meters less wide.",
                f"A garden is {long.value} meters long. It is {gap.value} meters less wide than long.",
            ),
            long,
            gap,
        )
        return long, d.result(("-", long.id, gap.id), ("It is", "The garden is"), "meters wide"), 1
    wide = d.given(d.below(2, 9))
    d.say(
        (
            f"A garden is {long.value} meters long and {wide.value} meters wide.",
            f"A garden is {wide.value} meters wide and {long.value} meters long.",
        ),
        long,
        wide,
    )
    return long, wide, 0
