"""Compare two answers by form: matrices, sets, tuples, intervals, relations, ratios, expressions.

Structure is decided here, exactly; the leaves are compared as quantities or as expressions. `None` means
that a part could not be decided, and only then is Math-Verify asked.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from fractions import Fraction

from cotmill.verify.algebra import CONSTANTS, proportional, same_expression
from cotmill.verify.compare import Comparison, Span, alike, compare_plain, rounding, unlike
from cotmill.verify.evaluate import TooLargeError
from cotmill.verify.expression import Tree, names_of, read_expression
from cotmill.verify.intervals import read_real_set, same_real_set, variable_of
from cotmill.verify.quantity import read_quantity
from cotmill.verify.structure import Form, read_form
from cotmill.verify.units import Unit, read_unit

UNDECIDED = Comparison(None, "")
TOO_LARGE = "too large to compute"
_DOMAIN = re.compile(
    r"\s*,?\s*(?:(?:where|for|with|for any|for all)\s+)?\$?[a-z]\s*"
    r"(?:\\in(?![a-z])\s*\\mathbb\s*\{?[ZNR]\}?|is an? integer)\$?$"
)
"""Where a parameter of the answer lives: n in "nπ, n ∈ ℤ"; dropped when only one answer says it."""
MAX_MATCHED = 60
"""Sets of undecidable parts are matched pairwise, which is quadratic."""


def compare_forms(gold: str, predicted: str) -> Comparison:
    """Compare two undressed answers that plain comparison could not decide."""
    if (_DOMAIN.search(gold) is None) != (_DOMAIN.search(predicted) is None):
        gold, predicted = _DOMAIN.sub("", gold), _DOMAIN.sub("", predicted)
    try:
        return _compare(read_form(gold), read_form(predicted))
    except TooLargeError:
        return Comparison(None, TOO_LARGE)


def _compare(a: Form, b: Form) -> Comparison:
    if a.kind == b.kind == "expression":
        return _leaves(a.text, b.text)
    left, right = read_real_set(a), read_real_set(b)
    if left is not None and right is not None and not (a.kind == b.kind == "tuple" and a.marks == b.marks):
        return Comparison(same_real_set(left, right), "set of real numbers")
    a, b = _unwrapped(a, b)
    if a.kind == b.kind:
        return _SAME_KIND[a.kind](a, b)
    return _across(a, b)


def _leaves(a: str, b: str) -> Comparison:
    plain = compare_plain(a, b)
    if plain.same is not None:
        return plain
    (a, unit_a), (b, unit_b) = _units_apart(a, b)
    if unit_a and unit_b and unit_a.dimension != unit_b.dimension:
        return unlike("units differ")
    left, right = read_expression(a), read_expression(b)
    if left is None or right is None:
        return _prose(a, b, left, right)
    if unit_a and unit_b and unit_a != unit_b:
        left, right = ("*", left, ("num", unit_a.factor)), ("*", right, ("num", unit_b.factor))
    spans = (None, None) if unit_a and unit_b and unit_a != unit_b else (_rounding(a), _rounding(b))
    same = same_expression(left, right, spans=spans)
    if same is False and (left[0] == "degree") != (right[0] == "degree"):
        bare = (left[1], right) if left[0] == "degree" else (left, right[1])
        same = same_expression(*bare)
    return Comparison(
        same, "value" if not (names_of(left) | names_of(right)) - CONSTANTS else "value at points"
    )


def _prose(a: str, b: str, left: Tree | None, right: Tree | None) -> Comparison:
    """A text against a formula or a number is a difference; text against text was compared as words."""
    for tree, text in ((left, b), (right, a)):
        if tree is not None and re.fullmatch(r"[A-Za-z]{4,}(?:\s[A-Za-z]+)*", text):
            return unlike("text against a formula")
    return UNDECIDED


def _rounding(text: str) -> Span | None:
    quantity = read_quantity(text)
    return rounding(quantity) if quantity is not None else None


_UNIT_AFTER = re.compile(r"^(.*[\d})\]a-z])\s+((?:[A-Za-z]{2,}|[mghsL])(?:\s*\^\s*\{?[23]\}?)?)$", re.DOTALL)


def _units_apart(a: str, b: str) -> tuple[tuple[str, Unit | None], tuple[str, Unit | None]]:
    """Take the units off two formulas; one letter is a unit only where the other formula has one."""
    left, right = _unit_apart(a), _unit_apart(b)
    if (left[1] is None) != (right[1] is None):
        left, right = _unit_apart(a, letters=True), _unit_apart(b, letters=True)
    return left, right


def _unit_apart(text: str, *, letters: bool = False) -> tuple[str, Unit | None]:
    r"""Take the unit off a formula: 2\sqrt{3} cm^2."""
    match = _UNIT_AFTER.match(text)
    if match is None or (not letters and not match[2][1:2].isalpha()):
        return text, None
    unit = read_unit(match[2])
    return (match[1], unit) if unit is not None and unit.known else (text, None)


def _unwrapped(a: Form, b: Form) -> tuple[Form, Form]:
    """Drop "x =" where only one side has it or both have the same; "x = 2 or x = 3" becomes 2, 3."""
    name_a, value_a = _assigned(a)
    name_b, value_b = _assigned(b)
    if name_a and name_b:
        return (value_a, value_b) if _plain_name(name_a) == _plain_name(name_b) else (a, b)
    if name_a and b.kind != "relation":
        return value_a, b
    if name_b and a.kind != "relation":
        return a, value_b
    return a, b


def _plain_name(name: str) -> str:
    """f(x) and y name the same thing: the value of a function."""
    return "y" if re.fullmatch(r"[a-zA-Z]\([a-z]\)", name) else name


def _assigned(form: Form) -> tuple[str, Form]:
    """The name and the value of "x = 5", "f(x) = x^2", "x = 1, x = 2"; "" when the form is no assignment."""
    if form.kind == "relation" and set(form.marks) == {"="}:
        first = form.parts[0]
        name = variable_of(first) or (
            first.text if re.fullmatch(r"[a-zA-Z]\([a-z]\)|[a-zA-Z]_\{?\w+\}?|\\[a-z]+", first.text) else ""
        )
        last = form.parts[-1]
        return (name or "", last) if not (last.kind == "expression" and last.text == name) else ("", form)
    if form.kind == "list" and form.parts:
        named = [_assigned(part) for part in form.parts]
        names = {name for name, _ in named[:1]} | {
            name for name, value in named if value.kind != "expression" or name
        }
        if "" not in names and len(names) == 1:
            return names.pop(), Form("list", tuple(value for _, value in named), form.marks)
    return "", form


def _ordered(a: Sequence[Form], b: Sequence[Form], how: str) -> Comparison:
    if len(a) != len(b):
        return unlike(f"{how} of another size")
    found = [_compare(x, y).same for x, y in zip(a, b, strict=True)]
    return Comparison(_all(found), how)


def _all(found: list[bool | None]) -> bool | None:
    return False if False in found else None if None in found else True


def _unordered(a: Sequence[Form], b: Sequence[Form], how: str, *, once: bool = False) -> Comparison:
    """Match the parts of two collections; in a set, equal parts count once."""
    if once:
        a, b = _distinct(a), _distinct(b)
    if len(a) != len(b):
        return unlike(f"{how} of another size")
    if len(a) > MAX_MATCHED:
        return UNDECIDED
    left, unknown = list(b), False
    for part in a:
        found = [(_member(part, other), place) for place, other in enumerate(left)]
        match = next((place for same, place in found if same), None)
        if match is None:
            unknown |= any(same is None for same, _ in found)
            if not unknown:
                return unlike(how)
        else:
            left.pop(match)
    return Comparison(None if left else True, how) if unknown or not left else unlike(how)


def _member(a: Form, b: Form) -> bool | None:
    """Compare two members; among members the set {2} is not the number 2."""
    return False if {a.kind, b.kind} == {"expression", "set"} else _compare(a, b).same


def _distinct(parts: Sequence[Form]) -> list[Form]:
    kept: list[Form] = []
    for part in parts[:MAX_MATCHED]:
        if not any(_compare(part, other).same for other in kept):
            kept.append(part)
    return kept + list(parts[MAX_MATCHED:])


def _matrices(a: Form, b: Form) -> Comparison:
    if a.marks != b.marks:
        return unlike("determinant against matrix")
    return _ordered(a.parts, b.parts, "matrix")


MAX_DETERMINANT = 4


def determinant(matrix: Form) -> Tree | None:
    """The value of a small matrix between bars, by its first row; None for any other matrix."""
    cells = [[read_expression(cell.text) for cell in row.parts] for row in matrix.parts]
    if (
        matrix.marks != ("det",)
        or len(cells) > MAX_DETERMINANT
        or any(len(row) != len(cells) for row in cells)
    ):
        return None
    if any(cell is None for row in cells for cell in row):
        return None
    return _expanded([[cell for cell in row if cell is not None] for row in cells])


def _expanded(cells: list[list[Tree]]) -> Tree:
    if len(cells) == 1:
        return cells[0][0]
    total: Tree = ("num", Fraction(0))
    for column, cell in enumerate(cells[0]):
        minor = [row[:column] + row[column + 1 :] for row in cells[1:]]
        total = ("-" if column % 2 else "+", total, ("*", cell, _expanded(minor)))
    return total


def _tuples(a: Form, b: Form) -> Comparison:
    if len(a.parts) == 2 and len(b.parts) == 2 and a.marks != b.marks:
        return unlike("interval with other ends")
    return _ordered(a.parts, b.parts, "tuple")


def _sets(a: Form, b: Form) -> Comparison:
    if a.text or b.text:
        return alike("same text") if a.text == b.text else UNDECIDED
    return _unordered(a.parts, b.parts, "set", once=True)


def _lists(a: Form, b: Form) -> Comparison:
    return _unordered(a.parts, b.parts, "list")


def _ratios(a: Form, b: Form) -> Comparison:
    if len(a.parts) != len(b.parts):
        return unlike("ratio of another size")
    trees = [[read_expression(part.text) for part in form.parts] for form in (a, b)]
    if any(tree is None for side in trees for tree in side):
        return _ordered(a.parts, b.parts, "ratio")
    (first_a, *rest_a), (first_b, *rest_b) = trees
    found = [
        same_expression(("*", x, first_b), ("*", y, first_a)) for x, y in zip(rest_a, rest_b, strict=True)
    ]  # type: ignore[arg-type]
    return Comparison(_all(found), "ratio")


def _relations(a: Form, b: Form) -> Comparison:
    if len(a.parts) != 2 or len(b.parts) != 2 or a.marks != ("=",) or b.marks != ("=",):
        if a.marks == b.marks and _ordered(a.parts, b.parts, "").same:
            return alike("relation")
        return UNDECIDED
    sides = [[read_expression(part.text) for part in form.parts] for form in (a, b)]
    if any(tree is None for side in sides for tree in side):
        return Comparison(_ordered(a.parts, b.parts, "").same or None, "relation")
    left, right = (("+", side[0], ("neg", side[1])) for side in sides)
    if names_of(left) - CONSTANTS != names_of(right) - CONSTANTS:  # type: ignore[arg-type]
        return unlike("equations in other variables")
    return Comparison(proportional(left, right), "equation")  # type: ignore[arg-type]


def _unions(a: Form, b: Form) -> Comparison:
    """Unions of what is no interval (events, named sets) are the same when their parts are."""
    found = _unordered(a.parts, b.parts, "union", once=True)
    return found if found.same else UNDECIDED


_SAME_KIND = {
    "matrix": _matrices, "tuple": _tuples, "set": _sets, "list": _lists, "ratio": _ratios,
    "relation": _relations, "union": _unions, "expression": lambda a, b: _leaves(a.text, b.text),
}  # fmt: skip


def _across(a: Form, b: Form) -> Comparison:
    """Compare forms of two kinds, where a convention makes them the same."""
    kinds = {a.kind, b.kind}
    if kinds == {"set", "list"}:
        return _unordered(a.parts, b.parts, "set", once=True)
    if kinds == {"tuple", "list"}:
        return _ordered(a.parts, b.parts, "tuple")
    if kinds == {"matrix", "tuple"}:
        matrix, row = (a, b) if a.kind == "matrix" else (b, a)
        column = (
            [line.parts[0] for line in matrix.parts]
            if all(len(line.parts) == 1 for line in matrix.parts)
            else None
        )
        return _ordered(column, row.parts, "column") if column is not None else unlike("matrix against tuple")
    if kinds == {"matrix", "expression"}:
        matrix, leaf = (a, b) if a.kind == "matrix" else (b, a)
        value, other = determinant(matrix), read_expression(leaf.text)
        if value is not None and other is not None:
            return Comparison(same_expression(value, other), "determinant")
    if "expression" in kinds:
        return _against_expression(*((a, b) if a.kind == "expression" else (b, a)))
    if kinds == {"set", "tuple"}:
        return unlike("set against tuple")
    return UNDECIDED


_POINT = re.compile(r"[A-Z]'{0,2}\s*(\(.*,.*\))")
"""A point with its name: A(2, 3)."""


def _against_expression(leaf: Form, other: Form) -> Comparison:
    if other.kind in ("set", "tuple", "list") and len(other.parts) == 1:
        return _compare(leaf, other.parts[0])
    if other.kind == "tuple" and (point := _POINT.fullmatch(leaf.text)):
        return _compare(read_form(point[1]), other)
    if other.kind == "ratio" and len(other.parts) == 2:
        top, bottom, value = (read_expression(part.text) for part in (*other.parts, leaf))
        if top and bottom and value:
            return Comparison(same_expression(("/", top, bottom), value), "ratio")
    if other.kind in ("set", "tuple", "list", "matrix") and read_expression(leaf.text) is not None:
        return unlike(f"{other.kind} against one value")
    return UNDECIDED
