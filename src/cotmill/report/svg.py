"""Matplotlib drawings as inline SVG with the page's colours: one drawing serves light, dark and print.

Matplotlib knows no CSS variables. So it draws with stand-in colours (`#1000xx`), and those are replaced in
its SVG by `var(--name)`. The rest of what is done to its SVG here: no date and no style that leaks into the
page, ids that cannot clash, the page's own font, a title and a description for those who do not see it.
"""

from __future__ import annotations

import io
import re
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any
from xml.etree import ElementTree

from cotmill.report.text import visible

if TYPE_CHECKING:
    from matplotlib.axes import Axes

NAMES = ("ink", "muted", "rule", "quiet", "paper", *(f"c{n}" for n in range(1, 9)))
COLOURS = {name: f"#1000{place:02x}" for place, name in enumerate(NAMES, start=16)}
"""CSS variable → the stand-in that matplotlib draws it with."""

LIGHT = {
    "ink": "#1d1c1a", "muted": "#5c5851", "rule": "#dedad2", "quiet": "#bdb7ac", "paper": "#ffffff",
    "c1": "#1f5fa8", "c2": "#b4531a", "c3": "#24734a", "c4": "#8a3a8f",
    "c5": "#8a6a00", "c6": "#b92f4b", "c7": "#2b7684", "c8": "#6a6761",
}  # fmt: skip
"""What the variables are on white paper; the style sheet says the same, and a test compares the two."""

WIDTH = 3.9
"""Inches; at 1.5 times its size a drawing fills half the text column, and at 1.25 a telephone."""

_SVG, _LINK = "http://www.w3.org/2000/svg", "http://www.w3.org/1999/xlink"
_STAND_IN = re.compile("|".join(COLOURS.values()))
_FONT = re.compile(r"(?:font: [^;]*;?|font-family: [^;]*;?)\s*")
_SETTINGS: Any = {
    "svg.fonttype": "none", "svg.hashsalt": "cotmill", "text.parse_math": False, "axes.unicode_minus": True,
    "font.size": 8, "font.family": "DejaVu Sans", "axes.linewidth": 0.6, "axes.spines.top": False,
    "axes.spines.right": False, "axes.spines.left": False, "xtick.major.size": 0, "ytick.major.size": 0,
    "xtick.major.pad": 4, "ytick.major.pad": 3, "lines.solid_capstyle": "round", "axes.axisbelow": True,
    "text.color": COLOURS["ink"], "axes.labelcolor": COLOURS["muted"], "axes.edgecolor": COLOURS["rule"],
    "xtick.color": COLOURS["muted"], "ytick.color": COLOURS["muted"], "grid.color": COLOURS["rule"],
    "grid.linewidth": 0.5, "axes.titlesize": 8,
}  # fmt: skip


@contextmanager
def _plain_settings() -> Iterator[None]:
    """Draw with our settings alone, whatever the user's matplotlibrc says."""
    import matplotlib

    with matplotlib.rc_context(), warnings.catch_warnings():
        matplotlib.rcdefaults()
        matplotlib.rcParams.update(_SETTINGS)
        # The browser sets the text with its own fonts, so a letter that matplotlib's font lacks is no fault.
        warnings.filterwarnings("ignore", message=r"Glyph \d+")
        yield


def drawing(name: str, title: str, about: str, height: float, draw: Callable[[Axes], None]) -> str:
    """Draw one panel and return its SVG for the page.

    Args:
        name: prefix of all ids, unique on the page.
        title: what a screen reader says first.
        about: the drawing in words, with its main numbers.
        height: inches.
        draw: draws on the axes it is given.
    """
    from matplotlib.figure import Figure
    from matplotlib.layout_engine import ConstrainedLayoutEngine

    with _plain_settings():
        figure = Figure(figsize=(WIDTH, height), layout=ConstrainedLayoutEngine(w_pad=0.02, h_pad=0.02))
        draw(figure.add_subplot())
        out = io.StringIO()
        nothing = dict.fromkeys(("Date", "Creator", "Format", "Type"))
        figure.savefig(out, format="svg", transparent=True, metadata=nothing)
    return _for_page(out.getvalue(), name, title, about)


def _for_page(text: str, name: str, title: str, about: str) -> str:
    """Turn matplotlib's file into an element of the page."""
    ElementTree.register_namespace("", _SVG)
    root = ElementTree.fromstring(text)  # noqa: S314 - matplotlib wrote it a line ago
    for leak in root.findall(f"{{{_SVG}}}defs[{{{_SVG}}}style]"):
        root.remove(leak)
    for element in root.iter():
        _own_ids(element, name)
        style = element.get("style")
        if style:
            element.set("style", _STAND_IN.sub(_variable, _FONT.sub("", style)).strip())
    for size in ("width", "height", "version"):
        root.attrib.pop(size, None)
    _describe(root, name, title, about)
    return (
        ElementTree.tostring(root, encoding="unicode").replace("\n", " ").replace(f' xmlns="{_SVG}"', "", 1)
    )


def _own_ids(element: ElementTree.Element, name: str) -> None:
    """Keep ids only where something refers to them, under the drawing's own prefix."""
    link = element.attrib.pop(f"{{{_LINK}}}href", None)
    if link:
        element.set("href", f"#{name}-{link[1:]}")
    clip = element.get("clip-path")
    if clip:
        element.set("clip-path", clip.replace("url(#", f"url(#{name}-"))
    own = element.attrib.pop("id", None)
    if own and not element.tag.endswith("}g"):
        element.set("id", f"{name}-{own}")


def _describe(root: ElementTree.Element, name: str, title: str, about: str) -> None:
    """Say to a screen reader what the drawing is."""
    root.set("role", "img")
    root.set("class", "drawing")
    root.set("aria-labelledby", f"{name}-title {name}-about")
    for place, (tag, text) in enumerate((("title", title), ("desc", about))):
        child = ElementTree.Element(
            f"{{{_SVG}}}{tag}", {"id": f"{name}-{'title' if place == 0 else 'about'}"}
        )
        child.text = visible(text)
        root.insert(place, child)


def _variable(found: re.Match[str]) -> str:
    place = int(found[0][-2:], 16) - 16
    return f"var(--{NAMES[place]})"


def standalone(svg: str) -> str:
    """Give a drawing as a file of its own, with the colours of white paper."""
    text = re.sub(r"var\(--(\w+)\)", lambda found: LIGHT[found[1]], svg)
    head = f'<svg xmlns="{_SVG}" font-family="Helvetica, Arial, sans-serif" stroke-linejoin="round"'
    return text.replace("<svg", head, 1) + "\n"
