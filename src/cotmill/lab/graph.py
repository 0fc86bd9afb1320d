"""The dependency graph of a problem: what is stated, what is known, what follows from what.

Because the graph is known, a solution can be checked exactly (`check.py`) and rewritten into other
valid solutions (`paths.py`) without guessing.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property
from typing import Any, Literal, TypeAlias

Expr: TypeAlias = str | tuple[Any, ...]
"""A node id, or (operator, operand, operand, ...); `+ - *` take two or more, `/` takes two."""

Kind = Literal["given", "fixed", "result"]


@dataclass(frozen=True, slots=True)
class Node:
    """One quantity.

    `given` is stated in the question. `fixed` shapes the problem or is known to everybody (twice, 100
    percent, the number of days): other numbers in its place would ask for other equations. `result`
    is computed, and `leads`, `tail` are the words around its value.
    """

    id: str
    kind: Kind
    value: int
    expr: Expr | None = None
    leads: tuple[str, ...] = ()
    tail: str = "."


@dataclass(frozen=True)
class Graph:
    """Quantities in an order in which each follows from earlier ones, and the one asked for."""

    nodes: tuple[Node, ...]
    target: str

    @cached_property
    def by_id(self) -> dict[str, Node]:
        """Nodes by their id."""
        return {node.id: node for node in self.nodes}

    @cached_property
    def steps(self) -> tuple[Node, ...]:
        """The results that the target needs, in order."""
        needed: set[str] = set()
        open_ids = [self.target]
        while open_ids:
            node = self.by_id[open_ids.pop()]
            if node.id not in needed:
                needed.add(node.id)
                open_ids.extend(leaves(node.expr) if node.expr else ())
        return tuple(node for node in self.nodes if node.kind == "result" and node.id in needed)

    @property
    def answer(self) -> int:
        """The value asked for."""
        return self.by_id[self.target].value

    def to_json(self) -> str:
        """Serialise; `from_json` is the inverse."""
        rows = [[n.id, n.kind, n.value, n.expr, n.leads, n.tail] for n in self.nodes]
        return json.dumps({"target": self.target, "nodes": rows}, separators=(",", ":"))

    @classmethod
    def from_json(cls, text: str) -> Graph:
        """Read what `to_json` wrote."""
        data = json.loads(text)
        nodes = tuple(
            Node(name, kind, value, _tupled(expr), tuple(leads), tail)
            for name, kind, value, expr, leads, tail in data["nodes"]
        )
        return cls(nodes, data["target"])


def _tupled(expr: Any) -> Expr | None:
    return tuple(map(_tupled, expr)) if isinstance(expr, list) else expr


def leaves(expr: Expr) -> Iterator[str]:
    """Yield the node ids of an expression, left to right, with repeats."""
    if isinstance(expr, str):
        yield expr
    else:
        for part in expr[1:]:
            yield from leaves(part)


def evaluate(expr: Expr, values: Mapping[str, int | Fraction]) -> Fraction:
    """Compute an expression exactly.

    >>> evaluate(("/", ("*", "a", "b"), "c"), {"a": 40, "b": 25, "c": 100})
    Fraction(10, 1)
    """
    if isinstance(expr, str):
        return Fraction(values[expr])
    total, *rest = (evaluate(part, values) for part in expr[1:])
    for value in rest:
        match expr[0]:
            case "+":
                total += value
            case "-":
                total -= value
            case "*":
                total *= value
            case _:
                total /= value
    return total


_STRENGTH = {"+": 1, "-": 1, "*": 2, "/": 2}


def written(expr: Expr, values: Mapping[str, int]) -> str:
    """Write an expression as a calculator mark has it, with the brackets it needs and no others.

    >>> written(("*", "k", ("+", "a", "b")), {"a": 4, "b": 5, "k": 3})
    '3*(4+5)'
    """
    if isinstance(expr, str):
        return str(values[expr])
    operator = str(expr[0])
    parts = []
    for position, part in enumerate(expr[1:]):
        text = written(part, values)
        if not isinstance(part, str):
            inner, outer = _STRENGTH[str(part[0])], _STRENGTH[operator]
            if inner < outer or (inner == outer and position > 0 and operator in "-/"):
                text = f"({text})"
        parts.append(text)
    return operator.join(parts)
