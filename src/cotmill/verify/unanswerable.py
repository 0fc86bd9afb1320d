"""Questions that cannot be answered: the gold answer "None" of GSM-Plus, and texts that say so.

Two readings. `declines` is ours: the end of the text says that the question cannot be answered, and no
number is given as the answer. `SAID` is what the grader of Li et al. 2024 (arXiv 2402.19255) looks for
anywhere in the text; see `strict.gsm_plus`.
"""

from __future__ import annotations

import re

from cotmill.verify.clean import undress
from cotmill.verify.quantity import read_quantity

NO_ANSWER = frozenset(
    ["none", "cannot be determined", "not enough information", "insufficient information", "unanswerable"]
)
"""Gold answers that say that there is none."""
SAID = re.compile(
    r"not (?:specify|mention|provide)|doesn't (?:specify|mention|provide)|do(?:n't| not) know|"
    r"(?:can't|cannot) (?:calculate|determine)|can't provide|don't have enough information|"
    r"do not have enough|missing necessary information|none"
)
_MARKED = ("hash", "boxed", "answer_tag")
_TAIL = 400
_NOT = r"(?:can ?not|can't|could ?not|couldn't|impossible to|not possible to|unable to|no way to)"
_FOUND_OUT = r"(?:determined?|calculated?|answer(?:ed)?|know|known|solved?|computed?|found|find|tell|say)"
_DECLINES = re.compile(
    rf"{_NOT} (?:be )?(?:\w+ )?{_FOUND_OUT}\b|"
    r"(?:not|n't) (?:\w+ )?(?:provided?|specify|specified|mention(?:ed)?|stated?|given|tell us)\b|"
    r"(?:not|n't) (?:\w+ ){0,2}enough (?:information|data|details)|"
    r"(?:insufficient|missing|lacks?|lacking) (?:\w+ )?(?:information|data|details|premise|condition)|"
    r"\b(?:undetermined|indeterminate|unanswerable)\b",
    re.IGNORECASE,
)


def asks_for_none(target: str) -> bool:
    """Whether a gold answer says that the question has none."""
    return not target[:1].isdigit() and target.casefold() in NO_ANSWER


def declines(text: str, rule: str, found: str | None) -> bool:
    """Whether a text ends by saying that there is no answer, and marks no number as one."""
    if found is not None:
        answer = undress(found)
        if answer.casefold() in NO_ANSWER:
            return True
        if rule in _MARKED and read_quantity(answer) is not None:
            return False
    return _DECLINES.search(text[-_TAIL:].replace("’", "'")) is not None
