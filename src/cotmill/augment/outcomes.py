"""What came of the samples of each question: correct or not, by which path, at how many tokens.

A sample is correct here when its final answer is the gold answer and no equation it writes is wrong: the
filter of arXiv 2308.01825. Its path is its graph key. Twelve bytes a sample are kept, so that every
decision of an allocation can be made again from what is stored.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from cotmill.augment.engines.base import Question
from cotmill.augment.keys import key_of
from cotmill.augment.samples import ERROR, Sample
from cotmill.core.ids import content_id
from cotmill.data.types import Example
from cotmill.verify import Verifier

UNKNOWN, WRONG, NO_PATH = 0, 1, 2
"""Marks in the place of a path: not drawn, not correct, correct without a single equation."""


@dataclass(frozen=True)
class Found:
    """One question so far: samples, those that are correct, how often each path came, tokens written."""

    samples: int = 0
    correct: int = 0
    paths: tuple[int, ...] = ()
    tokens: int = 0

    @property
    def distinct(self) -> int:
        """Distinct correct paths."""
        return len(self.paths)


@dataclass
class _Marks:
    """By index: the sample's path as a number, and its tokens."""

    paths: np.ndarray = field(default_factory=lambda: np.zeros(0, dtype=np.uint64))
    tokens: np.ndarray = field(default_factory=lambda: np.zeros(0, dtype=np.int32))

    def put(self, index: int, path: int, tokens: int) -> None:
        """Note one sample."""
        if index >= len(self.paths):
            more = max(index + 1, 2 * len(self.paths)) - len(self.paths)
            self.paths = np.concatenate([self.paths, np.zeros(more, dtype=np.uint64)])
            self.tokens = np.concatenate([self.tokens, np.zeros(more, dtype=np.int32)])
        self.paths[index], self.tokens[index] = path, tokens


class Outcomes:
    """What came of every sample, by question and index."""

    def __init__(self, questions: Sequence[Question], *, key: str = "graph") -> None:
        """Start with nothing."""
        self._examples: Mapping[str, Example] = {
            question.example_id: Example(question.question, question.gold, question.context)
            for question in questions
        }
        self._marks: dict[str, _Marks] = {}
        self._verifier = Verifier(grounding=False, reject_on=("wrong_equation",))
        self._key = key

    def add(self, samples: Iterable[Sample]) -> None:
        """Verify samples and note what came of them."""
        known = [sample for sample in samples if sample.example_id in self._examples]
        pairs = [(self._examples[sample.example_id], sample.text) for sample in known]
        for sample, found in zip(known, self._verifier.all(pairs), strict=True):
            accepted = found.accepted and sample.finish_reason != ERROR
            path = self._path(sample.text) if accepted else WRONG
            self._marks.setdefault(sample.example_id, _Marks()).put(sample.index, path, sample.tokens)

    def _path(self, text: str) -> int:
        key = key_of(text, self._key)
        return max(int(content_id(key)[:16], 16), NO_PATH + 1) if key else NO_PATH

    def found(self, example_id: str, samples: int) -> Found:
        """Say what the first so many samples of a question brought; later ones are not looked at."""
        marks = self._marks.get(example_id)
        if marks is None or not samples:
            return Found()
        paths, tokens = marks.paths[:samples], marks.tokens[:samples]
        counts = Counter(paths[paths >= NO_PATH].tolist())
        drawn = int((paths != UNKNOWN).sum())
        ordered = tuple(sorted(counts.values(), reverse=True))
        return Found(drawn, sum(ordered), ordered, int(tokens.sum()))

    def close(self) -> None:
        """End the verifier's worker processes."""
        self._verifier.close()
