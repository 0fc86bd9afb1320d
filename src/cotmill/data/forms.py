"""The schemas people have, one declarative entry each.

An entry names the columns it needs, the ones it also uses, a function from their values to the fields
of a Pool, and, where column names alone do not settle it, a test on sample rows. The first entry of
`FORMS` that fits wins, so the particular ones stand before the general ones. Column names are compared
in lower case with spaces as underscores.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from cotmill.data.fields import Fields, answer_text, conversation, gold_of, parsed, text_of, turns_of
from cotmill.data.gold import MARK, final_answer
from cotmill.data.rejects import BadRowError
from cotmill.data.types import Message

MODEL = "model"
"""Origin of traces that a form knows to be written by a model."""

Row = Mapping[str, Any]


@dataclass(frozen=True)
class Form:
    """One schema: `needs` must be there; `uses` are read when there; `row` gets both, in this order."""

    name: str
    about: str
    needs: tuple[str, ...]
    row: Callable[..., Fields]
    uses: tuple[str, ...] = ()
    fits: Callable[[Sequence[Row]], bool] | None = None
    origin: str = "human"
    keeps: tuple[str, ...] = ()
    """Columns that are read and also stay as they are."""

    @property
    def reads(self) -> tuple[str, ...]:
        """All columns whose content goes into the fixed columns."""
        return self.needs + self.uses


# ---- one function per schema ----------------------------------------------------------------------


def _gsm8k(question: Any, answer: Any) -> Fields:
    trace = text_of(answer, "answer")
    return Fields(text_of(question, "question"), trace, final_answer(trace))


def _solved(question: Any, solution: Any, gold: Any = None) -> Fields:
    """Question, worked solution, and perhaps the answer in a column of its own."""
    trace = text_of(solution, "solution")
    return Fields(
        text_of(question, "question"), trace, answer_text(gold) if gold is not None else final_answer(trace)
    )


def _asked(question: Any, gold: Any) -> Fields:
    """Question and gold answer without a solution."""
    return Fields(text_of(question, "question"), "", gold_of(gold))


def _math(problem: Any, solution: Any, gold: Any = None, kind: Any = None) -> Fields:
    return _solved(problem, solution, gold)._replace(source=answer_text(kind) if kind else "")


def _messages(messages: Any) -> Fields:
    return conversation(turns_of(messages, "messages"), "messages")


def _sharegpt(conversations: Any, system: Any = None) -> Fields:
    fields = conversation(turns_of(conversations, "conversations"), "conversations")
    return fields._replace(context=(Message("system", system), *fields.context)) if system else fields


def _completion(prompt: Any, completion: Any) -> Fields:
    if isinstance(prompt, list) or isinstance(completion, list):
        asked = (
            turns_of(prompt, "prompt")
            if isinstance(prompt, list)
            else [Message("user", text_of(prompt, "prompt"))]
        )
        said = completion
        if not isinstance(completion, list):
            said = [{"role": "assistant", "content": text_of(completion, "completion")}]
        return conversation(asked + turns_of(said, "completion"), "prompt + completion")
    trace = text_of(completion, "completion")
    return Fields(text_of(prompt, "prompt"), trace, final_answer(trace))


def _text(text: Any) -> Fields:
    trace = text_of(text, "text")
    return Fields("", trace, final_answer(trace))


def _alpaca(
    instruction: Any, output: Any, given: Any = None, system: Any = None, history: Any = None
) -> Fields:
    question = text_of(instruction, "instruction")
    if given is not None and text_of(given, "input", empty=True):
        question = f"{question}\n{given}"
    context = [Message("system", system)] if isinstance(system, str) and system else []
    for pair in history or ():
        if not isinstance(pair, list | tuple) or len(pair) != 2:
            raise BadRowError("field history is not a list of [instruction, answer] pairs")
        context += [
            Message("user", text_of(pair[0], "history")),
            Message("assistant", text_of(pair[1], "history")),
        ]
    trace = text_of(output, "output")
    return Fields(question, trace, final_answer(trace), context=tuple(context))


def _mathinstruct(source: Any, instruction: Any, output: Any, *rest: Any) -> Fields:
    fields = _alpaca(instruction, output, *rest)
    return fields._replace(source="" if source is None else answer_text(source))


def _metamath(query: Any, response: Any, kind: Any = None) -> Fields:
    return _gsm8k(query, response)._replace(source=kind if isinstance(kind, str) else "")


def _svamp(body: Any, question: Any, answer: Any) -> Fields:
    story = text_of(body, "Body").rstrip()
    joined = story if story.endswith((".", "?", "!", ",")) else story + "."
    return Fields(f"{joined} {text_of(question, 'Question').strip()}", "", gold_of(answer, "Answer"))


def _aqua(question: Any, options: Any, correct: Any, rationale: Any = None) -> Fields:
    if isinstance(options, str):
        options = parsed(options, "options")
    if not isinstance(options, list) or not all(isinstance(option, str) for option in options):
        raise BadRowError("field options is not a list of texts")
    asked = text_of(question, "question") + "\nOptions:\n" + "\n".join(options)
    trace = text_of(rationale, "rationale", empty=True) if rationale is not None else ""
    return Fields(asked, trace, gold_of(correct, "correct"))


def _gsm_ic(_original: Any, new_question: Any, answer: Any) -> Fields:
    return Fields(text_of(new_question, "new_question"), "", gold_of(answer))


def _gsm_plus(question: Any, solution: Any, answer: Any, kind: Any) -> Fields:
    trace = text_of(solution, "solution", empty=True) if solution is not None else ""
    source = kind if isinstance(kind, str) else ""
    return Fields(text_of(question, "question"), trace, gold_of(answer), source)


def _distracted(question: Any, answer: Any, adversary: Any) -> Fields:
    """PROBLEMATHIC: the passage with its irrelevant quantity, then the question."""
    if not isinstance(adversary, Mapping):
        raise BadRowError("field adversary is not an object")
    passage = text_of(adversary.get("augmented_passage"), "adversary.augmented_passage").strip()
    if "NoInputFound" in passage:
        raise BadRowError("empty field: adversary.augmented_passage says NoInputFound")
    trace = adversary.get("solution")
    trace = trace if isinstance(trace, str) else ""
    return Fields(f"{passage} {text_of(question, 'question')}", trace, gold_of(answer))


def _pooled(
    question: Any, trace: Any, gold: Any, origin: Any, source: Any, context: Any, *_ids: Any
) -> Fields:
    """Read a row that a Pool was written to; its ids are computed again."""
    turns = tuple(turns_of(context, "context")) if context else ()
    solution = text_of(trace, "trace", empty=True)
    asked = text_of(question, "question", empty=True)
    if not solution.strip() and gold is None:
        raise BadRowError("no answer: neither trace nor gold")
    return Fields(
        asked,
        solution,
        None if gold is None else answer_text(gold),
        str(source or ""),
        turns,
        str(origin or ""),
    )


# ---- tests on sample rows -------------------------------------------------------------------------


def _values(rows: Sequence[Row], name: str) -> list[Any]:
    return [row[name] for row in rows if row.get(name) is not None]


def _most(values: Sequence[Any], test: Callable[[Any], bool]) -> bool:
    return bool(values) and 2 * sum(map(test, values)) > len(values)


def _marked(rows: Sequence[Row]) -> bool:
    return _most(_values(rows, "answer"), lambda value: isinstance(value, str) and MARK in value)


def _worked(name: str) -> Callable[[Sequence[Row]], bool]:
    """Test that a column holds solutions (several lines or many words), not short answers."""

    def long(value: Any) -> bool:
        return isinstance(value, str) and (MARK in value or len(re.findall(r"\S+", value[:400])) > 8)

    return lambda rows: _most(_values(rows, name), long)


def _paired(rows: Sequence[Row]) -> bool:
    """Test that the second of two unnamed columns holds short answers."""
    return _most(_values(rows, "column_2"), lambda value: len(str(value)) < 40)


FORMS: tuple[Form, ...] = (
    Form(
        "pool", "a Pool that was exported",
        ("question", "trace", "gold", "origin", "source", "context"), _pooled, uses=("row_id", "example_id"),
    ),
    Form("svamp", "SVAMP: Body, Question, Answer", ("body", "question", "answer"), _svamp),
    Form(
        "aqua-rat", "AQuA-RAT: question, options, correct, rationale",
        ("question", "options", "correct"), _aqua, uses=("rationale",), keeps=("options",),
    ),
    Form(
        "gsm-ic", "GSM-IC: original_question, new_question, answer",
        ("original_question", "new_question", "answer"), _gsm_ic, keeps=("original_question",),
    ),
    Form(
        "gsm-plus", "GSM-Plus: question, solution, answer, perturbation_type",
        ("question", "solution", "answer", "perturbation_type"), _gsm_plus, keeps=("perturbation_type",),
    ),
    Form(
        "problemathic", "PROBLEMATHIC: question, answer, adversary",
        ("question", "answer", "adversary"), _distracted, keeps=("adversary",),
    ),
    Form(
        "paths", "model-written paths: problem, answers, answer",
        ("problem", "answers", "answer"), _solved, origin=MODEL,
    ),
    Form("messages", "messages: [{role, content}]", ("messages",), _messages),
    Form(
        "sharegpt", "ShareGPT: conversations: [{from, value}]",
        ("conversations",), _sharegpt, uses=("system",),
    ),
    Form(
        "prompt-completion", "prompt, completion: texts or lists of messages",
        ("prompt", "completion"), _completion,
    ),
    Form(
        "mathinstruct", "MathInstruct: source, instruction, output",
        ("source", "instruction", "output"), _mathinstruct, uses=("input", "system", "history"),
    ),
    Form(
        "alpaca", "Alpaca: instruction, output (+ input, system, history)",
        ("instruction", "output"), _alpaca, uses=("input", "system", "history"),
    ),
    Form(
        "metamathqa", "MetaMathQA: query, response, type",
        ("query", "response"), _metamath, uses=("type",), keeps=("type",),
    ),
    Form(
        "math", "MATH: problem, solution (+ answer, level, type)",
        ("problem", "solution"), _math, uses=("answer", "type"), keeps=("type",),
    ),
    Form("gsm8k", "GSM8K: question, answer ending in '#### x'", ("question", "answer"), _gsm8k, fits=_marked),
    Form(
        "question-solution", "question, solution (+ answer)",
        ("question", "solution"), _solved, uses=("answer",),
    ),
    Form(
        "question-rationale", "question, rationale (+ answer)",
        ("question", "rationale"), _solved, uses=("answer",),
    ),
    Form(
        "question-ground-truth", "question, ground_truth as a worked solution",
        ("question", "ground_truth"), _solved, fits=_worked("ground_truth"),
    ),
    Form(
        "question-worked", "question, answer as a worked solution without a mark",
        ("question", "answer"), _solved, fits=_worked("answer"),
    ),
    Form("question-answer", "question and gold answer, no solution", ("question", "answer"), _asked),
    Form("question-gold", "question and gold answer, no solution", ("question", "gold"), _asked),
    Form("input-target", "GSM-hard: input, target", ("input", "target"), _asked),
    Form("problem-answer", "problem and gold answer", ("problem", "answer"), _asked),
    Form("problem-short-answer", "Problem, Short Answer (IMO)", ("problem", "short_answer"), _asked),
    Form("text", "text: plain language modelling", ("text",), _text),
    Form(
        "unnamed-pair", "two columns without names: question, answer (MGSM)",
        ("column_1", "column_2"), _asked, fits=_paired,
    ),
)  # fmt: skip
"""Tried in this order."""
