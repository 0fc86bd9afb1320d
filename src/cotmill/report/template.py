"""The templates of all pages: what fills them, and the files of our own that lie in them."""

from __future__ import annotations

from importlib.resources import files
from typing import Any
from urllib.parse import quote

from cotmill.report.parts import Csv


def filled(name: str, **values: Any) -> str:
    """Fill a template; every value is escaped but drawings, the style sheet and the script."""
    from jinja2 import Environment, PackageLoader, StrictUndefined
    from markupsafe import Markup

    environment = Environment(
        loader=PackageLoader("cotmill.report"), autoescape=True, undefined=StrictUndefined,
        trim_blocks=True, lstrip_blocks=True,
    )  # fmt: skip
    environment.filters["drawn"] = Markup
    environment.filters["data_link"] = data_link
    ours = {"css": Markup(asset("report.css")), "script": Markup(asset("report.js"))}  # noqa: S704 - our own files
    return environment.get_template(name).render(**values, **ours)


def asset(name: str) -> str:
    """Read a file of our own that goes into pages."""
    return files("cotmill.report").joinpath("templates", name).read_text(encoding="utf-8")


def data_link(csv: Csv) -> str:
    """Write a CSV as a data link, which a browser offers to save."""
    return "data:text/csv;charset=utf-8," + quote(csv.text(), safe=",.:;-_()/")
