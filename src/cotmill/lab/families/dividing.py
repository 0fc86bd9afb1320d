"""Equal shares, what is left over, and percentages."""

from __future__ import annotations

from cotmill.lab.draft import Draft, MisfitError
from cotmill.lab.graph import Node
from cotmill.lab.words import HOLDERS

PERCENTS: tuple[int, ...] = (10, 20, 25, 50, 75)


def sharing(d: Draft, steps: int) -> Node:
    """A stock is built up, then shared equally or packed with some left over."""
    person = d.names(1)[0]
    thing = d.thing()
    over = steps > 1 and d.chance(0.4)
    ending_steps = 2 if over else 1
    follow = 1 if steps > ending_steps and d.chance(0.3) else 0
    stock = _stock(d, person, thing, steps - ending_steps - follow)
    if over:
        node = _left_over(d, person, thing, stock)
        unit = f"How many {thing} does {person} have left now?"
        return node if not follow else _more(d, person, thing, node, unit)
    people = d.given(d.below(2, 9))
    d.say(
        (
            f"{person} shares them equally with {people.value} friends and keeps none.",
            f"{people.value} friends share them equally.",
            f"{person} gives them to {people.value} friends, as many to each.",
        ),
        people,
    )
    d.ask = d.pick(
        (f"How many {thing} does each friend get?", f"How many {thing} are there for each friend?")
    )
    node = d.result(("/", stock.id, people.id), ("Each friend gets", "So each friend gets"), thing)
    if follow:
        return _more(d, "Each friend", thing, node, f"How many {thing} does each friend have now?")
    return node


def _stock(d: Draft, person: str, thing: str, steps: int) -> Node:
    have = d.given(d.below(10, 90))
    d.say([f"{person} {verb} {have.value} {thing}." for verb in ("has", "had", "got")], have)
    for _ in range(steps):
        amount = d.given(d.below(2, 20))
        leads = (f"Then {person} has", f"{person} has")
        if d.chance(0.5):
            d.say(
                (
                    f"{person} keeps {amount.value} {thing} and shares the rest.",
                    f"{person} loses {amount.value} {thing}.",
                    f"{person} eats {amount.value} of them.",
                ),
                amount,
            )
            have = d.result(("-", have.id, amount.id), leads, f"{thing} left")
        else:
            d.say(
                (
                    f"{person} buys {amount.value} more {thing}.",
                    f"{person} finds {amount.value} more {thing}.",
                ),
                amount,
            )
            have = d.result(("+", have.id, amount.id), leads, thing)
    return have


def _left_over(d: Draft, person: str, thing: str, stock: Node) -> Node:
    size = d.given(d.below(3, 20))
    times, rest = divmod(stock.value, size.value)
    if not 2 <= times <= 4 or rest == 0:
        raise MisfitError
    holders = d.pick(HOLDERS)
    d.say(
        (
            f"{person} puts {size.value} {thing} in each of the {holders} and fills as many as there can be.",
            f"{person} fills {holders} with {size.value} {thing} each.",
            f"{person} packs them in {holders} of {size.value}.",
        ),
        size,
    )
    d.ask = d.pick((f"How many {thing} are left over?", f"How many {thing} does {person} have left over?"))
    full = d.result(("+", *[size.id] * times), (f"The full {holders} hold", f"In the {holders} are"), thing)
    return d.result(("-", stock.id, full.id), ("There are", "So there are"), f"{thing} left")


def _more(d: Draft, person: str, thing: str, node: Node, ask: str) -> Node:
    amount = d.given(d.below(2, 12))
    inside = person[0].lower() + person[1:] if " " in person else person
    d.say(
        (
            f"Then {inside} gets {amount.value} more {thing}.",
            f"{person} then buys {amount.value} more {thing}.",
        ),
        amount,
    )
    d.ask = ask
    return d.result(("+", node.id, amount.id), (f"{person} has",), thing)


def percentages(d: Draft, steps: int) -> Node:
    """A percentage of something, the other part, a price cut, and what follows."""
    if d.chance(0.5) or steps == 1:
        return _percent_of_things(d, steps)
    return _price_cut(d, steps)


def _share(d: Draft, base: Node, leads: tuple[str, ...], unit: str, say: str) -> Node:
    percent = d.fixed(d.pick(PERCENTS))
    hundred = d.fixed(100)
    for known in {10: (10,), 20: (5,), 25: (4,), 50: (2,), 75: (4, 3)}[percent.value]:
        d.fixed(known)
    d.say(say.format(percent.value), base, percent)
    return d.result(("/", ("*", base.id, percent.id), hundred.id), leads, unit)


def _percent_of_things(d: Draft, steps: int) -> Node:
    person, thing, colour = d.names(1)[0], d.thing(), d.pick(("red", "blue", "green", "new", "old"))
    base = d.given(4 * d.below(2, 25) if d.chance(0.7) else 10 * d.below(1, 10))
    d.say([f"{person} {verb} {base.value} {thing}." for verb in ("has", "owns", "keeps")], base)
    for _ in range(steps - 3):
        amount = d.given(d.below(2, 20))
        d.say(
            (f"{person} buys {amount.value} more {thing}.", f"{person} gets {amount.value} more {thing}."),
            amount,
        )
        base = d.result(("+", base.id, amount.id), (f"Then {person} has", f"Now {person} has"), thing)
    say = d.pick(
        ("{}% of the " + thing + " are " + colour + ".", "Of the " + thing + ", {}% are " + colour + ".")
    )
    part = _share(d, base, (f"The {colour} ones are", f"So the {colour} ones are"), "", say)
    if steps == 1:
        d.ask = f"How many {thing} are {colour}?"
        return part
    if steps > 2 or d.chance(0.5):
        d.ask = f"How many {thing} are not {colour}?"
        part = d.result(("-", base.id, part.id), (f"The ones not {colour} are", "The others are"), "")
        if steps == 2:
            return part
    amount = d.given(d.below(2, 12))
    which = "others" if steps > 2 else f"{colour} ones"
    d.say(
        (
            f"{person} gives {amount.value} of the {which} away.",
            f"{person} loses {amount.value} of the {which}.",
        ),
        amount,
    )
    d.ask = f"How many of the {which} are left?"
    return d.result(("-", part.id, amount.id), (f"Of the {which} there are",), "left")


def _price_cut(d: Draft, steps: int) -> Node:
    thing = d.thing()
    base = d.given(4 * d.below(2, 25) if d.chance(0.7) else 10 * d.below(1, 10))
    up = d.chance(0.3)
    d.say(
        (
            f"A box of {thing} costs {base.value} dollars.",
            f"The price of the {thing} is {base.value} dollars.",
        ),
        base,
    )
    say = d.pick(
        ("The price goes up by {}%.", "Then it costs {}% more.")
        if up
        else ("The price goes down by {}%.", "The shop takes {}% off.")
    )
    cut = _share(d, base, (f"The price goes {'up' if up else 'down'} by",), "dollars", say)
    price = d.result(("+" if up else "-", base.id, cut.id), ("The new price is", "Now it costs"), "dollars")
    d.ask = d.pick(("What is the new price?", "How many dollars does it cost now?"))
    for _ in range(steps - 2):
        amount = d.given(d.below(2, 12))
        if d.chance(0.5):
            d.say(f"To bring it home costs {amount.value} dollars more.", amount)
            price = d.result(("+", price.id, amount.id), ("In all it costs", "Then it costs"), "dollars")
        else:
            d.say(f"Then it gets {amount.value} dollars less.", amount)
            price = d.result(("-", price.id, amount.id), ("In all it costs", "Then it costs"), "dollars")
        d.ask = "How many dollars does it cost in all?"
    return price
