r"""Find the final answer a solution states, cheaply: what fills `gold` when data is read.

Looks, in this order, for `#### x` (GSM8K), the last `\boxed{x}` (MATH), the last "the answer is x"
(MetaMathQA, MathInstruct), and a last line that is only a number or `A: x`. Whether an answer is
*right* is the business of `cotmill.verify`; nothing here compares.
"""

from __future__ import annotations

import re

MARK = "####"
BOXES = ("\\boxed", "\\fbox")
LONGEST_ANSWER = 2000
"""A "final answer" beyond this many characters is a mistake in the text, not an answer."""

LONGEST_PHRASE = 200
"""Characters taken after "the answer is"."""
_PHRASE = re.compile(r"(?:the|final)\s+answer(?:\s+is\s*:?|\s*:)\s*", re.IGNORECASE)
_REASON = re.compile(r",?\s+(?:because|since|as we|as the|which|where we)\b", re.IGNORECASE)
_SENTENCE_END = re.compile(r"(?<![ .][A-Za-z])\.\s+(?=[A-Z(\\$])")
_NO_ANSWER = re.compile(
    r"(?:(?:equal to |the same as |simply |just |then |based on |found |obtained |given |taken )*"
    r"(?:(?:from|by|in|of|to|for|with)\b|"
    r"(?:the )?(?:answer|result|number|value|sum|total|one) (?:from|of|in|that|we)\b))",
    re.IGNORECASE,
)
"""What follows "the answer is" when no answer is stated: "from the previous step", "the result of step 2"."""
_LAST_LINE = re.compile(r"(?:\n|^)[ \t]*(?:A:[ \t]*(?P<said>[^\n]{1,200})|(?P<bare>\$?-?\d[\d,./]*%?))\s*$")
_PHRASE_TAIL = 4000
"""The phrase is looked for in this many last characters, so that a huge text costs little."""


def final_answer(text: str) -> str | None:
    r"""Return the answer a solution ends on, or None when it states none.

    >>> final_answer("6*7 = <<6*7=42>>42\n#### 42")
    '42'
    >>> final_answer(r"so $x=\boxed{\frac{1}{2}}$.")
    '\\frac{1}{2}'
    >>> final_answer("It is hard to say.") is None
    True
    """
    at = text.rfind(MARK)
    if at >= 0:
        said = text[at + len(MARK) : at + len(MARK) + LONGEST_ANSWER].lstrip(" \t").split("\n", 1)[0].strip()
        if said:
            return said
    return _boxed(text) or _said(text)


def _boxed(text: str) -> str | None:
    """Return the content of the last box, with its braces matched."""
    at = max(text.rfind(box) for box in BOXES)
    if at < 0:
        return None
    start = at + len("\\boxed" if text.startswith("\\boxed", at) else "\\fbox")
    body = text[start : start + LONGEST_ANSWER].lstrip(" ")
    if not body.startswith("{"):
        return re.split(r"[$\s]", body, maxsplit=1)[0] or None
    depth = 0
    for position, char in enumerate(body):
        escaped = position > 0 and body[position - 1] == "\\"
        depth += 0 if escaped else (char == "{") - (char == "}")
        if depth == 0:
            return body[1:position].strip() or None
    return None


def _clause(said: str) -> str | None:
    """Return the answer that a clause states: without its reason, and nothing where it only speaks of one."""
    said = _SENTENCE_END.split(_REASON.split(said, maxsplit=1)[0], maxsplit=1)[0].strip().rstrip(".").strip()
    return None if not said or _NO_ANSWER.match(said) else said


def _said(text: str) -> str | None:
    """Return what follows the last "the answer is", or a last line that is only an answer."""
    tail = text[-_PHRASE_TAIL:]
    for phrase in reversed(list(_PHRASE.finditer(tail))):
        if said := _clause(tail[phrase.end() : phrase.end() + LONGEST_PHRASE].split("\n", 1)[0]):
            return said
    line = _LAST_LINE.search(tail)
    return (line["said"] or line["bare"]).strip() if line else None
