"""The graders that cotmill is compared with: string rules written here, and Math-Verify by its README."""

from __future__ import annotations

import logging
import re
from collections.abc import Callable

Grader = Callable[[str, str], bool]

_NUMBER = re.compile(r"-?\$?\d[\d,]*(?:\.\d+)?|-?\.\d+")
_REMOVED = (
    "square", "ways", "integers", "dollars", "mph", "inches", "ft", "hours", "km", "units", "sue", "points",
    "feet", "minutes", "digits", "cents", "degrees", "cm", "gm", "pounds", "meters", "meals", "edges",
    "students", "childrentickets", "multiples", "\\ldots", "\\text{s}", "\\text{.}", "\\text{\ns}",
    "\\text{}^2", "\\text{}^3", "\\text{\n}", "\\text{}", "\\mathrm{th}", "^\\circ", "^{\\circ}", "\\;",
    ",\\!", "{,}", '"', "\\dots",
)  # fmt: skip
_SUBSTITUTED = (
    ("an ", ""), ("a ", ""), (".$", "$"), ("\\$", ""), (r"\ ", ""), (" ", ""), ("mbox", "text"),
    (",\\text{and}", ","), ("\\text{and}", ","), ("\\text{m}", "\\text{}"),
)  # fmt: skip


def exact_match(gold: str, predicted: str) -> bool:
    """The same characters, but for the ends."""
    return gold.strip() == predicted.strip()


def last_number(gold: str, predicted: str) -> bool:
    """The last number of each, as floats: the flexible rule of the usual harness."""
    found = [_NUMBER.findall(text) for text in (gold, predicted)]
    if not all(found):
        return exact_match(gold, predicted)
    left, right = (float(numbers[-1].replace(",", "").replace("$", "")) for numbers in found)
    return left == right


def minerva_form(answer: str) -> str:
    """The normal form of appendix D of Lewkowycz et al. 2022 (arXiv 2206.14858), compared as text."""
    answer = answer.split("=")[-1]
    for before, after in _SUBSTITUTED:
        answer = answer.replace(before, after)
    for word in _REMOVED:
        answer = answer.replace(word, "")
    answer = re.sub(r"(.*?)(\$)(.*?)(\$)(.*)", r"$\3$", answer)
    for command in ("text", "textbf", "overline", "boxed"):
        answer = re.sub(rf"\\{command}\{{(.*?)\}}", r"\1", answer)
    answer = re.sub(r"frac([^{])(.)", r"frac{\1}{\2}", answer)
    answer = re.sub(r"sqrt([^{])", r"sqrt{\1}", answer).replace("$", "")
    return answer.replace(",", "") if answer.replace(",", "").isdigit() else answer


def minerva(gold: str, predicted: str) -> bool:
    """Equal in Minerva's normal form."""
    return minerva_form(gold) == minerva_form(predicted)


def math_verify(*, fence: bool) -> Grader:
    """Math-Verify at its defaults; `fence` puts both answers between dollar signs."""
    from math_verify import parse, verify

    logging.disable(logging.CRITICAL)

    def grade(gold: str, predicted: str) -> bool:
        texts = [f"${text}$" if fence else text for text in (gold, predicted)]
        return verify(parse(texts[0]), parse(texts[1]))

    return grade
