"""Drawings take their colours from the page."""

import re
from functools import partial
from importlib.resources import files
from xml.etree import ElementTree

import pytest

from cotmill.report import draw
from cotmill.report.intervals import Interval
from cotmill.report.svg import LIGHT, NAMES, drawing, standalone

ROWS = [
    draw.Whisker("<b>&$x_1$ \x07 名前", Interval(0.4, 0.3, 0.5), "0.4", (0.35, 0.45)),
    draw.Whisker("b", Interval(1.0, 0.0, 2.0), "1"),
]


def made(name: str = "a") -> str:
    return drawing(
        name, "A <title>", "about", 1.5, partial(draw.whiskers, rows=ROWS, label="x", reference=0.5)
    )


def test_every_colour_is_one_of_the_page() -> None:
    svg = made()
    assert set(re.findall(r"var\(--(\w+)\)", svg)) <= set(NAMES)
    assert not re.findall(r"#[0-9a-fA-F]{6}", svg)


def test_a_drawing_is_the_same_each_time_and_carries_no_date() -> None:
    assert made() == made()
    assert "metadata" not in made()


def test_a_drawing_is_one_element_that_a_screen_reader_can_read() -> None:
    root = ElementTree.fromstring(made())
    assert root.get("role") == "img"
    assert [child.tag for child in root][:2] == ["title", "desc"]
    assert {child.get("id") for child in root if child.tag in ("title", "desc")} == set(
        root.get("aria-labelledby", "").split()
    )
    assert "width" not in root.attrib


def test_names_are_text_and_nothing_else() -> None:
    texts = ["".join(element.itertext()) for element in ElementTree.fromstring(made()).iter("text")]
    assert "<b>&$x_1$ ⟨U+0007⟩ 名前" in texts


def test_two_drawings_on_a_page_share_no_id() -> None:
    ids = [re.findall(r'\bid="([^"]+)"', made(name)) for name in ("a", "b")]
    assert ids[0]
    assert not set(ids[0]) & set(ids[1])


def test_every_reference_inside_a_drawing_has_its_target() -> None:
    svg = made()
    targets = set(re.findall(r'\bid="([^"]+)"', svg))
    assert set(re.findall(r'href="#([^"]+)"', svg)) | set(re.findall(r"url\(#([^)]+)\)", svg)) <= targets


def test_a_drawing_as_a_file_has_plain_colours() -> None:
    text = standalone(made())
    assert "var(" not in text
    assert ElementTree.fromstring(text).tag == "{http://www.w3.org/2000/svg}svg"


@pytest.mark.parametrize("name", sorted(LIGHT))
def test_a_file_of_a_drawing_has_the_colours_of_the_page(name: str) -> None:
    css = files("cotmill.report").joinpath("templates", "report.css").read_text(encoding="utf-8")
    assert f"--{name}: {LIGHT[name]};" in css.partition("@media")[0]
