"""Settle which form data has: by the caller's word, by the caller's columns, or by a guess."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from cotmill.core.errors import DataError
from cotmill.data.fields import Fields, answer_text, gold_of, normal, text_of
from cotmill.data.forms import FORMS, Form, Row
from cotmill.data.gold import MARK, final_answer
from cotmill.data.rejects import BadRowError

_WORKED = re.compile(rf"{MARK}|\\boxed|\n")
_PARTS = ("question", "answer", "trace", "gold", "source")
_SAME = {"solution": "trace", "completion": "trace", "prompt": "question", "problem": "question"}


def form_of_columns(columns: Mapping[str, str]) -> Form:
    """Make a form from the caller's words: {"question": "Aufgabe", "answer": "Lösung"}.

    `answer` is a worked solution where it has a mark, a box or several lines, and a gold answer else.

    Raises:
        DataError: a part that there is not, or no question, or nothing to answer it.
    """
    parts = {_SAME.get(part, part): normal(name) for part, name in columns.items()}
    unknown = [part for part in parts if part not in _PARTS]
    if unknown or not parts.keys() & {"answer", "trace", "gold"}:
        wrong = f"there is no part '{unknown[0]}'" if unknown else "nothing says where the answers are"
        raise DataError(f"--columns: {wrong}; write question=COLUMN with answer=, trace= or gold=COLUMN")
    names = [part for part in _PARTS if part in parts]

    def row(*values: Any) -> Fields:
        return _by_parts(dict(zip(names, values, strict=True)))

    return Form("columns", "columns named by the caller", tuple(parts[name] for name in names), row)


def _by_parts(given: Mapping[str, Any]) -> Fields:
    """Read a row whose parts the caller has named."""
    question = text_of(given["question"], "question") if "question" in given else ""
    trace, gold = given.get("trace"), given.get("gold")
    answer = given.get("answer")
    if "answer" in given and answer is None:
        raise BadRowError("no answer: answer is missing")
    if (
        isinstance(answer, str)
        and trace is None
        and (MARK in answer or "\\boxed" in answer or "\n" in answer.strip())
    ):
        trace = answer
    elif answer is not None and gold is None:
        gold = answer
    trace = text_of(trace, "trace", empty=True) if trace is not None else ""
    said = gold_of(gold) if gold is not None else final_answer(trace)
    if not trace.strip() and said is None:
        raise BadRowError("no answer: neither trace nor gold")
    source = given.get("source")
    return Fields(question, trace, said, answer_text(source) if source is not None else "")


def form_named(name: str) -> Form:
    """Look a form up by the word after `--form`.

    Raises:
        DataError: there is none of that name.
    """
    for form in FORMS:
        if form.name == name:
            return form
    raise DataError(f"there is no form '{name}'; choose from {', '.join(form.name for form in FORMS)}")


def detect(columns: Sequence[str], sample: Sequence[Row], *, where: str = "the data") -> Form:
    """Guess the form from column names and sample rows.

    Raises:
        DataError: none fits; the message names the columns, what was tried and the flags that settle it.
    """
    names = {normal(name) for name in columns}
    normalised = [{normal(name): value for name, value in row.items()} for row in sample]
    near: list[str] = []
    for form in FORMS:
        if names.issuperset(form.needs):
            if form.fits is None or form.fits(normalised):
                return form
            near.append(f"{form.name} (the columns are there, the values do not look so)")
        elif len(form.needs) > 1 and names.intersection(form.needs):
            near.append(f"{form.name} (lacks {', '.join(n for n in form.needs if n not in names)})")
    raise DataError(_unknown(where, columns, near))


def _unknown(where: str, columns: Sequence[str], near: list[str]) -> str:
    """Say what was seen, what was tried, and what to type."""
    tried = "; ".join(near) if near else "none shares a column with it"
    return (
        f"cannot tell what {where} is. Its columns: {', '.join(map(repr, columns)) or '(none)'}. "
        f"Tried {len(FORMS)} forms: {tried}. "
        "Settle it with --form NAME (one of " + ", ".join(form.name for form in FORMS) + ") "
        "or with --columns question=COLUMN,answer=COLUMN (also: trace=, gold=, source=)."
    )


def columns_of(text: str | None) -> dict[str, str] | None:
    """Read the words after `--columns`.

    >>> columns_of("question=Problem Text,gold=key")
    {'question': 'Problem Text', 'gold': 'key'}

    Raises:
        DataError: a word that is not of the form part=COLUMN.
    """
    if text is None:
        return None
    pairs = [pair.partition("=") for pair in text.split(",")]
    wrong = [part for part, _, column in pairs if not column.strip()]
    if wrong:
        raise DataError(f"--columns: '{wrong[0]}' is not of the form question=COLUMN")
    return {part.strip(): column.strip() for part, _, column in pairs}
