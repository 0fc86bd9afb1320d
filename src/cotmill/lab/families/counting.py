"""Things in hand: stories of gains and losses, groups of things, wholes and their parts."""

from __future__ import annotations

from cotmill.lab.draft import Draft, MisfitError
from cotmill.lab.graph import Node
from cotmill.lab.words import ANIMALS, COLOURS, HOLDERS, PLACES


def changes(d: Draft, steps: int) -> Node:
    """Two people gain, lose and give; how many one has now, or both together."""
    thing = d.thing()
    person, other = d.names(2)
    have = d.given(d.below(8, 50))
    d.say([f"{person} {verb} {have.value} {thing}." for verb in ("has", "had", "owns")], have)
    theirs: Node | None = None
    joint = steps > 2 and d.chance(0.5)
    for _ in range(steps - 3 if joint else steps - 1):
        have = _event(d, person, other, have, thing)
    if not joint:
        have = _event(d, person, other, have, thing)
        d.ask = d.pick(
            (
                f"How many {thing} does {person} have now?",
                f"How many {thing} does {person} have?",
                f"How many {thing} does {person} have at the end?",
            )
        )
        return have
    theirs = d.given(d.below(5, 40))
    d.say((f"{other} has {theirs.value} {thing}.", f"{other} owns {theirs.value} {thing}."), theirs)
    moved = d.given(d.below(2, 12))
    d.say(
        (
            f"{person} gives {moved.value} {thing} to {other}.",
            f"{other} gets {moved.value} {thing} from {person}.",
        ),
        moved,
    )
    after = d.result(("-", have.id, moved.id), (f"Then {person} has", f"Now {person} has"), thing)
    grown = d.result(("+", theirs.id, moved.id), (f"Then {other} has", f"Now {other} has"), thing)
    return _joint_end(d, (person, after), (other, grown), thing)


def _joint_end(d: Draft, mine: tuple[str, Node], theirs: tuple[str, Node], thing: str) -> Node:
    if d.chance(0.4):
        d.ask = f"How many {thing} do {mine[0]} and {theirs[0]} have together now?"
        return d.result(("+", mine[1].id, theirs[1].id), ("Together they have", "In all they have"), thing)
    (low_name, low), (high_name, high) = sorted((mine, theirs), key=lambda pair: pair[1].value)
    if low.value == high.value:
        raise MisfitError
    d.ask = f"How many more {thing} does {high_name} have than {low_name} now?"
    return d.result(("-", high.id, low.id), (f"{high_name} has", f"Now {high_name} has"), f"more {thing}")


def _event(d: Draft, person: str, other: str, have: Node, thing: str) -> Node:
    leads = (f"Then {person} has", f"Now {person} has", f"{person} has")
    kind = d.pick(("gain", "loss", "gain", "loss", "double", "half"))
    if kind == "double":
        two = d.fixed(2)
        d.say((f"Then {person} finds as many {thing} again.", f"Then {person} doubles the {thing}."), two)
        return d.result(("*", two.id, have.id), leads, thing)
    if kind == "half":
        two = d.fixed(2)
        d.say((f"{person} loses half of the {thing}.", f"{person} gives half of the {thing} away."), two)
        return d.result(("/", have.id, two.id), leads, thing)
    amount = d.given(d.below(2, 20))
    n = amount.value
    if kind == "gain":
        d.say(
            (
                f"{person} buys {n} more {thing}.",
                f"{other} gives {person} {n} {thing}.",
                f"{person} finds {n} {thing}.",
                f"{person} gets {n} more {thing}.",
            ),
            amount,
        )
        return d.result(("+", have.id, amount.id), leads, thing)
    d.say(
        (
            f"{person} gives {n} {thing} to {other}.",
            f"{person} loses {n} {thing}.",
            f"{person} sells {n} {thing}.",
            f"{other} takes {n} {thing} from {person}.",
        ),
        amount,
    )
    return d.result(("-", have.id, amount.id), leads, thing)


def totals(d: Draft, steps: int) -> Node:
    """People with bags of things, perhaps loose ones too; the total, or what is left of it."""
    thing = d.thing()
    ending = d.pick(("sum", "sum", "left", "group", "gap"))
    if steps == 1:
        return _one_total(d, thing)
    products = d.pick([n for n in (1, 2, 3) if n < steps] or [1])
    people = d.names(max(products, 2))
    counts = [_grouped(d, people[i], thing) for i in range(products)]
    rest = steps - products
    if products == 1 or (ending == "gap" and products != 2):
        counts.append(_loose(d, people[1], thing))
    if ending == "gap" and len(counts) == 2 and rest == 1:
        low, high = sorted((0, 1), key=lambda i: counts[i].value)
        d.ask = f"How many more {thing} does {people[high]} have than {people[low]}?"
        return d.result(("-", counts[high].id, counts[low].id), (f"{people[high]} has",), f"more {thing}")
    total = d.result(
        ("+", *(c.id for c in counts)), ("Together they have", "In all they have", "The total is"), thing
    )
    d.ask = d.pick(
        (
            f"How many {thing} do they have in all?",
            f"How many {thing} do they have together?",
            f"What is the total of the {thing}?",
        )
    )
    for _ in range(rest - 1):
        total = _use(d, total, thing)
    return total


def _one_total(d: Draft, thing: str) -> Node:
    if d.chance(0.5):
        person = d.names(1)[0]
        d.ask = f"How many {thing} does {person} have?"
        return _grouped(d, person, thing)
    people = d.names(d.below(2, 3))
    counts = [_loose(d, person, thing) for person in people]
    d.ask = d.pick(
        (
            f"How many {thing} do they have in all?",
            f"How many {thing} do they have together?",
            f"What is the total of the {thing}?",
        )
    )
    return d.result(
        ("+", *(c.id for c in counts)), ("Together they have", "In all they have", "The total is"), thing
    )


def _grouped(d: Draft, person: str, thing: str) -> Node:
    holders = d.pick(HOLDERS)
    groups, each = d.given(d.below(2, 9)), d.given(d.below(2, 12))
    d.say(
        (
            f"{person} has {groups.value} {holders} with {each.value} {thing} each.",
            f"{person} fills {groups.value} {holders} with {each.value} {thing} each.",
            f"{person} has {groups.value} {holders} of {each.value} {thing}.",
        ),
        groups,
        each,
    )
    return d.result(("*", groups.id, each.id), (f"{person} has", f"So {person} has"), thing)


def _loose(d: Draft, person: str, thing: str) -> Node:
    node = d.given(d.below(3, 40))
    d.say([f"{person} {verb} {node.value} {thing}." for verb in ("has", "owns", "keeps")], node)
    return node


def _use(d: Draft, total: Node, thing: str) -> Node:
    if d.chance(0.35):
        people = d.given(d.below(2, 6))
        d.say(
            f"They put all the {thing} in {people.value} {(holders := d.pick(HOLDERS))}, as many in each.",
            people,
        )
        d.ask = f"How many {thing} are in each of the {holders}?"
        return d.result(("/", total.id, people.id), ("In each there are", "Each holds"), thing)
    used = d.given(d.below(3, 30))
    d.say(
        (
            f"They sell {used.value} {thing}.",
            f"They lose {used.value} {thing}.",
            f"They give {used.value} {thing} away.",
        ),
        used,
    )
    d.ask = d.pick((f"How many {thing} are left?", f"How many {thing} do they have now?"))
    return d.result(("-", total.id, used.id), ("There are", "They have"), f"{thing} left")


def parts(d: Draft, steps: int) -> Node:
    """A whole, some of its parts, and the rest."""
    animals, place = d.pick(ANIMALS), d.pick(PLACES)
    colours = [COLOURS[i] for i in d.rng.permutation(len(COLOURS))]
    whole = d.given(d.below(20, 90))
    d.say(
        (f"There are {whole.value} {animals} in the {place}.", f"The {place} has {whole.value} {animals}."),
        whole,
    )
    known: list[Node] = [d.given(d.below(3, 20))]
    d.say(f"{known[0].value} of them are {colours[0]}.", known[0])
    more = d.below(0, min(steps - 1, 3))
    for i in range(more):
        known.append(_next_part(d, colours[i + 1], colours[i], known[i]))
    if d.chance(0.4):
        extra = d.given(d.below(3, 15))
        d.say(f"{extra.value} are {colours[more + 1]}.", extra)
        known.append(extra)
    last = colours[-1]
    d.say(f"The rest are {last}.")
    node = d.result(
        ("-", whole.id, *(part.id for part in known)), (f"The {last} ones are", f"So the {last} ones are")
    )
    d.ask = f"How many {animals} are {last}?"
    for _ in range(steps - 1 - more):
        node = _leave(d, node, animals, last)
    return node


def _next_part(d: Draft, colour: str, before: str, base: Node) -> Node:
    leads = (f"The {colour} ones are", f"So the {colour} ones are")
    if d.chance(0.4):
        factor = d.fixed(2)
        d.say(f"Twice as many are {colour} as {before}.", base, factor)
        return d.result(("*", factor.id, base.id), leads)
    gap = d.given(d.below(2, 9))
    if d.chance(0.5):
        d.say(f"{gap.value} more are {colour} than {before}.", base, gap)
        return d.result(("+", base.id, gap.id), leads)
    d.say(f"{gap.value} fewer are {colour} than {before}.", base, gap)
    return d.result(("-", base.id, gap.id), leads)


def _leave(d: Draft, node: Node, animals: str, colour: str) -> Node:
    leads = ("Then there are", f"Then the {colour} ones are")
    d.ask = f"How many {colour} {animals} are there now?"
    if d.chance(0.3):
        two = d.fixed(2)
        d.say(f"Half of the {colour} ones leave.", two)
        return d.result(("/", node.id, two.id), leads)
    amount = d.given(d.below(2, 15))
    if d.chance(0.5):
        d.say(f"Then {amount.value} of the {colour} ones leave.", amount)
        return d.result(("-", node.id, amount.id), leads)
    d.say(f"Then {amount.value} more {colour} ones come.", amount)
    return d.result(("+", node.id, amount.id), leads)
