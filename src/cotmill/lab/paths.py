"""Other valid solutions of the same problem, with other equation lists.

Reasoning paths are what rejection-sampling fine-tuning collects, so they must exist here: results are
worked out in another order, two lines merge into one, a sum is grouped, 2*a becomes a+a, a factor is
taken in or out. The problem's graph makes every rewriting valid by construction.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from cotmill.core.ids import rng_of
from cotmill.lab.graph import Expr, Graph, Node, evaluate, leaves, written
from cotmill.lab.problems import Problem

MOST_OPERANDS = 6
"""Longer lines than this nobody writes."""

PER_MERGE = 48
MOST_PLANS = 400

JOINS: tuple[str, ...] = ("First we get", "That makes", "That is")
"""Leads of lines whose result has no name in the story."""

SHORTCUTS: dict[int, tuple[int, int]] = {10: (10, 1), 20: (5, 1), 25: (4, 1), 50: (2, 1), 75: (4, 3)}
"""A percentage as a division and a factor."""


@dataclass(frozen=True, slots=True)
class Line:
    """One line of a plan: a result by this id, from this expression."""

    id: str
    expr: Expr


Plan = tuple[Line, ...]


def solutions(problem: Problem, k: int, seed: int, *, commuted: bool = False) -> list[str]:
    """Write up to `k` solutions whose equation lists differ, a random choice by seed and question.

    With `commuted`, lists that differ only in the order of terms or factors count as different too.
    """
    rng = rng_of(seed, "paths", problem.question)
    plans = distinct_plans(problem.graph, commuted=commuted)
    return [_write(problem.graph, plans[i], rng) for i in rng.permutation(len(plans))[:k]]


def count_solutions(problem: Problem, *, commuted: bool = False) -> int:
    """Count the distinct equation lists known for a problem (the search stops at a few hundred)."""
    return len(distinct_plans(problem.graph, commuted=commuted))


def distinct_plans(graph: Graph, *, commuted: bool = False) -> list[Plan]:
    """List plans with pairwise different equation lists, the plain one first."""
    found: dict[tuple[str, ...], Plan] = {}
    for plan in itertools.islice(_plans(graph, commuted=commuted), MOST_PLANS):
        found.setdefault(_equations(graph, plan, ordered=commuted), plan)
    return list(found.values())


def _values(graph: Graph, plan: Plan) -> dict[str, int]:
    values = {node.id: node.value for node in graph.nodes}
    values |= {f"#{count}": count for count in range(1, 11)}
    for line in plan:
        values[line.id] = int(evaluate(line.expr, values))
    return values


def _equations(graph: Graph, plan: Plan, *, ordered: bool) -> tuple[str, ...]:
    values = _values(graph, plan)
    return tuple(
        f"{written(line.expr if ordered else _sorted(line.expr, values), values)}={values[line.id]}"
        for line in plan
    )


def _sorted(expr: Expr, values: dict[str, int]) -> Expr:
    if isinstance(expr, str):
        return expr
    parts = [_sorted(part, values) for part in expr[1:]]
    if expr[0] in ("+", "*"):
        parts.sort(key=lambda part: written(part, values))
    return (expr[0], *parts)


def _write(graph: Graph, plan: Plan, rng: np.random.Generator) -> str:
    values = _values(graph, plan)
    texts = []
    for line in plan:
        node = graph.by_id.get(line.id)
        leads, tail = (node.leads, node.tail) if node else (JOINS, ".")
        lead = leads[int(rng.integers(len(leads)))]
        value = values[line.id]
        texts.append(f"{lead} <<{written(line.expr, values)}={value}>>{value}{tail}")
    return "\n".join([*texts, f"#### {graph.answer}"])


def _plans(graph: Graph, *, commuted: bool) -> Iterator[Plan]:
    inner = [node for node in graph.steps if node.id != graph.target]
    for size in range(min(len(inner), 3) + 1):
        for merged in itertools.combinations(inner, size):
            lines = _merge(graph, merged)
            if lines is not None:
                yield from itertools.islice(_spread(graph, lines, commuted=commuted), PER_MERGE)


def _merge(graph: Graph, merged: Sequence[Node]) -> list[Line] | None:
    """Write some results into the lines that use them; None if a line gets too long."""
    inside: dict[str, Expr] = {}
    lines = []
    gone = {node.id for node in merged}
    for node in graph.steps:
        expr = _flat(_replaced(node.expr or "", inside))
        if merged and sum(1 for _ in leaves(expr)) > MOST_OPERANDS:
            return None
        if node.id in gone:
            inside[node.id] = expr
        else:
            lines.append(Line(node.id, expr))
    return lines


def _replaced(expr: Expr, inside: dict[str, Expr]) -> Expr:
    if isinstance(expr, str):
        return inside.get(expr, expr)
    return (expr[0], *(_replaced(part, inside) for part in expr[1:]))


def _flat(expr: Expr) -> Expr:
    """Write (a+b)+c as a+b+c, and likewise for the other operators where that is the same."""
    if isinstance(expr, str):
        return expr
    parts: list[Expr] = []
    for position, part in enumerate(map(_flat, expr[1:])):
        joins = not isinstance(part, str) and part[0] == expr[0]
        if joins and (expr[0] in ("+", "*") or (expr[0] == "-" and position == 0)):
            parts.extend(part[1:])
        else:
            parts.append(part)
    return (expr[0], *parts)


def _spread(graph: Graph, lines: list[Line], *, commuted: bool) -> Iterator[Plan]:
    """All orders of the lines, times all forms of each line."""
    forms = [_forms(graph, line, commuted=commuted) for line in lines]
    for order in itertools.islice(_orders(lines), 12):
        for chosen in itertools.islice(itertools.product(*(forms[i] for i in order)), PER_MERGE // 4):
            yield tuple(itertools.chain.from_iterable(chosen))


def _orders(lines: list[Line]) -> Iterator[tuple[int, ...]]:
    """Orders in which each line comes after the lines it uses; the given one first."""
    needs = [{i for i, other in enumerate(lines) if other.id in set(leaves(line.expr))} for line in lines]

    def extend(done: tuple[int, ...]) -> Iterator[tuple[int, ...]]:
        if len(done) == len(lines):
            yield done
        for i in range(len(lines)):
            if i not in done and needs[i] <= set(done):
                yield from extend((*done, i))

    return extend(())


def _forms(graph: Graph, line: Line, *, commuted: bool) -> list[Plan]:
    """The ways to work out one line, the plain one first; a way may take several lines."""
    if isinstance(line.expr, str):
        return [(line,)]
    match line.expr[0]:
        case "+":
            ways = _sum_forms(line)
        case "-":
            ways = _difference_forms(line)
        case "*":
            ways = _product_forms(graph, line)
        case _:
            ways = _quotient_forms(graph, line)
    ways = [(line,), *ways]
    if commuted and line.expr[0] in ("+", "*"):
        ways.insert(1, (Line(line.id, (line.expr[0], *reversed(line.expr[1:]))),))
    return ways


def _sum_forms(line: Line) -> list[Plan]:
    parts = list(line.expr[1:])
    ways: list[Plan] = []
    if len(parts) > 2:
        for i, j in itertools.islice(itertools.combinations(range(len(parts)), 2), 3):
            rest = [part for k, part in enumerate(parts) if k not in (i, j)]
            first = Line(f"{line.id}t", ("+", parts[i], parts[j]))
            ways.append((first, Line(line.id, ("+", first.id, *rest))))
    for part in dict.fromkeys(parts):
        times = parts.count(part)
        if 2 <= times <= 4:
            rest = [other for other in parts if other != part]
            product: Expr = ("*", f"#{times}", part)
            ways.append((Line(line.id, ("+", product, *rest) if rest else product),))
            if rest:
                first = Line(f"{line.id}t", product)
                ways.append((first, Line(line.id, ("+", first.id, *rest))))
    return ways


def _difference_forms(line: Line) -> list[Plan]:
    first, *rest = line.expr[1:]
    spread: list[Expr] = []
    for part in rest:
        spread.extend(part[1:] if not isinstance(part, str) and part[0] == "+" else [part])
    if len(spread) < 2:
        return []
    ways: list[Plan] = [(Line(line.id, ("-", first, *spread)),)]
    taken = Line(f"{line.id}t", ("+", *spread))
    ways.append((taken, Line(line.id, ("-", first, taken.id))))
    chain: list[Line] = []
    for position, part in enumerate(spread):
        name = line.id if position + 1 == len(spread) else f"{line.id}t{position}"
        chain.append(Line(name, ("-", chain[-1].id if chain else first, part)))
    ways.append(tuple(chain))
    return ways


def _product_forms(graph: Graph, line: Line) -> list[Plan]:
    parts = line.expr[1:]
    if len(parts) == 3:
        ways: list[Plan] = []
        for i, j in ((0, 1), (1, 2), (0, 2)):
            first = Line(f"{line.id}t", ("*", parts[i], parts[j]))
            ways.append((first, Line(line.id, ("*", first.id, parts[3 - i - j]))))
        return ways
    if len(parts) != 2:
        return []
    for factor, other in (parts, parts[::-1]):
        node = graph.by_id.get(factor) if isinstance(factor, str) else None
        if isinstance(other, str) and node and node.kind == "fixed" and node.value in (2, 3):
            return [(Line(line.id, ("+", *[other] * node.value)),)]
        if not isinstance(other, str) and other[0] in ("+", "-") and isinstance(factor, str):
            pieces = [Line(f"{line.id}t{i}", ("*", factor, part)) for i, part in enumerate(other[1:])]
            inner: Plan = (Line(line.id, (other[0], *(piece.expr for piece in pieces))),)
            return [inner, (*pieces, Line(line.id, (other[0], *(piece.id for piece in pieces))))]
    return []


def _quotient_forms(graph: Graph, line: Line) -> list[Plan]:
    top, bottom = line.expr[1:]
    hundred = graph.by_id.get(bottom) if isinstance(bottom, str) else None
    if hundred is None or hundred.value != 100 or isinstance(top, str) or len(top) != 3:
        return []
    base, percent = top[1:]
    node = graph.by_id.get(percent) if isinstance(percent, str) else None
    if not isinstance(base, str) or node is None or node.value not in SHORTCUTS:
        return []
    divisor, factor = SHORTCUTS[node.value]
    if factor == 1:
        return [(Line(line.id, ("/", base, f"#{divisor}")),)]
    if graph.by_id[base].value % divisor:
        return []
    first = Line(f"{line.id}t", ("/", base, f"#{divisor}"))
    return [(first, Line(line.id, ("*", f"#{factor}", first.id)))]
