"""One spelling per answer: unicode digits, signs and spaces, LaTeX spacing, Markdown and HTML dress.

Nothing here changes what an answer means. `NFKC` is not used: it turns x² into x2 and 1½ into 11/2.
"""

from __future__ import annotations

import re
import unicodedata
from functools import lru_cache

_SPACES = "\u00a0\u1680\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200a\u202f\u205f\u3000\t"
_INVISIBLE = (
    "\u200b\u200c\u200d\u2060\ufeff\u00ad\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069"
)
_MINUS = "\u2212\u2012\u2013\u2014\u2010\u2011\ufe63\uff0d\u207b"
_VULGAR = {
    "½": "1/2", "⅓": "1/3", "⅔": "2/3", "¼": "1/4", "¾": "3/4", "⅕": "1/5", "⅖": "2/5", "⅗": "3/5",
    "⅘": "4/5", "⅙": "1/6", "⅚": "5/6", "⅐": "1/7", "⅛": "1/8", "⅜": "3/8", "⅝": "5/8", "⅞": "7/8",
    "⅑": "1/9", "⅒": "1/10",
}  # fmt: skip
_SUPERSCRIPTS = str.maketrans("⁰¹²³⁴⁵⁶⁷⁸⁹ⁿ⁺⁻", "0123456789n+-")
_SUBSCRIPTS = str.maketrans("₀₁₂₃₄₅₆₇₈₉", "0123456789")
_SYMBOLS = {
    "×": "\\times ", "·": "\\cdot ", "⋅": "\\cdot ", "∙": "\\cdot ", "✕": "\\times ", "÷": "/",
    "∕": "/", "⁄": "/", "π": "\\pi ", "∞": "\\infty ", "≤": "\\le ", "⩽": "\\le ", "≥": "\\ge ",
    "⩾": "\\ge ", "≠": "\\ne ", "∪": "\\cup ", "∩": "\\cap ", "∈": "\\in ", "∅": "\\emptyset ",
    "ℝ": "\\mathbb{R}", "θ": "\\theta ", "α": "\\alpha ", "β": "\\beta ", "λ": "\\lambda ",
    "ℤ": "\\mathbb{Z}", "ℚ": "\\mathbb{Q}", "°": "^\\circ ", "′": "'", "±": "\\pm ",
    "≈": "\\approx ", "〈": "\\langle ", "〉": "\\rangle ", "⟨": "\\langle ", "⟩": "\\rangle ",
    "“": '"', "”": '"', "‘": "'", "’": "'", "，": ",", "．": ".", "：": ":", "（": "(", "）": ")",
    "％": "%", "＋": "+", "＝": "=", "…": "...", "／": "/", "＊": "*", "٪": "%", "٫": ".", "٬": ",",
    "。": ".", "＄": "$", "￥": "¥", "￡": "£", "⁺": "+", "［": "[", "］": "]", "｛": "{", "｝": "}",
    "；": ";", "ℕ": "\\mathbb{N}", "∘": "\\circ ", "∗": "*", "→": "\\to ", "⇒": "\\Rightarrow ",
    "º": "^\\circ ",
}  # fmt: skip
_SINGLE = str.maketrans(
    {
        **dict.fromkeys(_SPACES, " "),
        **dict.fromkeys(_INVISIBLE, None),
        **dict.fromkeys(_MINUS, "-"),
        **_SYMBOLS,
    }
)
_SUPERSCRIPT_RUN = re.compile("[⁰¹²³⁴⁵⁶⁷⁸⁹ⁿ⁺⁻]+")
_VULGAR_CHAR = re.compile(f"(\\d?)([{''.join(_VULGAR)}])")
_ROOT = re.compile(r"([√∛∜])\s*(\d+(?:\.\d+)?|[A-Za-z]|\(|\{)?")
_ROOTS = {"√": "\\sqrt", "∛": "\\sqrt[3]", "∜": "\\sqrt[4]"}


def plain_unicode(text: str) -> str:
    r"""Spell digits, signs, spaces and common symbols in ASCII (symbols as LaTeX commands).

    >>> plain_unicode("−１½ × ٣")
    '-1 1/2 \\times  3'
    """
    if text.isascii():
        return text
    text = _VULGAR_CHAR.sub(lambda m: (m[1] + " " if m[1] else "") + _VULGAR[m[2]], _ascii_digits(text))
    text = _SUPERSCRIPT_RUN.sub(lambda m: "^{" + m[0].translate(_SUPERSCRIPTS) + "}", text)
    text = _ROOT.sub(_root, text).translate(_SUBSCRIPTS)
    return _ascii_letters(text.translate(_SINGLE))


def _ascii_digits(text: str) -> str:
    """Write every decimal digit of every script as 0-9; super- and subscripts are not decimal digits."""
    return "".join(
        char if char.isascii() or not char.isdecimal() else str(unicodedata.decimal(char)) for char in text
    )


def _ascii_letters(text: str) -> str:
    """Undo full-width and mathematical alphabets, letter by letter."""
    if text.isascii():
        return text
    return "".join(_fold(char) for char in text)


@lru_cache(4096)
def _fold(char: str) -> str:
    folded = unicodedata.normalize("NFKC", char)
    return folded if len(folded) == 1 and folded.isascii() else char


def _root(match: re.Match[str]) -> str:
    radicand = match[2] or ""
    return _ROOTS[match[1]] + (f"{{{radicand}}}" if radicand not in ("", "(", "{") else radicand)


_SPACING = re.compile(
    r"(?<!\\)\\[,;:! ]|\\quad|\\qquad|~|\\(?:left|right|displaystyle|bigl?|bigr|Bigl?|Bigr)(?![A-Za-z])\.?"
)
_GROUPED_COMMA = re.compile(r"(?<=\d)(?:\{,\}|\\,|\\!|,\\!)(?=\d{3})")
_TEXT_COMMAND = re.compile(
    r"\\(?:text|textbf|textit|textrm|mathrm|mathbf|mbox|operatorname|mathit|rm|bf)\s*\{([^{}]*)\}"
)
_MATH_FENCE = re.compile(r"^\$\$?(.*?)\$?\$$|^\\\((.*)\\\)$|^\\\[(.*)\\\]$", re.DOTALL)
_MARKDOWN = re.compile(r"^(\*\*|__|`+|\*|\"|')(.+?)\1$", re.DOTALL)
_TAG = re.compile(
    r"</?(?:b|i|u|p|a|em|strong|br|hr|div|span|code|pre|sub|sup|h[1-6]|li|ul|ol|t[rdh]|table|font|answer|final|html|body)"
    r"(?:\s[^<>]{0,200})?/?>",
    re.IGNORECASE,
)
_BLANK = " \t\r\n,;:?"
_FULL_STOP = re.compile(r"(?<!\.\.)\.$")


CACHED_LENGTH = 200
"""Longer answers are rare, and a cache of them would grow large."""


def undress(answer: str) -> str:
    r"""Strip fences, Markdown, HTML tags, LaTeX spacing and the final full stop from an answer.

    >>> undress(r"**\(\dfrac{3}{4}\)**.")
    '\\frac{3}{4}'
    """
    return _undressed_once(answer) if len(answer) <= CACHED_LENGTH else _undressed(answer)


def _undressed(answer: str) -> str:
    text = _stripped(plain_unicode(answer))
    if "<" in text:
        text = _stripped(_TAG.sub(" ", text))
    for _ in range(6):
        shorter = _one_layer(text)
        if shorter == text:
            break
        text = shorter
    if "\\" in text:
        text = _LABEL.sub("", _latex_spelling(text).strip(), count=1)
    return " ".join(text.split())


_undressed_once = lru_cache(32768)(_undressed)


_LABEL = re.compile(r"^(?:the\s+)?(?:final\s+)?answer\s*[:=]\s*(?=\S)", re.IGNORECASE)


def _one_layer(text: str) -> str:
    text = _LABEL.sub("", text, count=1) if text[:1] in "tTfFaA" else text
    if match := _MARKDOWN.match(text):
        text = match[2]
    if match := _MATH_FENCE.match(text):
        inner = next(group for group in match.groups() if group is not None)
        text = inner if "$" not in inner.replace("\\$", "") else text
    if text.startswith("\\boxed{") and text.endswith("}") and _closes_at_end(text, 6):
        text = text[7:-1]
    return _stripped(text)


def _stripped(text: str) -> str:
    """Without blanks and the final full stop; the dots of 0.333... stay."""
    text = text.strip(_BLANK)
    return _FULL_STOP.sub("", text).rstrip(_BLANK) if text.endswith(".") else text


def _closes_at_end(text: str, opening: int) -> bool:
    """Whether the brace at `opening` is closed by the last character."""
    depth = 0
    for place in range(opening, len(text)):
        depth += (text[place] == "{") - (text[place] == "}")
        if depth == 0:
            return place == len(text) - 1
    return False


def _latex_spelling(text: str) -> str:
    text = _GROUPED_COMMA.sub(",", text)
    text = _SPACING.sub(" ", text)
    text = text.replace("\\dfrac", "\\frac").replace("\\tfrac", "\\frac").replace("\\cfrac", "\\frac")
    text = text.replace("\\$", "$").replace("\\%", "%").replace("\\lt", "<").replace("\\gt", ">")
    return _TEXT_COMMAND.sub(r" \1 ", text)
