"""The pencil with which a family writes one problem: sentences and graph grow together."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TypeVar

import numpy as np

from cotmill.lab.graph import Expr, Graph, Node, evaluate
from cotmill.lab.words import NAMES, THINGS

T = TypeVar("T")

LARGEST = 200
"""No quantity exceeds this: arithmetic beyond it would measure the model's digits, not its reasoning."""


class MisfitError(Exception):
    """The numbers drawn so far cannot make a proper problem; draw again."""


@dataclass(frozen=True, slots=True)
class Sentence:
    """A sentence of the question and the quantities that it states or relates."""

    text: str
    about: tuple[str, ...]


@dataclass
class Draft:
    """A problem while it is being written."""

    rng: np.random.Generator
    nodes: list[Node] = field(default_factory=list)
    sentences: list[Sentence] = field(default_factory=list)
    ask: str = ""
    ordered: bool = True

    def below(self, low: int, high: int) -> int:
        """Draw an integer from low to high, both included."""
        return int(self.rng.integers(low, high + 1))

    def pick(self, options: Sequence[T]) -> T:
        """Draw one of the options."""
        return options[int(self.rng.integers(len(options)))]

    def chance(self, probability: float) -> bool:
        """Draw a yes with this probability."""
        return bool(self.rng.random() < probability)

    def names(self, count: int) -> list[str]:
        """Draw distinct names."""
        return [NAMES[i] for i in self.rng.permutation(len(NAMES))[:count]]

    def thing(self) -> str:
        """Draw something that can be counted."""
        return self.pick(THINGS)

    def _add(self, node: Node) -> Node:
        if not 0 < node.value <= LARGEST:
            raise MisfitError
        self.nodes.append(node)
        return node

    def given(self, value: int) -> Node:
        """Add a stated quantity."""
        return self._add(Node(f"g{len(self.nodes)}", "given", value))

    def fixed(self, value: int) -> Node:
        """Add a number that shapes the problem."""
        return self._add(Node(f"f{len(self.nodes)}", "fixed", value))

    def result(self, expr: Expr, leads: Sequence[str], unit: str = "") -> Node:
        """Add a computed quantity; refuse the draft if it is not a positive whole number in range."""
        value = evaluate(expr, {node.id: node.value for node in self.nodes})
        if value.denominator != 1 or value < 2:
            raise MisfitError
        tail = f" {unit}." if unit else "."
        return self._add(Node(f"r{len(self.nodes)}", "result", int(value), expr, tuple(leads), tail))

    def say(self, options: Sequence[str] | str, *about: Node) -> None:
        """Add one of several wordings of a sentence."""
        text = options if isinstance(options, str) else self.pick(options)
        self.sentences.append(Sentence(text, tuple(node.id for node in about)))

    def graph(self, target: Node) -> Graph:
        """Close the draft."""
        return Graph(tuple(self.nodes), target.id)
