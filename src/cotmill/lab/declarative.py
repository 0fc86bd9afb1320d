"""Pre-training text: declarative statements, never the form of a chain of thought.

A base model should know the lab's words, its arithmetic and every single inference before it is
fine-tuned, and nothing about writing a solution: a base that had seen the solution form gained nothing
from fine-tuning. So there are facts, stories, and conclusions one step away from what is stated; there
are no calculator marks, no answer line, and a conclusion is never built on another conclusion.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from cotmill.core.ids import rng_of
from cotmill.lab.chatter import CHATTER, IN_TOPIC, OFF_TOPIC, TALK
from cotmill.lab.families import DEFAULT_MIX
from cotmill.lab.graph import Node, leaves
from cotmill.lab.problems import Problem, one_problem
from cotmill.lab.words import NAMES, PLACES, THINGS

MIX = {source: share**0.5 for source, share in DEFAULT_MIX.items()}
"""Rare families are less rare here: the base should know every inference, the pool decides the rest."""

STILL = {source: MIX[source] for source in ("comparisons", "ages", "shopping", "totals", "rates")}
"""Families in which a number stays true to the end of the story."""


TEXTS: dict[str, tuple[float, ...]] = {
    "stories": (0.12, 0.17, 0.40, 0.13, 0.12, 0.03, 0.03),
    "sums": (0.12, 0.48, 0.24, 0.06, 0.06, 0.02, 0.02),
}
"""Shares of word facts, sign facts, inferences, stories with conclusions, look-ups, orders and talk.

"stories" comes first. A model that has seen only it gets a third of its sums wrong, and fine-tuning then
teaches arithmetic, step by step, where it should teach reasoning; "sums" is the second part.
"""


def declarative(seed: int, count: int, *, start: int = 0, text: str = "stories") -> Iterator[str]:
    """Stream pre-training documents of about 30 to 90 tokens; document i depends on (seed, i) alone.

    >>> any("<<" in text or "####" in text for text in declarative(0, 50))
    False
    """
    kinds = (_word_facts, _sign_facts, _inferences, _parallel, _lookup, _order, _talk)
    weights = np.array(TEXTS[text])
    for i in range(start, start + count):
        rng = rng_of(seed, "declarative", i)
        yield kinds[int(rng.choice(len(kinds), p=weights))](rng)


def _below(rng: np.random.Generator, low: int, high: int) -> int:
    return int(rng.integers(low, high + 1))


def _addends(rng: np.random.Generator) -> tuple[int, int]:
    large = rng.random() < 0.35
    a, b = _below(rng, 1, 150 if large else 50), _below(rng, 1, 50 if large else 40)
    return (a, b) if rng.random() < 0.6 else (b, a)


def _fact(rng: np.random.Generator) -> tuple[str, tuple[int, ...], int]:
    """Draw an operator, its operands and the result."""
    kind = rng.choice(["+", "-", "*", "/", "%", "++", "--"], p=[0.3, 0.28, 0.18, 0.1, 0.05, 0.06, 0.03])
    if kind in "+-":
        a, b = _addends(rng)
        return ("+", (a, b), a + b) if kind == "+" else ("-", (a + b, b), a)
    if kind in "*/":
        a, b = _below(rng, 2, 9), _below(rng, 2, 20 if rng.random() < 0.7 else 40)
        if kind == "/":
            return "/", (a * b, a), b
        return "*", ((a, b) if rng.random() < 0.5 else (b, a)), a * b
    if kind == "%":
        percent = int(rng.choice([10, 20, 25, 50, 75]))
        whole = {10: 10, 20: 5, 25: 4, 50: 2, 75: 4}[percent] * _below(rng, 1, 25)
        return "%", (whole, percent), whole * percent // 100
    numbers = tuple(_below(rng, 2, 30) for _ in range(_below(rng, 3, 4)))
    if kind == "++":
        return "+", numbers, sum(numbers)
    return "-", (sum(numbers), *numbers[1:]), numbers[0]


_WORDS = {"+": "plus", "-": "minus", "*": "times"}


def _word_facts(rng: np.random.Generator) -> str:
    texts = []
    for _ in range(_below(rng, 3, 6)):
        sign, operands, value = _fact(rng)
        if sign == "%":
            texts.append(f"{operands[1]}% of {operands[0]} is {value}.")
        elif sign == "/":
            halves = operands[1] == 2 and rng.random() < 0.5
            texts.append(
                f"Half of {operands[0]} is {value}."
                if halves
                else f"{operands[0]} shared by {operands[1]} is {value}."
            )
        elif sign == "*" and operands[0] == 2 and rng.random() < 0.5:
            texts.append(f"Twice {operands[1]} is {value}.")
        else:
            texts.append(f" {_WORDS[sign]} ".join(map(str, operands)) + f" is {value}.")
    return " ".join(texts)


def _sign_facts(rng: np.random.Generator) -> str:
    texts = []
    for _ in range(_below(rng, 4, 8)):
        sign, operands, value = _fact(rng)
        left = f"{operands[0]}*{operands[1]}/100" if sign == "%" else sign.join(map(str, operands))
        texts.append(f"{left}={value}")
    return "\n".join(texts)


def _plain(lead: str) -> str:
    """A lead without its connective, so that a stated fact does not sound like a conclusion."""
    first, _, rest = lead.partition(" ")
    return rest[0].upper() + rest[1:] if first == "So" else lead


def _statement(node: Node, rng: np.random.Generator, *, conclusion: bool) -> str:
    lead = _plain(node.leads[int(rng.integers(len(node.leads)))])
    first = lead.split(" ", 1)[0]
    if conclusion and rng.random() < 0.5:
        lead = "So " + (lead if first in NAMES else lead[0].lower() + lead[1:])
    return f"{lead} {node.value}{node.tail}"


def _inference(problem: Problem, node: Node, rng: np.random.Generator) -> str | None:
    """State what one result rests on, as given, then the result; None if something cannot be stated."""
    assert node.expr is not None
    needed = list(dict.fromkeys(leaves(node.expr)))
    if len(needed) == 1:  # How often the one number is taken depends on what is not said here.
        return None
    by_id = problem.graph.by_id
    facts = [by_id[i] for i in needed if by_id[i].kind == "result"]
    texts = [_statement(fact, rng, conclusion=False) for fact in facts]
    stated: set[str] = set()
    for sentence in problem.sentences:
        if sentence.about and set(sentence.about) <= set(needed):
            texts.append(sentence.text)
            stated |= set(sentence.about)
    missing = [i for i in needed if by_id[i].kind == "given" and i not in stated]
    if node.id == problem.graph.target and (missing or rng.random() < 0.4):
        texts.append(problem.ask)
    elif missing:
        return None
    return " ".join([*texts, _statement(node, rng, conclusion=node.id != problem.graph.target)])


def _draw(rng: np.random.Generator) -> Problem:
    return one_problem(rng, MIX, (1, 4), "train")


def _inferences(rng: np.random.Generator) -> str:
    texts: list[str] = []
    while len(texts) < 2:
        problem = _draw(rng)
        steps = problem.graph.steps
        text = _inference(problem, steps[int(rng.integers(len(steps)))], rng)
        if text is not None:
            texts.append(text)
    return " ".join(texts)


def _parallel(rng: np.random.Generator) -> str:
    """A whole story, then what follows from its stated numbers at once."""
    problem = one_problem(rng, STILL, (2, 4), "train")
    by_id = problem.graph.by_id
    near = []
    for node in problem.graph.steps:
        stated = all(by_id[i].kind != "result" for i in leaves(node.expr or ""))
        if stated and node.id != problem.graph.target:
            near.append(node)
    texts = [sentence.text for sentence in problem.sentences]
    texts += [_statement(near[i], rng, conclusion=True) for i in rng.permutation(len(near))]
    return " ".join(texts)


def _lookup(rng: np.random.Generator) -> str:
    """Who has what: facts, then the same facts asked for."""
    people = [NAMES[i] for i in rng.permutation(len(NAMES))[: _below(rng, 3, 5)]]
    things = [THINGS[int(rng.integers(len(THINGS)))] for _ in people]
    if rng.random() < 0.5:
        things = [things[0]] * len(people)
    numbers = [_below(rng, 2, 99) for _ in people]
    facts = [f"{who} has {n} {what}." for who, n, what in zip(people, numbers, things, strict=True)]
    texts = list(facts)
    for i in rng.permutation(len(people))[:2]:
        asked = f"How many {things[i]} does {people[i]} have? " if rng.random() < 0.5 else ""
        texts.append(asked + facts[i])
    return " ".join(texts)


def _order(rng: np.random.Generator) -> str:
    texts = []
    for _ in range(_below(rng, 3, 5)):
        low = _below(rng, 1, 98)
        high = _below(rng, low + 1, 99)
        texts.append(f"{high} is more than {low}." if rng.random() < 0.5 else f"{low} is less than {high}.")
    return " ".join(texts)


def _talk(rng: np.random.Generator) -> str:
    options = (*TALK, *CHATTER, *OFF_TOPIC, *IN_TOPIC)
    texts = [options[i] for i in rng.permutation(len(options))[: _below(rng, 3, 5)]]
    return " ".join(
        text.format(
            place=PLACES[int(rng.integers(len(PLACES)))],
            name=NAMES[int(rng.integers(len(NAMES)))],
            thing=THINGS[int(rng.integers(len(THINGS)))],
            n=_below(rng, 2, 99),
        )
        for text in texts
    )
