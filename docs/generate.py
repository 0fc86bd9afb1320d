"""Regenerate the documentation that is made from code; with --check, fail when it is stale."""

import json
import sys
from pathlib import Path

from cotmill.cli import reference
from cotmill.lab.showcase import examples
from cotmill.recipe import recipe_schema
from cotmill.report.laws import laws_page
from cotmill.report.pages import Page, as_markdown, write_figures
from cotmill.study.fit import fit_all
from cotmill.study.table import find_table, read_table

sys.path.insert(0, str(Path(__file__).parent))
from scale_page import page as scale_page

DOCS = Path(__file__).parent


BEGIN, END = "<!-- begin: cotmill study fit rft (made by make docs) -->\n", "<!-- end -->"
FIGURES = "images/scaling/"


def scaling_page() -> Page:
    """Fit the tables that come with cotmill."""
    return laws_page(fit_all(read_table(find_table("rft")), source="rft"))


def with_fits(page: Page) -> str:
    """Put the fits between the marks in the page that is written by hand."""
    before, begin, rest = (DOCS / "scaling.md").read_text(encoding="utf-8").partition(BEGIN)
    _, end, after = rest.partition(END)
    return before + begin + as_markdown(page, FIGURES, level=2) + end + after


def generated() -> dict[str, str]:
    """Map each generated file to what it should hold."""
    made = {
        "scaling.md": with_fits(scaling_page()),
        "cli.md": reference(),
        "lab_examples.md": examples(),
        "recipe.schema.json": json.dumps(recipe_schema(), indent=2, sort_keys=True) + "\n",
    }
    measured = DOCS / "scale.json"
    if measured.exists():
        made["scale.md"] = scale_page(json.loads(measured.read_text(encoding="utf-8")))
    return made


def main() -> int:
    """Write, or compare."""
    stale = []
    for name, text in generated().items():
        path = DOCS / name
        if "--check" not in sys.argv:
            path.write_text(text, encoding="utf-8")
            if name == "scaling.md":
                write_figures(scaling_page(), DOCS / FIGURES)
        elif not path.exists() or path.read_text(encoding="utf-8") != text:
            stale.append(name)
    if stale:
        print(f"stale: {', '.join(stale)}; type: make docs")
    return bool(stale)


if __name__ == "__main__":
    sys.exit(main())
