"""Three filters on a sampled trace: its answer, its equations, its grounding; each can be off, all are told.

Every finding is recorded whether its filter is on or not, so that a table can say afterwards what each
filter alone would have done. Mode `cotmill` asks the Verifier; mode `paper` compares answers as numbers and
checks the marks in full; mode `repo` is `augment.repo`. An equation that cannot be checked is not wrong: it
passes and is counted.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import NamedTuple

from cotmill.augment import repo
from cotmill.augment.config import RftConfig
from cotmill.augment.keys import KEYS, MARK, read_path
from cotmill.data.types import Example
from cotmill.verify.equations import check_equations
from cotmill.verify.quantity import read_quantity
from cotmill.verify.verdict import Verdict
from cotmill.verify.verifier import Verification, Verifier

END = "####"
GROUNDED = True
"""The paper and its script do not look where operands come from."""


class Finding(NamedTuple):
    """What the filters found about one trace, whether they are on or not."""

    answer: bool
    equations: bool
    grounding: bool
    predicted: str
    """The answer that was read, in one spelling; "" when none was."""
    key: str
    """The key of the path; "" when there was no equation to read."""
    checked: int
    unchecked: int
    why: str
    """The first objection, in words; "" when there is none."""


def trimmed(text: str) -> str:
    r"""End a trace with the line of its answer; what a model writes after it is another problem.

    >>> trimmed("1 + 1 = 2\n#### 2\n\nQuestion: ...")
    '1 + 1 = 2\n#### 2'
    """
    start = text.find(END)
    if start < 0:
        return text.strip()
    end = text.find("\n", start)
    return text[: end if end >= 0 else len(text)].strip()


@dataclass(frozen=True)
class Filter:
    """The filters of a config; use it in a `with` block, which ends the verifier's workers."""

    config: RftConfig

    def __post_init__(self) -> None:
        """Make the verifier; it starts no process before one is needed."""
        object.__setattr__(self, "_verifier", Verifier())

    def __enter__(self) -> Filter:
        return self

    def __exit__(self, *_: object) -> None:
        self._verifier.close()  # type: ignore[attr-defined]

    def all(self, pairs: Iterable[tuple[Example, str]]) -> Iterator[Finding]:
        """Judge a stream of traces, in order."""
        if self.config.mode == "repo":
            return (_by_script(example, text, self.config.key or "paper") for example, text in pairs)
        if self.config.mode == "paper":
            return (_as_written(example, text, self.config.key or "paper") for example, text in pairs)
        return self._verified(pairs)

    def key(self, text: str) -> str:
        """The key of a given solution."""
        if self.config.mode == "repo" and self.config.key == "paper":
            return repo.key(text)
        return KEYS[self.config.key or "graph"](read_path(text))

    def accepts(self, finding: Finding) -> bool:
        """Whether the filters that are on let a trace pass."""
        config = self.config
        return (
            (finding.answer or not config.answer)
            and (finding.equations or not config.equations)
            and (finding.grounding or not config.grounding)
        )

    def _verified(self, pairs: Iterable[tuple[Example, str]]) -> Iterator[Finding]:
        texts: deque[str] = deque()

        def noted() -> Iterator[tuple[Example, str]]:
            for example, text in pairs:
                texts.append(text)
                yield example, text

        for found in self._verifier.all(noted()):  # type: ignore[attr-defined]
            yield self._finding(texts.popleft(), found)

    def _finding(self, text: str, found: Verification) -> Finding:
        answer, equations, grounds = found.answer, found.equations, found.grounding
        path = read_path(text, equations, answer.predicted or "")
        grounded = (
            grounds.answer_is_result is not False and not grounds.from_nowhere and not grounds.used_early
        )
        return Finding(
            answer.verdict is Verdict.CORRECT,
            not equations.wrong,
            grounded,
            _spelling(answer.predicted),
            KEYS[self.config.key or "graph"](path),
            equations.right + equations.wrong,
            equations.unchecked,
            found.because,
        )


@lru_cache(65_536)
def _spelling(predicted: str | None) -> str:
    """One spelling of an answer: 18, 18.0 and $18 are one."""
    if not predicted:
        return ""
    quantity = read_quantity(predicted)
    return str(quantity.value) if quantity else " ".join(predicted.split())


def _as_written(example: Example, text: str, key: str) -> Finding:
    """The paper's filter: the number after #### equals the gold one, and every mark computes."""
    found = check_equations("\n".join(f"<<{mark}>>" for mark in MARK.findall(text)))
    right, predicted, why = _by_number(example, text)
    counts = found.right + found.wrong, found.unchecked
    why = why or (f"wrong equation: {found.first_wrong}" if found.wrong else "")
    return Finding(right, not found.wrong, GROUNDED, predicted, KEYS[key](read_path(text)), *counts, why)


def _by_script(example: Example, text: str, key: str) -> Finding:
    """The public script's filter; with its own key the equations are not read a second time."""
    right, predicted, why = _by_number(example, text)
    marks = repo.marks(text)
    computes = all(map(repo.right_mark, marks))
    path = repo.key_of_marks(marks) if key == "paper" else KEYS[key](read_path(text))
    why = why or ("" if computes else "a mark does not compute")
    return Finding(right, computes, GROUNDED, predicted, path, len(marks), 0, why)


def _by_number(example: Example, text: str) -> tuple[bool, str, str]:
    """Compare answers as floats: whether right, what was read, and the objection."""
    predicted = repo.answer(text)
    right = example.gold is not None and repo.right_answer(example.gold, text)
    return right, _spelling(predicted), "" if right else "answer wrong" if predicted else "no answer found"
