"""Keys of a reasoning path: two traces with the same key reason alike, whatever their words.

    paper         the equations of the <<…>> marks as written, in order (Yuan et al. 2023, arXiv 2308.01825)
    commutative   every equation, operands of + and * sorted, numbers normalised, in order
    order_free    the same equations in any order
    operands      the numbers that go into the calculations, in any order
    graph         which result feeds which step, up to the answer (default)

The paper's key tells 3+4=7 from 4+3=7 and one order of independent steps from another, and it does not see
equations outside of the marks. Ours read every equation that `verify` finds, once where a mark repeats
what the text says. The graph key leaves out steps that lead nowhere, and rounding: 10/3=3.33 and
10/3=3.333 are one step. A wrong equation keeps its result in the key.

A trace without equations has the empty key. For the paper's script that is a key like any other, so at
most one such trace of a question is kept; for ours it means that the path could not be compared, and
`augment.rft` counts these traces and keeps them apart.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from fractions import Fraction
from typing import NamedTuple

from cotmill.augment.expression import Step, numbers, show, spell, step_of
from cotmill.core.errors import RecipeError
from cotmill.core.ids import content_id
from cotmill.verify.equations import EquationFinding, check_equations
from cotmill.verify.extract import find_answer
from cotmill.verify.links import Equation, Status
from cotmill.verify.quantity import read_quantity

MARK = re.compile(r"<<([^<>\n]{1,400})>>")
DEFAULT_KEY = "graph"


class Path(NamedTuple):
    """A trace as its written calculations; `unchecked` counts equations that no key can read."""

    text: str
    steps: tuple[Step, ...]
    answer: Fraction | None
    unchecked: int


def read_path(text: str, found: EquationFinding | None = None, answer: str | None = None) -> Path:
    """Read the calculations of a trace; give the finding and the answer when they are known already.

    >>> [step.spelling for step in read_path("4 + 5 = <<4+5=9>>9, doubled <<9*2=18>>18.").steps]
    ['(+4 +5)', '(*2 *9)']
    """
    found = check_equations(text) if found is None else found
    answer = find_answer(text)[1] if answer is None else answer
    quantity = read_quantity(answer) if answer else None
    steps = tuple(
        step for equation in _once(found.equations, text) if (step := step_of(equation)) is not None
    )
    return Path(text, steps, quantity.value if quantity else None, found.unchecked)


def _once(equations: tuple[Equation, ...], text: str) -> list[Equation]:
    """Leave out what running text says right before a mark says it: "4 + 5 = <<4+5=9>>9"."""
    kept = []
    for place, equation in enumerate(equations):
        after = equations[place + 1] if place + 1 < len(equations) else None
        repeated = (
            equation.where == "text"
            and after is not None
            and after.where == "mark"
            and after.result == equation.result
            and "\n" not in text[equation.start : after.start]
        )
        if not repeated:
            kept.append(equation)
    return kept


def paper_key(path: Path) -> str:
    """Join the marks as written, without white space.

    >>> paper_key(read_path("<<3 + 4=7>>7 and <<7*2=14>>14"))
    '3+4=7|7*2=14'
    """
    return "|".join("".join(mark.split()) for mark in MARK.findall(path.text))


def commutative_key(path: Path) -> str:
    """Join the calculations in one spelling each, with their results, in the order written.

    >>> commutative_key(read_path("3 + 4 = 7. 2 * 7 = 14."))
    '(+3 +4)=7|(*2 *7)=14'
    """
    return "|".join(_equations(path))


def order_free_key(path: Path) -> str:
    """Join the same equations in sorted order; one that is written twice counts twice.

    >>> order_free_key(read_path("3 + 4 = 7. 2 * 7 = 14."))
    '(*2 *7)=14|(+3 +4)=7'
    """
    return "|".join(sorted(_equations(path)))


def operands_key(path: Path) -> str:
    """Join the sorted numbers that go into the calculations.

    >>> operands_key(read_path("3 + 4 = 7. 2 * 7 = 14."))
    '2 3 4 7'
    """
    return " ".join(map(show, sorted(number for step in path.steps for number in numbers(step.tree))))


def graph_key(path: Path) -> str:
    """Describe which result feeds which step, from the answer back.

    A number that an earlier step found stands for that step (for all of them where several found it). The
    key is that of the steps that give the answer; when none does, of all steps that feed no other.
    It does not change when independent steps change places; two steps are independent when neither uses a
    number that the other gives.

    >>> one = graph_key(read_path("3 + 4 = 7. 5 * 2 = 10. 10 + 7 = 17. #### 17"))
    >>> one == graph_key(read_path("2 * 5 = 10. 4 + 3 = 7. 7 + 10 = 17. #### 17"))
    True
    """
    found_by: dict[Fraction, set[str]] = {}
    used: set[str] = set()
    names: list[tuple[str, Fraction | None]] = []

    def number(value: Fraction) -> str:
        steps = found_by.get(value)
        if not steps:
            return show(value)
        used.update(steps)
        return "{" + " ".join(sorted(steps)) + "}"

    for step in path.steps:
        wrong = "" if step.status is Status.RIGHT else f"={show(step.result)}"
        # Hashed, not nested: a result that is used twice would double the text at every step.
        name = content_id(spell(step.tree, number) + wrong)[:16]
        names.append((name, step.result))
        if step.result is not None:
            found_by.setdefault(step.result, set()).add(name)
    ends = {name for name, result in names if result is not None and result == path.answer}
    return " ".join(sorted(ends or {name for name, _ in names if name not in used}))


def _equations(path: Path) -> list[str]:
    return [f"{spell(step.tree)}={show(step.result)}" for step in path.steps]


Key = Callable[[Path], str]
KEYS: dict[str, Key] = {
    "paper": paper_key,
    "commutative": commutative_key,
    "order_free": order_free_key,
    "operands": operands_key,
    "graph": graph_key,
}
"""Every key by its name in a recipe and on the command line."""


def key_named(name: str) -> Key:
    """Find a key.

    Raises:
        RecipeError: there is none of that name.
    """
    if name not in KEYS:
        raise RecipeError(f"no key of a path is called {name!r}; there are {', '.join(KEYS)}")
    return KEYS[name]


def key_of(text: str, key: str = DEFAULT_KEY) -> str:
    """Give the key of a trace; "" when it has no equation that the key can read.

    >>> key_of("3 + 4 = 7", "order_free"), key_of("The answer is 7.")
    ('(+3 +4)=7', '')
    """
    return key_named(key)(read_path(text))
