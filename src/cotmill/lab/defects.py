"""Pools with known defects, at any rate, each labelled in columns that no method may read.

Columns that begin with `lab_` are the truth about a row; the data layer keeps them from every method.
Row i depends on (seed, i) alone, whatever the number of rows.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace

import numpy as np

from cotmill.core.errors import DataError
from cotmill.core.ids import rng_of
from cotmill.lab.chatter import TALK
from cotmill.lab.check import MARK, check_solution
from cotmill.lab.families import DEFAULT_MIX
from cotmill.lab.graph import Graph, Node
from cotmill.lab.mistakes import MISTAKES, spoil
from cotmill.lab.problems import Problem, Side, one_problem, side_of
from cotmill.lab.words import NAMES, THINGS

NONE = "none"
NEED_TWO_STEPS = ("shuffled",)
TWIN_WITHIN = 64
"""A near-duplicate resembles one of this many rows before it."""

DEFAULT_SHARES: dict[str, float] = {
    "wrong_arithmetic": 0.15,
    "wrong_operand": 0.2,
    "wrong_answer": 0.1,
    "wrong_reasoning": 0.15,
    "truncated": 0.1,
    "shuffled": 0.1,
    "chatter": 0.05,
    "near_duplicate": 0.05,
    "off_domain": 0.05,
    "trivial": 0.05,
}
"""How a total rate is divided among the kinds."""

KINDS: tuple[str, ...] = tuple(DEFAULT_SHARES)


@dataclass(frozen=True, slots=True)
class Defective:
    """A row's text after it was spoiled, with the graph that judges it."""

    question: str
    solution: str
    graph: Graph


@dataclass(frozen=True, slots=True)
class PoolPlan:
    """What a pool is made of; row i is a function of this and i."""

    seed: int
    rates: tuple[tuple[str, float], ...]
    steps: tuple[int, int]
    mix: tuple[tuple[str, float], ...]
    side: Side


def corrupt(problem: Problem, kind: str, seed: int) -> Defective | None:
    """Make a defective row of a kind from a sound problem; None if this problem does not allow it.

    `near_duplicate` returns the problem under other names; `off_domain` and `trivial` replace it.

    Raises:
        DataError: there is no such kind; the message lists those there are.
    """
    rng = rng_of(seed, "defect", kind, problem.question)
    if kind == "near_duplicate":
        return _renamed(problem, rng)
    if kind == "off_domain":
        return _off_domain(rng)
    if kind == "trivial":
        return _trivial(rng)
    if kind not in MISTAKES:
        raise DataError(f"no defect is called {kind!r}; there are {', '.join(KINDS)}")
    spoiled = spoil(problem.graph, problem.solution, kind, rng)
    return None if spoiled is None else Defective(problem.question, spoiled, problem.graph)


def _renamed(problem: Problem, rng: np.random.Generator) -> Defective:
    """The same problem under other names; the renamed question stays on its side."""
    pattern = re.compile(rf"\b({'|'.join(NAMES)})\b")
    while True:
        shuffled = dict(zip(NAMES, (NAMES[i] for i in rng.permutation(len(NAMES))), strict=True))

        def other(text: str, names: Mapping[str, str] = shuffled) -> str:
            return pattern.sub(lambda match: names[match.group()], text)

        question = other(problem.question)
        nameless = question == problem.question and not pattern.search(question)
        if nameless:
            question = "So: " + question
        if question != problem.question and (nameless or side_of(question) == side_of(problem.question)):
            return Defective(
                question, other(problem.solution), Graph.from_json(other(problem.graph.to_json()))
            )


def _off_domain(rng: np.random.Generator) -> Defective:
    lines = [TALK[i] for i in rng.permutation(len(TALK))[:4]]
    asked = ("What is this about?", "What do you think about this?")[int(rng.integers(2))]
    nothing = Graph((Node("g0", "given", 0),), "g0")
    question = " ".join([*lines[:2], asked])
    return Defective(question, "\n".join([*lines[2:], f"#### {int(rng.integers(1, 99))}"]), nothing)


def _trivial(rng: np.random.Generator) -> Defective:
    name, thing = NAMES[int(rng.integers(len(NAMES)))], THINGS[int(rng.integers(len(THINGS)))]
    count = int(rng.integers(2, 99))
    fact = f"{name} has {count} {thing}."
    graph = Graph((Node("g0", "given", count),), "g0")
    return Defective(f"{fact} How many {thing} does {name} have?", f"{fact}\n#### {count}", graph)


def make_pool_rows(
    seed: int,
    rows: int,
    *,
    defects: float | Mapping[str, float] = 0.0,
    min_steps: int = 1,
    max_steps: int = 4,
    mix: Mapping[str, float] | None = None,
) -> Iterator[dict[str, object]]:
    """Stream the rows of a pool in GSM8K form, a share of them defective.

    Args:
        seed: fixes every row; row i does not depend on how many rows are asked for.
        rows: how many.
        defects: the total rate, divided as in DEFAULT_SHARES, or a rate for each kind.
        min_steps: of the shortest problem.
        max_steps: of the longest problem.
        mix: share of each family; the default mix if not given.

    Yields:
        question, answer, source, steps, and the labels lab_defect, lab_answer, lab_sound, lab_graph.
    """
    rates = (
        dict(defects) if isinstance(defects, Mapping) else {k: defects * s for k, s in DEFAULT_SHARES.items()}
    )
    unknown = set(rates) - set(KINDS)
    if unknown or sum(rates.values()) > 1 + 1e-9 or min(rates.values(), default=0) < 0:
        raise DataError(f"rates of {', '.join(KINDS)} that add up to at most 1 are wanted, not {rates}")
    shares = tuple((mix or DEFAULT_MIX).items())
    plan = PoolPlan(seed, tuple(rates.items()), (min_steps, max_steps), shares, "train")
    for i in range(rows):
        yield _row(plan, i)


def _kind(plan: PoolPlan, i: int) -> str:
    draw = float(rng_of(plan.seed, "kind", i).random())
    for kind, rate in plan.rates:
        if draw < rate:
            return kind
        draw -= rate
    return NONE


def _problem(plan: PoolPlan, i: int, attempt: int = 0) -> Problem:
    low, high = plan.steps
    if _kind(plan, i) in NEED_TWO_STEPS:
        low = min(max(low, 2), high)
    rng = rng_of(plan.seed, "lab", plan.side, i, *([attempt] if attempt else []))
    return one_problem(rng, dict(plan.mix), (low, high), plan.side)


def _row(plan: PoolPlan, i: int) -> dict[str, object]:
    kind = _kind(plan, i)
    problem = _problem(plan, _twin(plan, i) if kind == "near_duplicate" else i)
    made: Defective | None = Defective(problem.question, problem.solution, problem.graph)
    if kind != NONE:
        made = corrupt(problem, kind, plan.seed + i)
        for attempt in range(1, 200):
            if made is not None:
                break
            problem = _problem(plan, i, attempt)
            made = corrupt(problem, kind, plan.seed + i)
    if made is None:
        raise DataError(f"no problem of {plan.steps} steps can be {kind}; ask for more steps")
    return _as_row(replace(problem, question=made.question, solution=made.solution, graph=made.graph), kind)


def _as_row(problem: Problem, kind: str) -> dict[str, object]:
    return {
        "question": problem.question,
        "answer": problem.solution,
        "source": problem.source,
        "steps": len(MARK.findall(problem.solution)),
        "lab_defect": kind,
        "lab_answer": str(problem.graph.answer),
        "lab_sound": check_solution(problem.graph, problem.solution).sound,
        "lab_graph": problem.graph.to_json(),
    }


def _twin(plan: PoolPlan, i: int) -> int:
    """A row before i (after it, for the first rows) that surely holds its first problem."""
    own = {NONE, "chatter", "wrong_answer"}
    before = [j for j in range(max(0, i - TWIN_WITHIN), i) if _kind(plan, j) in own]
    if before:
        return before[int(rng_of(plan.seed, "twin", i).integers(len(before)))]
    after = next((j for j in range(i + 1, i + TWIN_WITHIN) if _kind(plan, j) in own), None)
    if after is None:
        raise DataError(f"rates {dict(plan.rates)} leave no rows that row {i} could be a near-duplicate of")
    return after
