"""Turn a row of a Pool into the text of a prompt and the text of prompt and answer.

Two forms. `plain`: the question, a line break, the trace; for models without a chat template. `chat`: the
model's own template with the context, the question as the user's turn and the trace as the assistant's.
Training, measuring, sampling and evaluation all go through here.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Literal, NamedTuple

from cotmill.core.errors import DataError, ModelError
from cotmill.data.pool import Pool

Form = Literal["auto", "plain", "chat"]
COLUMNS = ("row_id", "question", "trace", "context")


class Row(NamedTuple):
    """What rendering needs of a row of a Pool."""

    row_id: str
    question: str
    trace: str = ""
    context: tuple[tuple[str, str], ...] = ()
    """Turns before the question: (role, content)."""


class Rendered(NamedTuple):
    """The text that is given, and the text that is given and answered."""

    prompt: str
    full: str


def rows_of(pool: Pool) -> Iterator[Row]:
    """Stream the rows of a Pool."""
    for batch in pool.batches(list(COLUMNS)):
        yield from map(row_of, batch.to_pylist())


def row_of(row: Mapping[str, Any]) -> Row:
    """Take what rendering needs out of one row of a Pool."""
    context = tuple((turn["role"], turn["content"]) for turn in row["context"])
    return Row(row["row_id"], row["question"], row["trace"], context)


def form_of(tokenizer: Any, form: Form) -> Literal["plain", "chat"]:
    """Settle `auto`: the chat form if the tokenizer has a template, else the plain one.

    Raises:
        ModelError: the chat form is asked for and there is no template.
    """
    template = getattr(tokenizer, "chat_template", None)
    if form == "chat" and not template:
        raise ModelError("this model's tokenizer has no chat template; use the form plain")
    if form == "auto":
        return "chat" if template else "plain"
    return form


def render(tokenizer: Any, rows: Iterable[Row], form: Form) -> list[Rendered]:
    """Render rows; a row without a trace has a `full` equal to its `prompt`."""
    if form_of(tokenizer, form) == "chat":
        return [_chat(tokenizer, row) for row in rows]
    return [_plain(row) for row in rows]


def _plain(row: Row) -> Rendered:
    """Question, line break, trace; turns before the question stand above it, a line each."""
    lines = [content for _, content in row.context] + ([row.question] if row.question else [])
    prompt = "".join(f"{line}\n" for line in lines)
    return Rendered(prompt, prompt + row.trace)


def _chat(tokenizer: Any, row: Row) -> Rendered:
    """Apply the model's template, without and with the answer."""
    if not row.question:
        raise DataError(
            f"row {row.row_id} has no question, so it cannot be a chat; use the form plain for running text"
        )
    turns = [{"role": role, "content": content} for role, content in row.context]
    turns.append({"role": "user", "content": row.question})
    prompt = tokenizer.apply_chat_template(turns, tokenize=False, add_generation_prompt=True)
    if not row.trace:
        return Rendered(prompt, prompt)
    turns.append({"role": "assistant", "content": row.trace})
    full = tokenizer.apply_chat_template(turns, tokenize=False)
    if row.trace.strip() not in full:
        raise DataError(
            f"the chat template changes the trace of row {row.row_id} (some templates drop marked thoughts); "
            "use the form plain, or another template"
        )
    return Rendered(prompt, full)
