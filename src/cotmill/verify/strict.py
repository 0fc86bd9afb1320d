"""The published rules of the benchmarks, literally: what a paper's number was computed with."""

from __future__ import annotations

import difflib
import re
from collections.abc import Callable
from decimal import Decimal, InvalidOperation
from fractions import Fraction

from cotmill.core.errors import RecipeError
from cotmill.verify.extract import choice_letter, last_boxed
from cotmill.verify.numbers import MAX_DIGITS
from cotmill.verify.unanswerable import SAID

StrictRule = Callable[[str, str], bool]

_GSM8K = re.compile(r"#### (\-?[0-9\.\,]+)")
_NUMBER = re.compile(r"-?\d[\d,]*(?:\.\d+)?")
_MINERVA = re.compile(r"Final Answer: The final answer is(.*?)\. I hope it is correct\.", re.DOTALL)
_LETTER = re.compile(r"answer is:?\s*\(?([A-E])\b", re.IGNORECASE)


def gsm8k(gold: str, text: str) -> bool:
    """Cobbe et al. 2021: the number after `#### `, commas dropped, compared as text."""
    start = text.find("#### ")
    match = _GSM8K.search(text, start) if start >= 0 else None
    found = match[1].replace(",", "").rstrip(".") if match else None
    return found == gold.strip().replace(",", "").removeprefix("$")


def last_number(gold: str, text: str) -> bool:
    """The last number of the text equals the gold number (the chain-of-thought rule of SVAMP and MGSM)."""
    numbers = _NUMBER.findall(text)
    if not numbers:
        return False
    try:
        return Decimal(numbers[-1].replace(",", "")) == Decimal(gold.strip().replace(",", ""))
    except InvalidOperation:
        return False


def gsm_hard(gold: str, text: str) -> bool:
    """Gao et al. 2022 (PAL): the last number within 0.001 of the gold number."""
    numbers = _NUMBER.findall(text)
    if not numbers:
        return False
    try:
        return abs(Decimal(numbers[-1].replace(",", "")) - Decimal(gold.strip().replace(",", ""))) < Decimal(
            "0.001"
        )
    except InvalidOperation:
        return False


def gsm_plus(gold: str, text: str) -> bool:
    """Li et al. 2024: the first number of the last `####` line, else the last number, compared by value.

    Where the gold answer is "None", one of the grader's phrases anywhere in the text counts as "None", and so
    does a text without `####`. (Their released code asks for the phrases under the older name of that kind of
    question, "necessary constraint removal"; the files call it "critical thinking".)
    """
    if gold.strip().casefold() == "none":
        text = text.replace(",", "").lower()
        return SAID.search(text) is not None or "####" not in text
    text = text.partition("Question")[0].replace(",", "")
    marked = [line for line in _MARKED.findall(text) if any(char.isdigit() for char in line)]
    numbers = _QUOTIENT.findall(marked[-1])[:1] if marked else _QUOTIENT.findall(text)[-1:]
    wanted = _QUOTIENT.findall(gold.replace(",", ""))[:1]
    return bool(numbers and wanted) and _exactly(numbers[0]) == _exactly(wanted[0])


_MARKED = re.compile(r"####(.*)")
_QUOTIENT = re.compile(r"-?\d+(?:\.\d+)?(?:/\d+)?")


def _exactly(number: str) -> Fraction | None:
    """The value of "3", "0.5" or "2.5/4"; None for a division by zero or too many digits."""
    top, _, bottom = number.partition("/")
    if len(number) > MAX_DIGITS or (bottom and not int(bottom)):
        return None
    return Fraction(top) / int(bottom or 1)


def math_boxed(gold: str, text: str) -> bool:
    r"""Hendrycks et al. 2021: the last \boxed{}, spaces and LaTeX dress removed, compared as text."""
    answer = last_boxed(text)
    return answer is not None and hendrycks_form(answer) == hendrycks_form(gold)


def minerva(gold: str, text: str) -> bool:
    """Lewkowycz et al. 2022: X in "The final answer is X. I hope it is correct.", compared as text."""
    match = _MINERVA.search(text)
    return match is not None and hendrycks_form(match[1].strip().strip("$")) == hendrycks_form(gold)


def choice(gold: str, text: str) -> bool:
    """Multiple choice: the letter after "answer is"."""
    letters = _LETTER.findall(text)
    return bool(letters) and letters[-1].upper() == choice_letter(gold)


def exact(gold: str, text: str) -> bool:
    """The whole text is the gold answer."""
    return text.strip() == gold.strip()


_SMALL = re.compile(r"\\!|\n")
_REMOVED = re.compile(r"\\left|\\right|\^\{\\circ\}|\^\\circ|\\\$")
_WHOLE_QUOTIENT = re.compile(r"(-?(?:0|[1-9]\d*))/(-?(?:0|[1-9]\d*))")


def hendrycks_form(answer: str) -> str:
    r"""The normal form of the MATH benchmark's own comparison, quirks and all.

    Units in `\text{ …}` go, as do degrees, dollars and per cent signs; "x=" goes where one equals sign
    follows at most two characters; \frac12 and 1/2 become \frac{1}{2}, and so does 0.5, alone among decimals.
    """
    text = _SMALL.sub("", answer).replace("\\\\", "\\").replace("tfrac", "frac").replace("dfrac", "frac")
    text, *units = _REMOVED.sub("", text).split("\\text{ ")
    if len(units) > 1:
        return answer
    text = re.sub(r"\\?%", "", text).replace(" .", " 0.").replace("{.", "{0.")
    text = "0" + text if text.startswith(".") else text
    name, _, value = text.partition("=")
    text = value if text.count("=") == 1 and len(name) <= 2 else text
    text = re.sub(r"\\sqrt([^{])", r"\\sqrt{\1}", text).replace(" ", "")
    text = re.sub(r"\\frac([^{])([^{])", r"\\frac{\1}{\2}", text)
    text = re.sub(r"\\frac([^{])\{", r"\\frac{\1}{", text)
    if text == "0.5":
        return "\\frac{1}{2}"
    return _WHOLE_QUOTIENT.sub(r"\\frac{\1}{\2}", text) if _WHOLE_QUOTIENT.fullmatch(text) else text


STRICT_RULES: dict[str, StrictRule] = {
    "gsm8k": gsm8k,
    "last_number": last_number,
    "gsm_hard": gsm_hard,
    "gsm_plus": gsm_plus,
    "math": math_boxed,
    "minerva": minerva,
    "choice": choice,
    "exact": exact,
}


def strict_rule(name: str) -> StrictRule:
    """Look a rule up by name.

    Raises:
        RecipeError: there is no such rule.
    """
    if name in STRICT_RULES:
        return STRICT_RULES[name]
    near = difflib.get_close_matches(name, STRICT_RULES, 1)
    hint = f"did you mean {near[0]!r}?" if near else f"choose one of {', '.join(STRICT_RULES)}"
    raise RecipeError(f"there is no strict rule {name!r}; {hint}")
