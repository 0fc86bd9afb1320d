"""Make one HTML page of Runs: findings, figures, every answer, the pool, the recipe."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer


def command(
    runs: Annotated[list[Path], typer.Argument(metavar="RUN…", help="Run folders; each becomes a chapter.")],
    out: Annotated[
        Path, typer.Option(help="The page; its CSV and SVG files go into a folder beside it.")
    ] = Path("report.html"),
) -> None:
    """Make one HTML page of Runs: findings, figures, every answer, the pool, the recipe."""
    # Imported here, so that the help answers at once.
    from cotmill.report.build import build_report

    page = build_report(runs, out)
    size = page.stat().st_size / 1e6
    typer.echo(f"{page} ({size:.1f} MB) · figures as CSV and SVG in {page.with_name(page.stem + '_files')}")
