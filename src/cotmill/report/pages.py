"""A page of sections that is no Run's report: HTML, Markdown, and the figures as SVG and CSV beside them."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from cotmill.core.files import folder_aside, write_text
from cotmill.report.parts import Figure, Section, Table, as_csv
from cotmill.report.svg import standalone
from cotmill.report.template import filled
from cotmill.report.text import slug, visible

COLOUR_NAMES = {
    "c1": "blue:", "c2": "orange:", "c3": "green:", "c4": "purple:",
    "c5": "ochre:", "c6": "red:", "c7": "teal:", "c8": "grey:",
}  # fmt: skip
"""The page's colours in words, for Markdown, which has no key."""


@dataclass(frozen=True)
class Page:
    """A title, what it is about, and its sections."""

    title: str
    lead: str
    sections: tuple[Section, ...]
    source: str = ""
    """What the numbers come from, in a few words; it stands under every figure."""


def write_page(page: Page, out: Path) -> Path:
    """Write the page as HTML and Markdown, and a folder with its drawings as SVG and all numbers as CSV."""
    aside = out.with_name(f"{out.stem}_files")
    with folder_aside(aside) as folder:
        write_figures(page, folder)
        for section in page.sections:
            for table in (*section.tables, *section.folded):
                write_text(folder / f"table-{slug(table.caption)}.csv", as_csv(table).text())
    write_text(out.with_suffix(".md"), as_markdown(page, f"{aside.name}/"))
    write_text(out, as_html(page, aside.name))
    return out


def write_figures(page: Page, folder: Path) -> None:
    """Write the drawings as SVG with the colours of paper, and their numbers as CSV."""
    for section in page.sections:
        for figure in section.figures:
            write_text(folder / f"{figure.csv.name}.csv", figure.csv.text())
            for place, panel in enumerate(figure.panels, start=1):
                write_text(folder / f"{panel_name(figure, place)}.svg", standalone(panel.svg))


def panel_name(figure: Figure, place: int) -> str:
    """Name the file of one drawing."""
    return figure.name if len(figure.panels) == 1 else f"{figure.name}-{place}"


def as_html(page: Page, files_name: str) -> str:
    """Fill the template; nothing on the page is fetched, and it has no script."""
    chapter = {"prefix": "s", "run": {"number": visible(page.source) or "none"}}
    return filled("page.html.j2", page=page, chapter=chapter, files_name=files_name)


def as_markdown(page: Page, figures: str, *, level: int = 1) -> str:
    """Write the page as Markdown; figures are links to SVG files in a folder."""
    parts = [f"{'#' * level} {page.title}", page.lead] if level == 1 else []
    for section in page.sections:
        parts.append(f"{'#' * (level + 1)} {section.title}")
        parts += section.paragraphs
        for figure in section.figures:
            parts += _figure(figure, figures)
        parts += [_table(table) for table in (*section.tables, *section.folded)]
    return "\n\n".join(part for part in parts if part) + "\n"


def _figure(figure: Figure, folder: str) -> list[str]:
    """Link to the drawings of a figure; its key follows in words."""
    drawn = []
    for place, panel in enumerate(figure.panels, start=1):
        title = f"{figure.caption} ({panel.title})" if panel.title else figure.caption
        drawn.append(f"![{title}]({folder}{panel_name(figure, place)}.svg)")
    keys = ", ".join(f"{COLOUR_NAMES.get(entry.colour, '')} {entry.label}".strip() for entry in figure.key)
    return [" ".join(drawn), f"*{figure.caption}{f' Key: {keys}.' if keys else ''}*"]


def _table(table: Table) -> str:
    """Write a table; numbers to the right."""
    rows = [
        [cell.replace("|", "/").replace("\n", " ") for cell in row] for row in (table.columns, *table.rows)
    ]
    rule = [":--" if place in table.words else "--:" for place in range(len(table.columns))]
    lines = [f"| {' | '.join(row)} |" for row in (rows[0], rule, *rows[1:])]
    return "\n".join([f"**{table.caption}**\n", *lines, *([f"\n{table.note}"] if table.note else [])])
