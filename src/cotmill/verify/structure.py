r"""The outer form of an answer: matrix, union of intervals, set, tuple, list, relation, or one expression.

Only brackets, commas and relation signs are read here; the parts stay text. Brackets decide meaning:
(1,2) is a pair or an open interval, [1,2] a closed interval or a list, {1,2} a set, 1, 2 the solutions in
any order.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Literal, NamedTuple

Kind = Literal["matrix", "union", "set", "tuple", "list", "relation", "ratio", "both", "expression"]
MAX_PARTS = 400
MAX_STRUCTURE = 1_500
MAX_DEPTH = 20


class Form(NamedTuple):
    """A kind, its parts, and what holds them together (brackets, or relation signs)."""

    kind: Kind
    parts: tuple[Form, ...]
    marks: tuple[str, ...] = ()
    text: str = ""


_MATRIX = re.compile(
    r"^\\begin\{([pbvBV]?(?:small)?matrix|array)\}(?:\{[^{}]*\})?(.*)\\end\{\1\}$", re.DOTALL
)
_BRACKETED_ARRAY = re.compile(r"^[\[(]\s*(\\begin\{array\}.*\\end\{array\})\s*[\])]$", re.DOTALL)
_RELATION = re.compile(
    r"\\leqslant|\\geqslant|\\leq|\\geq|\\le(?![a-z])|\\ge(?![a-z])|\\neq?(?![a-z])|!=|<=|>=|=<|<|>|=|\\in(?![a-z])|\\approx"
)
_SIGNS = {
    "\\leqslant": "<=", "\\leq": "<=", "\\le": "<=", "=<": "<=",
    "\\geqslant": ">=", "\\geq": ">=", "\\ge": ">=",
    "\\ne": "!=", "\\neq": "!=", "\\in": "in", "\\approx": "=",
}  # fmt: skip
_AND = re.compile(
    r"\s*(?:,\s*)?(?:\band\b|\bor\b|\\vee|\\lor|\\wedge(?![a-z])|\\land(?![a-z])|\\text\{\s*(?:and|or)\s*\})\s*|\s*;\s*"
)
_BOTH = re.compile(r"\s*(?:,\s*)?(?:\band\b|\\wedge(?![a-z])|\\land(?![a-z]))\s*")
_INEQUALITY = re.compile(r"[<>]|!=|\\(?:[lg]e|neq?(?![a-z]))")
_CAP = re.compile(r"\\cap(?![a-z])")
_OUTWARD = re.compile(r"([\[\]])([^\[\](){}]*[,;][^\[\](){}]*)([\[\]])")
_CUP = re.compile(r"\\cup(?![a-z])|(?<=[\])}])\s*[Uu]\s*(?=[\[({])")
_OPEN, _CLOSE = "([{", ")]}"
_VECTOR = re.compile(r"^\\langle(.*)\\rangle$|^<([^<>=]*,[^<>=]*)>$", re.DOTALL)
_EMPTY_SET = frozenset({"\\emptyset", "\\varnothing", "\\{\\}", "\\{ \\}", "{}"})
_SUCH_THAT = re.compile(r"\||\\mid(?![a-z])|:")
_TO = re.compile(r"\d[\d.]* to \d[\d.]*(?: to \d[\d.]*)*")
_RATIO = re.compile(r"[^:\s][^:]*(?:\s*:\s*[^:]*[^:\s])+")


@lru_cache(16384)
def read_form(text: str) -> Form:
    """Read the outer form of an undressed answer."""
    text = _without_variable_set(text.strip())
    if text[:1] == "]" or text[-1:] == "[":
        text = _OUTWARD.sub(_inward, text)
    if len(text) > MAX_STRUCTURE or _deepest(text) > MAX_DEPTH:
        return _leaf(text)
    for reader in (
        _matrix,
        _union,
        _intersection,
        _alternatives,
        _relation,
        _bracketed,
        _plus_minus,
        _commas,
        _ratio,
    ):
        if (form := reader(text)) is not None:
            return form
    return _leaf(text)


def _inward(match: re.Match[str]) -> str:
    """Write ]0, 1[ as (0, 1)."""
    opening, inner, closing = match.groups()
    return ("(" if opening == "]" else "[") + inner + (")" if closing == "[" else "]")


def _deepest(text: str) -> int:
    depth = deepest = 0
    for char in text:
        depth += (char in _OPEN) - (char in _CLOSE)
        deepest = max(deepest, depth)
    return deepest


def _leaf(text: str) -> Form:
    return Form("expression", (), (), text)


def _without_variable_set(text: str) -> str:
    r"""Drop the variable of "x \in (0, 1)": the set is the answer."""
    match = re.match(r"^[a-zA-Z]\s*\\in(?![a-z])\s*(.*)$", text, re.DOTALL)
    return match[1] if match else text


def _matrix(text: str) -> Form | None:
    if bracketed := _BRACKETED_ARRAY.match(text):
        text = bracketed[1]
    if match := _MATRIX.match(text):
        rows = [row for row in re.split(r"\\\\(?:\[[^\]]*\])?", match[2]) if row.strip()]
        kind = "det" if match[1] in ("vmatrix", "Vmatrix") else ""
        cells = [tuple(read_form(cell.strip()) for cell in row.split("&")) for row in rows]
        return _table(cells, kind)
    inner = _inside(text, "[]")
    if inner is not None and inner.lstrip().startswith("["):
        rows = [_inside(row.strip(), "[]") for row in split_top(inner, ",")]
        if all(row is not None for row in rows):
            return _table([tuple(read_form(cell) for cell in split_top(row or "", ",")) for row in rows], "")
    return None


def _table(cells: list[tuple[Form, ...]], mark: str) -> Form | None:
    if not cells or len(cells) * len(cells[0]) > MAX_PARTS:
        return None
    return Form("matrix", tuple(Form("tuple", row, ("(", ")")) for row in cells), (mark,))


def _inside(text: str, brackets: str) -> str | None:
    """The content when the first bracket is closed by the last one."""
    if len(text) < 2 or text[0] != brackets[0] or text[-1] != brackets[1]:
        return None
    return text[1:-1] if _depths_stay_positive(text[1:-1]) else None


def _depths_stay_positive(text: str) -> bool:
    depth = 0
    for char in text:
        depth += (char in _OPEN) - (char in _CLOSE)
        if depth < 0:
            return False
    return depth == 0


def split_top(text: str, mark: str) -> list[str]:
    """Split at a mark outside all brackets."""
    parts, depth, start = [], 0, 0
    for place, char in enumerate(text):
        depth += (char in _OPEN) - (char in _CLOSE)
        if char == mark and depth == 0:
            parts.append(text[start:place])
            start = place + 1
    parts.append(text[start:])
    return [part.strip() for part in parts]


def _split_pattern(text: str, pattern: re.Pattern[str]) -> list[str]:
    """Split at a pattern outside all brackets."""
    parts, start = [], 0
    for match in pattern.finditer(text):
        if _depths_stay_positive(text[start : match.start()]):
            parts.append(text[start : match.start()])
            start = match.end()
    return [part.strip() for part in (*parts, text[start:]) if part.strip()]


def _union(text: str) -> Form | None:
    if "\\cup" not in text and "U" not in text and "u" not in text:
        return None
    parts = [part.strip() for part in _CUP.split(text)]
    return Form("union", tuple(read_form(part) for part in parts)) if len(parts) > 1 and all(parts) else None


def _intersection(text: str) -> Form | None:
    parts = [part.strip() for part in _CAP.split(text)] if "\\cap" in text else []
    return Form("both", tuple(read_form(part) for part in parts)) if len(parts) > 1 and all(parts) else None


def _alternatives(text: str) -> Form | None:
    parts = _split_pattern(text, _AND)
    if not 1 < len(parts) <= MAX_PARTS:
        return None
    if len(parts) == len(_split_pattern(text, _BOTH)) and all(_INEQUALITY.search(part) for part in parts):
        return Form("both", tuple(read_form(part) for part in parts))
    parts = [piece for part in parts for piece in (split_top(part, ",") if "=" not in part else [part])]
    return Form("list", tuple(read_form(part) for part in parts if part), (" ",))


def _relation(text: str) -> Form | None:
    signs = [match for match in _RELATION.finditer(text) if _depths_stay_positive(text[: match.start()])]
    if not signs or len(signs) > 4 or _VECTOR.match(text) or text.startswith(("\\{", "{")):
        return None
    if len(signs) > 1 and len(split_top(text, ",")) > 1:
        return None
    cuts = [0, *(place for match in signs for place in match.span()), len(text)]
    parts = [text[cuts[k] : cuts[k + 1]].strip() for k in range(0, len(cuts), 2)]
    if not all(parts):
        return None
    return Form(
        "relation", tuple(map(read_form, parts)), tuple(_SIGNS.get(match[0], match[0]) for match in signs)
    )


def _bracketed(text: str) -> Form | None:
    if text in _EMPTY_SET:
        return Form("set", (), ("{", "}"))
    if match := _VECTOR.match(text):
        return _tuple(match[1] or match[2], "(", ")")
    if text.startswith("\\{") and text.endswith("\\}"):
        return _set(text[2:-2]) if _depths_stay_positive(text[2:-2]) else None
    if text[:1] == "{" and text[-1:] == "}" and _depths_stay_positive(text[1:-1]) and "," in text:
        return _set(text[1:-1])
    if text[:1] in "([" and text[-1:] in ")]" and text[1:-1].strip() and _depths_stay_positive(text[1:-1]):
        return _tuple(text[1:-1], text[0], text[-1])
    return None


def _set(inner: str) -> Form:
    parts = [part for part in split_top(inner, ",") if part]
    return Form(
        "set",
        tuple(read_form(part) for part in parts[:MAX_PARTS]),
        ("{", "}"),
        inner if _SUCH_THAT.search(inner) else "",
    )


def _tuple(inner: str, opening: str, closing: str) -> Form | None:
    parts = split_top(inner, ",")
    if len(parts) == 1 and ";" in inner:
        parts = split_top(inner, ";")
    if (len(parts) < 2 and opening != "[") or len(parts) > MAX_PARTS or not all(parts):
        return None
    return Form("tuple", tuple(read_form(part) for part in parts), (opening, closing))


def _plus_minus(text: str) -> Form | None:
    r"""Read a \pm b as the two values it stands for."""
    if text.count("\\pm") != 1 or split_top(text, ",")[0] != text:
        return None
    before, _, after = text.partition("\\pm")
    return Form("list", (read_form(f"{before}+{after}"), read_form(f"{before}-{after}")), (" ",))


def _commas(text: str) -> Form | None:
    parts = split_top(text, ",")
    if len(parts) < 2 or len(parts) > MAX_PARTS or not all(parts):
        return None
    return Form("list", tuple(read_form(part) for part in parts), (",",))


def _ratio(text: str) -> Form | None:
    if _TO.fullmatch(text):
        text = text.replace(" to ", ":")
    if _RATIO.fullmatch(text) is None:
        return None
    parts = [part.strip() for part in text.split(":")]
    return Form("ratio", tuple(read_form(part) for part in parts)) if 2 <= len(parts) <= 10 else None
