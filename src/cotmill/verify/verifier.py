"""(Example, Trace) → Verification: three independent findings, kept apart so that each can be ablated.

The answer finding is about the final answer, the equation finding about the written arithmetic, the
grounding finding about where the numbers come from. `accepted` puts them together by the rules that the
config names; the default names only signs whose measured precision is high (docs/verify.md).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from itertools import islice
from typing import TYPE_CHECKING, Literal, NamedTuple

from cotmill.verify.equations import EquationFinding, check_equations
from cotmill.verify.grounding import GroundingFinding, check_grounding
from cotmill.verify.judge import first_judgement, settle
from cotmill.verify.quantity import read_quantity
from cotmill.verify.symbolic import SymbolicConfig, SymbolicPool
from cotmill.verify.verdict import Judgement, Verdict

if TYPE_CHECKING:
    from cotmill.data.types import Example, Trace

Sign = Literal[
    "wrong_equation",
    "answer_is_no_result",
    "operand_from_nowhere",
    "result_used_early",
    "ungrounded_operand",
    "unused_result",
]
PRECISE: tuple[Sign, ...] = (
    "wrong_equation",
    "answer_is_no_result",
    "operand_from_nowhere",
    "result_used_early",
)
"""The signs that reject by default: together 1.00 precise on the lab, 0.92 on labelled model solutions."""
BATCH = 256


class Verification(NamedTuple):
    """What was found about one trace."""

    answer: Judgement
    equations: EquationFinding
    grounding: GroundingFinding
    because: str
    """Why the trace is not accepted, in a sentence; "" when it is."""

    @property
    def accepted(self) -> bool:
        """Whether the trace may be trained on, by the verifier's rules."""
        return not self.because


NO_GOLD = Judgement(Verdict.UNPARSED, "the example has no gold answer", "", None, None, strict=False)
NO_EQUATIONS = EquationFinding((), 0, 0, 0, 0)
NO_GROUNDING = GroundingFinding(None, 0, (), (), (), (), (), None)


@dataclass(frozen=True)
class Verifier:
    """A frozen set of rules; call it with an example and a trace, or `all` with many.

    `reject_on` names the signs that reject besides a final answer that is not correct. With `equations` or
    `grounding` off, that finding is empty and its signs never reject.
    """

    strict_rule: str = "gsm8k"
    equations: bool = True
    grounding: bool = True
    reject_on: tuple[Sign, ...] = PRECISE
    symbolic: SymbolicConfig = field(default_factory=SymbolicConfig)

    def __post_init__(self) -> None:
        """Make the pool of workers; no process is started before one is needed."""
        object.__setattr__(self, "_pool", SymbolicPool(self.symbolic))

    def __reduce__(self) -> tuple[type[Verifier], tuple[object, ...]]:
        """Travel between processes without the workers."""
        return Verifier, (self.strict_rule, self.equations, self.grounding, self.reject_on, self.symbolic)

    def __call__(self, example: Example, trace: Trace | str) -> Verification:
        """Verify one trace."""
        return next(self.all([(example, trace)]))

    def verdict(self, example: Example, trace: Trace | str) -> Judgement:
        """The answer finding alone: the fast path for millions of traces."""
        return next(self.verdicts([(example, trace)]))

    def all(self, pairs: Iterable[tuple[Example, Trace | str]]) -> Iterator[Verification]:
        """Verify a stream, in order and in bounded memory; algebra goes to the workers in batches."""
        stream = iter(pairs)
        while batch := list(islice(stream, BATCH)):
            for (example, trace), judgement in zip(batch, self.verdicts(batch), strict=True):
                yield self._with_steps(example.question, _text(trace), judgement)

    def verdicts(self, pairs: Iterable[tuple[Example, Trace | str]]) -> Iterator[Judgement]:
        """The answer finding for a stream."""
        stream = iter(pairs)
        while batch := list(islice(stream, BATCH)):
            yield from self._judged(batch)

    def close(self) -> None:
        """End the worker processes; they start again when needed."""
        self._pool.close()  # type: ignore[attr-defined]

    def _judged(self, batch: list[tuple[Example, Trace | str]]) -> list[Judgement]:
        first = [self._first(example, _text(trace)) for example, trace in batch]
        waiting = [pair for _, pair in first if pair is not None]
        outcomes = iter(self._pool.compare_all(waiting) if waiting else ())  # type: ignore[attr-defined]
        return [judgement if pair is None else settle(judgement, next(outcomes)) for judgement, pair in first]

    def _first(self, example: Example, text: str) -> tuple[Judgement, tuple[str, str] | None]:
        if example.gold is None or not example.gold.strip():
            return NO_GOLD, None
        return first_judgement(example.gold, text, strict_rule=self.strict_rule, question=example.question)

    def _with_steps(self, question: str, text: str, judgement: Judgement) -> Verification:
        found, grounds = NO_EQUATIONS, NO_GROUNDING
        if self.equations or self.grounding:
            found = check_equations(text)
        if self.grounding:
            answer = read_quantity(judgement.predicted) if judgement.predicted is not None else None
            grounds = check_grounding(question, text, found.equations, answer.value if answer else None)
        if not self.equations:
            found = NO_EQUATIONS
        return Verification(judgement, found, grounds, self._objection(judgement, found, grounds))

    def _objection(self, answer: Judgement, found: EquationFinding, grounds: GroundingFinding) -> str:
        """The first reason not to accept; "" when there is none."""
        if answer.verdict is not Verdict.CORRECT:
            return f"answer {answer.verdict}: {answer.reason}"
        signs: dict[Sign, str] = {
            "wrong_equation": f"wrong equation: {found.first_wrong}" if found.wrong else "",
            "answer_is_no_result": "the answer is not the result of a step"
            if grounds.answer_is_result is False
            else "",
            "operand_from_nowhere": f"operand from nowhere: {grounds.offending}"
            if grounds.from_nowhere
            else "",
            "result_used_early": f"result used early: {grounds.used_early[0]}" if grounds.used_early else "",
            "ungrounded_operand": f"ungrounded operand: {grounds.offending}" if grounds.ungrounded else "",
            "unused_result": f"result never used: {grounds.unused_results[0]}"
            if grounds.unused_results
            else "",
        }
        return next((signs[sign] for sign in self.reject_on if signs[sign]), "")


def _text(trace: Trace | str) -> str:
    return trace if isinstance(trace, str) else trace.text
