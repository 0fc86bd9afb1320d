"""Worded arithmetic problems with GSM8K-form solutions, streamed from a seed.

Problem i depends on (seed, i) alone, so any slice of any stream can be made anywhere. A question
belongs to the training or to the test side by its own hash, so the two sides cannot share one.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from cotmill.core.errors import DataError
from cotmill.core.ids import content_id, rng_of
from cotmill.lab.draft import Draft, MisfitError, Sentence
from cotmill.lab.families import DEFAULT_MIX, FAMILIES, UNSEEN
from cotmill.lab.graph import Graph, Node, written

Side = Literal["train", "test"]

ATTEMPTS = 2000
"""A family draws numbers until they fit; the rarest wanted shapes take a few dozen draws."""

STEP_WEIGHTS: tuple[float, ...] = (0.25, 0.32, 0.25, 0.18)
"""How often 1 to 4 steps are drawn; more steps than four weigh as much as four."""

TEST_SHARE = 10
"""One question hash in ten belongs to the test side."""


@dataclass(frozen=True, slots=True)
class Problem:
    """A question, its exact answer, one right solution and the graph behind them."""

    question: str
    answer: str
    solution: str
    source: str
    steps: int
    graph: Graph
    sentences: tuple[Sentence, ...]
    ask: str


def side_of(question: str) -> Side:
    """Tell which side a question belongs to, by its words alone."""
    return "test" if int(content_id("lab", question)[:8], 16) % TEST_SHARE == 0 else "train"


def generate(  # noqa: PLR0913 - the settings of one stream
    seed: int,
    count: int,
    *,
    min_steps: int = 1,
    max_steps: int = 4,
    sources: Sequence[str] | None = None,
    mix: Mapping[str, float] | None = None,
    side: Side = "train",
    start: int = 0,
) -> Iterator[Problem]:
    """Stream `count` problems; problem i is a function of the seed, i and the other settings.

    >>> first, second = generate(0, 2)
    >>> next(generate(0, 1, start=1)) == second
    True
    """
    mix = dict(mix or DEFAULT_MIX)
    if sources is not None:
        mix = {source: mix.get(source, 1.0) for source in sources}
    for i in range(start, start + count):
        yield one_problem(rng_of(seed, "lab", side, i), mix, (min_steps, max_steps), side)


def one_problem(
    rng: np.random.Generator, mix: Mapping[str, float], steps: tuple[int, int], side: Side
) -> Problem:
    """Draw problems until one is proper and belongs to the wanted side."""
    weights = np.array([STEP_WEIGHTS[min(n, len(STEP_WEIGHTS)) - 1] for n in range(steps[0], steps[1] + 1)])
    wanted = steps[0] + int(rng.choice(len(weights), p=weights / weights.sum()))
    shares = np.array(list(mix.values()))
    source = list(mix)[int(rng.choice(len(shares), p=shares / shares.sum()))]
    patience = 200 if wanted <= len(STEP_WEIGHTS) else 20
    for attempt in range(ATTEMPTS):
        if attempt % patience == patience - 1:
            # Not every family reaches every length; after many refusals another one is asked.
            source = list(mix)[int(rng.choice(len(shares), p=shares / shares.sum()))]
        problem = _try(rng, source, wanted)
        if problem is not None and side_of(problem.question) == side:
            return problem
    raise DataError(f"no family of {list(mix)} can make a problem of {wanted} steps; ask for fewer steps")


def _try(rng: np.random.Generator, source: str, steps: int) -> Problem | None:
    draft = Draft(rng)
    try:
        target = (FAMILIES.get(source) or UNSEEN[source])(draft, steps)
    except MisfitError:
        return None
    graph = draft.graph(target)
    if len(graph.steps) != steps or _blurred(graph):
        return None
    sentences = list(draft.sentences)
    if not draft.ordered and len(sentences) > 1 and draft.chance(0.25):
        sentences = [sentences[i] for i in rng.permutation(len(sentences))]
    question = " ".join([*(s.text for s in sentences), draft.ask])
    solution = canonical(graph, rng)
    return Problem(question, str(graph.answer), solution, source, steps, graph, tuple(sentences), draft.ask)


def _blurred(graph: Graph) -> bool:
    """A result that repeats a number already there could not be told from it, so it is not made."""
    seen = [node.value for node in graph.nodes if node.kind == "given"]
    results = [node.value for node in graph.nodes if node.kind == "result"]
    return len(set(results)) < len(results) or graph.answer in seen


def line_of(node: Node, lead: str, expression: str, value: int) -> str:
    """Write one solution line."""
    return f"{lead} <<{expression}={value}>>{value}{node.tail}"


def canonical(graph: Graph, rng: np.random.Generator) -> str:
    """Write the solution that has one line per result, in the graph's order."""
    values = {node.id: node.value for node in graph.nodes}
    lines = []
    for node in graph.steps:
        assert node.expr is not None
        lead = node.leads[int(rng.integers(len(node.leads)))]
        lines.append(line_of(node, lead, written(node.expr, values), node.value))
    return "\n".join([*lines, f"#### {graph.answer}"])
