"""The published rules of the benchmarks, literally: what a paper's number was computed with."""

from __future__ import annotations

import difflib
import re
from collections.abc import Callable
from decimal import Decimal, InvalidOperation

from cotmill.core.errors import RecipeError
from cotmill.verify.extract import choice_letter, last_boxed

StrictRule = Callable[[str, str], bool]

_GSM8K = re.compile(r"#### (\-?[0-9\.\,]+)")
_NUMBER = re.compile(r"-?\d[\d,]*(?:\.\d+)?")
_MINERVA = re.compile(r"Final Answer: The final answer is(.*?)\. I hope it is correct\.", re.DOTALL)
_LETTER = re.compile(r"answer is:?\s*\(?([A-E])\b", re.IGNORECASE)


def gsm8k(gold: str, text: str) -> bool:
    """Cobbe et al. 2021: the number after `#### `, commas dropped, compared as text."""
    match = _GSM8K.search(text)
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


_DROPPED = re.compile(r"\\!|\\left|\\right|\\text\{ [^}]*\}|\^\{?\\circ\}?|\\\$|\\%|%|\s+")


def hendrycks_form(answer: str) -> str:
    r"""The normal form of the MATH benchmark's `is_equiv`, in its main lines."""
    answer = _DROPPED.sub("", answer).replace("tfrac", "frac").replace("dfrac", "frac").rstrip(".")
    answer = re.sub(r"\\sqrt(\w)", r"\\sqrt{\1}", answer)
    answer = re.sub(r"\\frac(\d)(\d)", r"\\frac{\1}{\2}", answer)
    answer = re.sub(r"^(-?\d+)/(\d+)$", r"\\frac{\1}{\2}", answer)
    if re.fullmatch(r"[a-zA-Z]=.*", answer):
        answer = answer[2:]
    return "\\frac{1}{2}" if answer == "0.5" else re.sub(r"(?<!\d)\.(?=\d)", "0.", answer)


STRICT_RULES: dict[str, StrictRule] = {
    "gsm8k": gsm8k,
    "last_number": last_number,
    "gsm_hard": gsm_hard,
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
