"""Runs → one self-contained HTML page, SVG figures, and CSV beside each.

`read.py` opens a Run folder; one module per section turns it into the tables and figures of `parts.py`;
`build.py` puts the sections on the page. To show a new kind of result: a module with a function
`(run, prefix) -> Section | None`, a test, and a line in `build.SECTIONS`.
"""

from cotmill.report.build import build_report

__all__ = ["build_report"]
