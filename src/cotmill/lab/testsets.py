"""The lab's tests: in-domain, with irrelevant sentences, longer than trained, and an unseen family.

All questions are from the test side, so none can be in a training pool. The irrelevant sentences vary as
GSM-IC varies them: about the matter or not, with a name of the problem or not, with a number of usual
size or not.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping

import numpy as np

from cotmill.core.ids import rng_of
from cotmill.lab.chatter import IN_TOPIC, OFF_TOPIC
from cotmill.lab.families import UNSEEN
from cotmill.lab.problems import Problem, generate
from cotmill.lab.words import NAMES, PLACES, THINGS

BACKWARD = re.compile(r"\b(them|it|this|rest|they|then|half|now|again|others|ones)\b", re.IGNORECASE)
"""Words that may point at the sentence before; nothing is put in front of a sentence with one of them."""

Row = dict[str, object]


def _row(problem: Problem) -> Row:
    return {
        "question": problem.question,
        "answer": problem.solution,
        "source": problem.source,
        "steps": problem.steps,
        "lab_graph": problem.graph.to_json(),
    }


def in_domain(seed: int, rows: int, *, min_steps: int = 1, max_steps: int = 3) -> Iterator[Row]:
    """Stream problems of the trained families and lengths."""
    for problem in generate(seed, rows, min_steps=min_steps, max_steps=max_steps, side="test"):
        yield _row(problem)


def longer(seed: int, rows: int, *, min_steps: int = 5, max_steps: int = 8) -> Iterator[Row]:
    """Stream problems with more steps than are trained."""
    return in_domain(seed, rows, min_steps=min_steps, max_steps=max_steps)


def unseen_family(seed: int, rows: int, *, min_steps: int = 2, max_steps: int = 4) -> Iterator[Row]:
    """Stream problems of the family that no pool and no pre-training text has."""
    sources = tuple(UNSEEN)
    for problem in generate(
        seed, rows, min_steps=min_steps, max_steps=max_steps, sources=sources, side="test"
    ):
        yield _row(problem)


def distractors(
    seed: int, rows: int, *, min_steps: int = 1, max_steps: int = 3, sentences: int = 1
) -> Iterator[Row]:
    """Stream the in-domain problems of the same seed, each with irrelevant sentences put in."""
    problems = generate(seed, rows, min_steps=min_steps, max_steps=max_steps, side="test")
    for i, problem in enumerate(problems):
        rng = rng_of(seed, "distractor", i)
        yield _row(problem) | _distracted(problem, sentences, rng)


def _distracted(problem: Problem, count: int, rng: np.random.Generator) -> Row:
    """Put sentences of one drawn sort into a question; the labels say which."""
    in_topic, overlapped, in_range = (bool(bit) for bit in rng.integers(2, size=3))
    texts = [sentence.text for sentence in problem.sentences]
    used = set(re.findall(r"\w+", problem.question))
    names = [name for name in NAMES if (name in used) == overlapped] or list(NAMES)
    things = [thing for thing in THINGS if thing not in used]
    patterns = [p for p in (IN_TOPIC if in_topic else OFF_TOPIC) if "{name}" in p]
    for i in rng.permutation(len(patterns))[:count]:
        text = patterns[i].format(
            name=names[int(rng.integers(len(names)))],
            thing=things[int(rng.integers(len(things)))],
            place=PLACES[int(rng.integers(len(PLACES)))],
            n=_number(problem, rng, in_range=in_range),
        )
        places = [k for k in range(1, len(texts)) if not BACKWARD.search(texts[k])]
        texts.insert([*places, len(texts)][int(rng.integers(len(places) + 1))], text)
    really = any(name in used for name in names)
    return {
        "question": " ".join([*texts, problem.ask]),
        "original_question": problem.question,
        "role_label": "overlapped" if really and overlapped else "nonoverlapped",
        "number_label": "in_range" if in_range else "out_range",
        "sentence_label": "in_topic" if in_topic else "out_topic",
    }


def _number(problem: Problem, rng: np.random.Generator, *, in_range: bool) -> int:
    """A number between the problem's own, or one of three digits as no problem has."""
    if not in_range:
        return int(rng.integers(300, 1000))
    own = [node.value for node in problem.graph.nodes if node.kind == "given"]
    return int(rng.integers(max(2, min(own)), max(own) + 3))


TEST_SETS: Mapping[str, Callable[..., Iterator[Row]]] = {
    "in_domain": in_domain,
    "distractors": distractors,
    "longer": longer,
    "unseen_family": unseen_family,
}
"""Every test by its name; each takes a seed and a number of rows."""
