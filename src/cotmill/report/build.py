"""Runs → one HTML file that is opened from disk, with the numbers beside it as CSV.

Everything the page needs is inside it: styles, drawings, a small script, and the rows of the viewers as JSON.
A content policy allows that one script by its hash and nothing else, so text that a model wrote cannot act
even if it slipped through. The page is a function of the Runs alone, but for the section on time and memory.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

from cotmill.core.files import folder_aside, write_text
from cotmill.report.accuracy import accuracy_section
from cotmill.report.clusters import clusters_section
from cotmill.report.composition import composition_section
from cotmill.report.factorial import factorial_section, times_table
from cotmill.report.findings import Findings, findings
from cotmill.report.groups import groups_section
from cotmill.report.items import items_viewer
from cotmill.report.losses import loss_findings, losses_section
from cotmill.report.parts import Extremes, Section, Table, as_csv
from cotmill.report.paths import paths_section
from cotmill.report.provenance import cost_table, facts_table, started, step_costs_table, steps_table
from cotmill.report.read import LoadedRun, read_run
from cotmill.report.reliance import reliance_section
from cotmill.report.rows import extremes, rows_viewer
from cotmill.report.svg import standalone
from cotmill.report.template import asset, filled
from cotmill.report.text import clipped, slug, visible
from cotmill.report.training import training_section
from cotmill.report.viewer import BYTES, Viewer
from cotmill.report.words import arms_table, description

SECTIONS = (
    accuracy_section,
    factorial_section,
    losses_section,
    groups_section,
    training_section,
    paths_section,
    reliance_section,
    composition_section,
    clusters_section,
)
"""What a page shows of a Run, in order. A new kind of result is one module and one line here."""


POLICY = "default-src 'none'; style-src 'unsafe-inline'; img-src data:; base-uri 'none'; form-action 'none'"


@dataclass(frozen=True)
class Chapter:
    """One Run as the template shows it."""

    run: LoadedRun
    prefix: str
    link: str
    about: str
    findings: tuple[Findings, ...]
    description: tuple[tuple[str, str], ...]
    arms: Table | None
    sections: tuple[Section, ...]
    items: Viewer | None
    pool: Viewer | None
    extremes: tuple[Extremes, ...]
    recipe_text: str
    facts: Table
    steps: Table
    cost: Table | None
    costs: Table
    times: Table | None
    started: tuple[str, ...]


def build_report(runs: Sequence[Path], out: Path) -> Path:
    """Write the report of one or more Runs, and a folder of CSV and SVG files beside it.

    Args:
        runs: Run folders, each a chapter of the page.
        out: the HTML file; the folder beside it has its name with `_files` in place of the ending.

    Raises:
        RunError: one of the folders is not a Run.
    """
    share = BYTES // max(1, len(runs))
    chapters = [
        _chapter(read_run(Path(folder)), f"r{place}", out, share)
        for place, folder in enumerate(runs, start=1)
    ]
    aside = out.with_name(f"{out.stem}_files")
    with folder_aside(aside) as folder:
        for chapter in chapters:
            _write_files(chapter, folder if len(chapters) == 1 else folder / chapter.prefix)
    write_text(out, _page(chapters, aside.name))
    return out


def _chapter(run: LoadedRun, prefix: str, out: Path, budget: int) -> Chapter:
    sections = (make(run, prefix) for make in SECTIONS)
    pool = rows_viewer(run, prefix, budget * 2 // 5)
    items = items_viewer(run, prefix, budget - (len(pool.payload.encode()) if pool else 0))
    return Chapter(
        run,
        prefix,
        _link(run.folder, out),
        clipped(run.recipe.get("about") or ""),
        (*findings(run), *loss_findings(run)),
        description(run),
        arms_table(run),
        tuple(section for section in sections if section),
        items,
        pool,
        extremes(run),
        clipped(run.recipe_text, 60_000),
        facts_table(run),
        steps_table(run),
        cost_table(run),
        step_costs_table(run),
        times_table(run),
        started(run),
    )


def _link(folder: Path, out: Path) -> str:
    """Link from the page to the Run, by the way from one to the other."""
    here, there = out.resolve().parent.parts, folder.resolve().parts
    shared = 0
    for ours, theirs in zip(here, there, strict=False):
        if ours != theirs:
            break
        shared += 1
    steps = [".."] * (len(here) - shared) + [quote(part) for part in there[shared:]]
    return "/".join(steps) or "."


def _write_files(chapter: Chapter, folder: Path) -> None:
    """Write each figure's numbers and each table as CSV, and drawings as SVG with the colours of paper."""
    for section in chapter.sections:
        for figure in section.figures:
            write_text(folder / f"{figure.csv.name}.csv", figure.csv.text())
            for place, panel in enumerate(figure.panels, start=1):
                name = "-".join(
                    part
                    for part in (figure.name, slug(panel.title) if panel.title else "", str(place))
                    if part
                )
                write_text(folder / f"{name}.svg", standalone(panel.svg))
        for table in (*section.tables, *section.folded):
            write_text(folder / f"table-{slug(table.caption)}.csv", as_csv(table).text())


def _page(chapters: Sequence[Chapter], files_name: str) -> str:
    """Fill the template."""
    digest = base64.b64encode(hashlib.sha256(asset("report.js").encode()).digest()).decode()
    title = visible(" · ".join(chapter.run.name for chapter in chapters))
    return filled(
        "report.html.j2",
        title=title,
        chapters=chapters,
        policy=f"{POLICY}; script-src 'sha256-{digest}'",
        files_name=files_name,
    )
