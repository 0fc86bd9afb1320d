"""Ways to spoil a right solution, each proved by the exact judge to be what it claims.

A spoiler draws a change; the judge decides whether the change has the wanted effect; if not, it is drawn
again. So a label is never a hope. A mistake is carried on through the later lines, as a person who makes
one carries it on.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np

from cotmill.lab.chatter import CHATTER
from cotmill.lab.check import SoundnessReport, check_solution, compute, parse
from cotmill.lab.graph import Graph

LINE = re.compile(r"^(.*) <<(.+)=(\d+)>>\d+(.*)$")
NUMBER = re.compile(r"\d+")
TRIES = 60
LARGEST_WRONG = 400


@dataclass(frozen=True, slots=True)
class Step:
    """A solution line in pieces."""

    lead: str
    expression: str
    value: int
    tail: str

    def __str__(self) -> str:
        """Write the line."""
        return f"{self.lead} <<{self.expression}={self.value}>>{self.value}{self.tail}"


def steps_of(solution: str) -> list[Step]:
    """Take a solution apart; lines without a calculator mark are left out."""
    found = (LINE.match(line) for line in solution.splitlines())
    return [Step(m.group(1), m.group(2), int(m.group(3)), m.group(4)) for m in found if m]


def _text(steps: list[Step], final: int) -> str:
    return "\n".join([*map(str, steps), f"#### {final}"])


def _pick(rng: np.random.Generator, count: int) -> int:
    return int(rng.integers(count))


def _off_by(rng: np.random.Generator, value: int) -> int:
    """A value that a slip would give: one or two off, or off by ten."""
    return value + (-10, -2, -1, 1, 2, 10)[_pick(rng, 6)]


def _carry_on(steps: list[Step], start: int, old: int) -> list[Step] | None:
    """Recompute the lines after `start`, whose value was `old`; None if one is not a count any more."""
    steps = list(steps)
    changed = {old: steps[start].value}
    for i in range(start + 1, len(steps)):
        expression = NUMBER.sub(
            lambda m: str(changed.get(int(m.group()), int(m.group()))), steps[i].expression
        )
        value = compute(parse(expression))
        if value is None or value.denominator != 1 or not 0 < value <= LARGEST_WRONG:
            return None
        if value != steps[i].value:
            changed[steps[i].value] = int(value)
        steps[i] = replace(steps[i], expression=expression, value=int(value))
    return steps


def _wrong_arithmetic(graph: Graph, steps: list[Step], rng: np.random.Generator) -> str | None:
    del graph
    i = _pick(rng, len(steps))
    old = steps[i].value
    steps[i] = replace(steps[i], value=_off_by(rng, old))
    spoiled = _carry_on(steps, i, old) if steps[i].value > 0 else None
    return _text(spoiled, spoiled[-1].value) if spoiled else None


def _wrong_operand(graph: Graph, steps: list[Step], rng: np.random.Generator) -> str | None:
    i = _pick(rng, len(steps))
    old, expression = steps[i].value, steps[i].expression
    places = list(NUMBER.finditer(expression))
    place = places[_pick(rng, len(places))]
    there = {node.value for node in graph.nodes if node.kind == "given"} | {step.value for step in steps[:i]}
    others = sorted(there - {int(place.group())})
    if not others:
        return None
    changed = expression[: place.start()] + str(others[_pick(rng, len(others))]) + expression[place.end() :]
    value = compute(parse(changed))
    if value is None or value.denominator != 1 or not 0 < value <= LARGEST_WRONG:
        return None
    steps[i] = replace(steps[i], expression=changed, value=int(value))
    spoiled = _carry_on(steps, i, old)
    return _text(spoiled, spoiled[-1].value) if spoiled else None


def _wrong_answer(graph: Graph, steps: list[Step], rng: np.random.Generator) -> str | None:
    wrong = steps[_pick(rng, len(steps))].value if rng.random() < 0.3 else _off_by(rng, graph.answer)
    return _text(steps, wrong) if wrong > 0 else None


def _wrong_reasoning(graph: Graph, steps: list[Step], rng: np.random.Generator) -> str | None:
    """Reach the right answer by an invented number, or by a wrong line and a last line that mends it."""
    if len(steps) == 1 or rng.random() < 0.4:
        return _text([*steps[:-1], _invented(steps[-1], rng)], graph.answer)
    i = _pick(rng, len(steps) - 1)
    old = steps[i].value
    steps[i] = replace(steps[i], expression=_other_sign(steps[i].expression, rng))
    value = compute(parse(steps[i].expression))
    if value is None or value.denominator != 1 or not 0 < value <= LARGEST_WRONG:
        return None
    steps[i] = replace(steps[i], value=int(value))
    spoiled = _carry_on(steps, i, old)
    if spoiled is None or spoiled[-1].value == graph.answer:
        return None
    spoiled[-1] = replace(spoiled[-1], value=graph.answer)
    return _text(spoiled, graph.answer)


def _invented(step: Step, rng: np.random.Generator) -> Step:
    shift = 1 + _pick(rng, 12)
    if step.value > shift and rng.random() < 0.5:
        return replace(step, expression=f"{step.value - shift}+{shift}")
    return replace(step, expression=f"{step.value + shift}-{shift}")


def _other_sign(expression: str, rng: np.random.Generator) -> str:
    signs = [i for i, letter in enumerate(expression) if letter in "+-*/"]
    place = signs[_pick(rng, len(signs))]
    others = [sign for sign in "+-*" if sign != expression[place]]
    return expression[:place] + others[_pick(rng, len(others))] + expression[place + 1 :]


def _truncated(graph: Graph, steps: list[Step], rng: np.random.Generator) -> str | None:
    return _text(steps[: _pick(rng, len(steps))], graph.answer)


def _shuffled(graph: Graph, steps: list[Step], rng: np.random.Generator) -> str | None:
    return _text([steps[i] for i in rng.permutation(len(steps))], graph.answer)


def _chatter(graph: Graph, steps: list[Step], rng: np.random.Generator) -> str | None:
    lines = list(map(str, steps))
    for i in rng.permutation(len(CHATTER))[: 1 + _pick(rng, 3)]:
        lines.insert(_pick(rng, len(lines) + 1), CHATTER[i])
    return "\n".join([*lines, f"#### {graph.answer}"])


@dataclass(frozen=True, slots=True)
class Mistake:
    """How to spoil a solution, and what the judge must then say."""

    spoil: Callable[[Graph, list[Step], np.random.Generator], str | None]
    holds: Callable[[SoundnessReport], bool]


def _only_arithmetic_is_wrong(report: SoundnessReport) -> bool:
    return sum(not e.right for e in report.equations) == 1 and report.follows and not report.correct


def _formula_is_wrong(report: SoundnessReport) -> bool:
    return (
        report.arithmetic and report.grounded and report.follows and not (report.reasoned or report.correct)
    )


def _answer_is_wrong(report: SoundnessReport) -> bool:
    return report.arithmetic and report.grounded and report.reasoned and not report.follows


MISTAKES: dict[str, Mistake] = {
    "wrong_arithmetic": Mistake(_wrong_arithmetic, _only_arithmetic_is_wrong),
    "wrong_operand": Mistake(_wrong_operand, _formula_is_wrong),
    "wrong_answer": Mistake(_wrong_answer, lambda r: _answer_is_wrong(r) and not r.correct),
    "wrong_reasoning": Mistake(_wrong_reasoning, lambda r: r.correct and r.follows and not r.sound),
    "truncated": Mistake(_truncated, lambda r: r.correct and not r.follows),
    "shuffled": Mistake(_shuffled, lambda r: r.arithmetic and r.correct and not r.grounded),
    "chatter": Mistake(_chatter, lambda r: r.sound),
}


def spoil(graph: Graph, solution: str, kind: str, rng: np.random.Generator) -> str | None:
    """Spoil a solution in one way; None if this problem cannot be spoiled so."""
    mistake = MISTAKES[kind]
    for _ in range(TRIES):
        spoiled = mistake.spoil(graph, steps_of(solution), rng)
        if spoiled is not None and spoiled != solution and mistake.holds(check_solution(graph, spoiled)):
            return spoiled
    return None
