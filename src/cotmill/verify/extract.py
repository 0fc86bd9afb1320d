"""Find the final answer in a text: an ordered list of small rules, each with a name.

The first rule that finds something decides, and its name goes into the verdict. A `####` heading ("####
Step 1") is no answer; of several `####` lines the first that holds a readable number wins, because a
model that runs on into the next question writes another one.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator

from cotmill.verify.clean import plain_unicode, undress
from cotmill.verify.expression import read_expression
from cotmill.verify.numbers import canonical, read_number
from cotmill.verify.quantity import read_quantity
from cotmill.verify.structure import read_form

MAX_TEXT = 100_000
"""Of a longer text only the end is read: an answer is at the end."""
MAX_ANSWER = 10_000
MAX_TAIL = 4_000
MAX_WHOLE = 200
MAX_WORDS = 3
MAX_BOXES = 20
"""Boxes that never close are skipped, but only so many."""
Rule = Callable[[str], str | None]

_HASH = re.compile(r"####[ \t]*([^\n]*)")
_ANSWER_IS = re.compile(
    r"\b(?:(?:answer|solution|result)s?|(?:correct|right) (?:option|choice))\b\*{0,3}"
    r"(?: ?\([^()\n]{0,40}\))?\s{0,4}"
    r"(?:is\s{0,4}:?|are\s{0,4}:?|was|(?:will|would|should|must) be|comes to|equals|[:=])(?!=)\s{0,4}|"
    r"\brespuesta(?: final)? es\s?:?\s?|\bantwort (?:ist|lautet)\s?:?\s?|\bréponse(?: finale)? est\s?:?\s?|"
    r"\b(?:respuesta|réponse|antwort|ответ)\s?(?::|[-—–]\s|это\s)\s?|(?:答案(?:是|为|：|:)|答えは|答え[：:])\s?:?\s?",
    re.IGNORECASE,
)
"""Blanks are bounded: an unbounded run of them beside another is quadratic on a text of blanks."""
_ANSWER_LINE = re.compile(
    r"^[ \t>*]{0,12}(?:A|Answer|Ans|ANSWER|Final Answer)[ \t*]{0,8}[:=][ \t*]{0,8}(\S[^\n]*)$", re.M
)
_THEREFORE = re.compile(r"\s{0,8}(?:Therefore|Thus|Hence)\b.* is ")
_SENTENCE_END = re.compile(
    r"(?<![ .(][A-Za-z])(?<!\b[RMD][srR])(?<!\bSt)(?<!\bNo)(?<!\bMrs)(?<!\bapprox)\.(?=\s|$)|"
    r"\n|。|[?](?=\s|$)|I hope it is correct"
)
_CHOICE = re.compile(r"\(([A-Ja-j])\)|(?<![A-Za-z'\\])([A-J])(?![A-Za-z'’])")
_OPTION_ALONE = re.compile(r"\(?([A-Ja-j])\)?[.:)]?(?:\s.*)?", re.DOTALL)


def hash_line(text: str) -> str | None:
    """What follows `####`, the marker of GSM8K."""
    start = text.find("####")
    if start < 0:
        return None
    if text.find("####", start + 4) < 0 and canonical(line := text[start + 4 :].strip()) is not None:
        return line
    lines = [line.strip() for line in _HASH.findall(text)]
    lines = [line for line in lines if line]
    for line in lines:
        if read_quantity(undress(line)) is not None:
            return line
    return lines[-1] if lines and not re.match(r"(?i)(?:step|\d+[.)]\s)", lines[-1]) else None


def last_boxed(text: str) -> str | None:
    r"""The content of the last \boxed{} or \fbox{}, with nested braces."""
    for name in ("\\boxed", "\\fbox"):
        end = len(text)
        for _ in range(MAX_BOXES):
            if (end := text.rfind(name, 0, end)) < 0:
                break
            if (content := braced(text, end + len(name))) is not None:
                return content
    return None


def braced(text: str, start: int) -> str | None:
    """The content of the group that opens at or after `start`; a bare token ends at a space or `$`."""
    while start < len(text) and text[start] == " ":
        start += 1
    if start >= len(text) or text[start] != "{":
        token = re.match(r"[^\s${}\\.,]+", text[start : start + 100])
        return token[0] if token else None
    depth = 0
    for place in range(start, min(len(text), start + MAX_ANSWER)):
        depth += {"{": 1, "}": -1}.get(text[place], 0) if text[place - 1] != "\\" else 0
        if depth == 0:
            return text[start + 1 : place].strip() or None
    return None


def answer_tag(text: str) -> str | None:
    """The content of the last <answer>…</answer>."""
    _, _, after = text.rpartition("<answer>")
    content, closing, _ = after.partition("</answer>")
    return (content.strip() or None) if closing and len(content) <= MAX_ANSWER else None


def answer_line(text: str) -> str | None:
    """A line "A: 18" or "Answer: 18"."""
    lines = _ANSWER_LINE.findall(text)
    return lines[-1].strip() if lines else None


def answer_is(text: str) -> str | None:
    """The clause after the last "the answer is", in seven languages."""
    for match in reversed(list(_ANSWER_IS.finditer(text))):
        clause = text[match.end() : match.end() + 600]
        end = _SENTENCE_END.search(clause, 1)
        clause = clause[: end.start()] if end else clause
        if clause.strip(" *:.$"):
            return clause.strip()
    return None


def conclusion(text: str) -> str | None:
    """A last line "Therefore, … is 50." that comes after another "the answer is"."""
    line = text.rstrip().rpartition("\n")[2]
    if not _THEREFORE.match(line) or "answer" in line.lower() or not any(char.isdigit() for char in line):
        return None
    return line.rpartition(" is ")[2].strip() or None


def final_line(text: str) -> str | None:
    """The last line, when it is an answer and nothing else."""
    line = text.rstrip().rpartition("\n")[2].strip()
    return line if line and len(line) <= 300 and read_quantity(undress(line)) is not None else None


def final_fence(text: str) -> str | None:
    """The last formula between dollar signs of the last line; "$5 and then $" between two prices is none."""
    fences = _formulas(text.rstrip().rpartition("\n")[2])
    return fences[-1] if fences else None


def _formulas(line: str) -> list[str]:
    found = [(groups[0] or groups[1]).strip() for groups in _FENCE.findall(line)]
    return [formula for formula in found if formula and not _PROSE.search(formula)]


def whole_text(text: str) -> str | None:
    """A text that is one line of formula, or up to three words: the answer alone."""
    line = text.strip()
    if not line or "\n" in line or len(line) > MAX_WHOLE:
        return None
    words = re.findall(r"(?<![\\A-Za-z])[A-Za-z]+", line)
    prose = any(len(word) > 1 for word in words)
    return None if prose and len(words) > MAX_WORDS else line


def last_number(text: str) -> str | None:
    """The last number of the text, with its currency and unit."""
    found = list(numbers_in(plain_unicode(text[-MAX_TAIL:])))
    return found[-1] if found else None


_FENCE = re.compile(r"\$([^$\n]+)\$|\\\((.+?)\\\)")
_PROSE = re.compile(r"(?<![\\A-Za-z{])[A-Za-z]{2,}|[-+*/=,(]$|[.,;]\s")
_NUMBER = re.compile(
    r"(?:(?<![\w)\]}.])[-+])?\s?(?:US)?[$€£¥₹]?\s?-?"
    r"(?:\d{1,3}(?:,\d{3})+(?:\.\d+)?(?!\d)|\d+(?:\.\d+)?(?:[eE][-+]?\d+)?|(?<!\d)\.\d+)"
    r"(?:\s\d+/\d+|\s?/\s?\d+(?![\d/.]))?(?::[0-5]\d(?:\s?[aApP]\.?[mM]\b)?)?"
    r"(?:\s?(?:%|\\%|[¢€£°]|percent\b)|[ -](?:thousand|million|billion|dozen|"
    r"hours?|minutes?|seconds?|days?|weeks?|"
    r"months?|years?|cents?|dollars?|inches|inch|feet|foot|yards?|miles?|meters?|metres?|cm|km|mm|kg|grams?|pounds?|"
    r"ounces?|liters?|litres?|gallons?|a\.?m\.?|p\.?m\.?)(?!\w))?"
)


def numbers_in(text: str) -> Iterator[str]:
    """Every number of a text as it is written."""
    return (match[0].strip() for match in _NUMBER.finditer(text))


def choice_letter(text: str) -> str | None:
    """The option letter that an answer names: "(B)", "B) 6000", "option B"."""
    if match := _OPTION_ALONE.fullmatch(undress(text)):
        return match[1].upper()
    letters = _CHOICE.findall(text)
    return (letters[-1][0] or letters[-1][1]).upper() if letters else None


RULES: tuple[tuple[str, Rule], ...] = (
    ("hash", hash_line),
    ("boxed", last_boxed),
    ("answer_tag", answer_tag),
    ("conclusion", conclusion),
    ("answer_is", answer_is),
    ("answer_line", answer_line),
    ("final_line", final_line),
    ("final_fence", final_fence),
    ("whole_text", whole_text),
    ("last_number", last_number),
)


def find_answer(text: str) -> tuple[str, str | None]:
    """The name of the rule that fired and the answer as written; ("", None) when there is none."""
    text = text[-MAX_TEXT:]
    _, closing, said = text.rpartition("</think>")
    if closing and said.strip():
        text = said
    for name, rule in RULES:
        if (answer := rule(text)) is not None:
            return name, answer[:MAX_ANSWER]
    return "", None


_WORDS = re.compile(r"(?<![\\A-Za-z])[A-Za-z]{2,}|[^\x00-\x7f]")


def _is_formula(text: str) -> bool:
    """Whether a text is one expression, or bare values in a row ("12 or 13"): then no part of it is meant."""
    if read_expression(text) is not None:
        return True
    form = read_form(text)
    return form.kind in ("list", "set", "tuple") and all(read_number(part.text) for part in form.parts)


_NEXT_VALUE = re.compile(r",(?!\d{3}(?!\d))|;|\bor\b|\band\b")


def narrow(clause: str) -> Iterator[str]:
    """The parts of a clause that may be the number meant, best first.

    Out of prose one number is taken; a formula is taken whole, so that 2^3 is not 3 and "2, 3" is not 3.
    """
    text = undress(clause)
    yield text
    yield from (undress(formula) for formula in reversed(_formulas(clause)))
    yield from (undress(bold) for bold in re.findall(r"\*\*([^*]+)\*\*", clause))
    before, equals, after = text.rpartition("=")
    if equals and after.strip() and not _NEXT_VALUE.search(before.partition("=")[2] + "=" + after):
        yield from narrow(after)
        return
    numbers = list(numbers_in(text)) if _WORDS.search(text) and not _is_formula(text) else []
    if numbers and re.match(r"(?:[^\W\d]+\s){0,2}" + re.escape(numbers[0]), text):
        yield numbers[0]
    elif numbers:
        yield numbers[-1]
