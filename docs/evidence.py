"""Make docs/evidence.md from the claims and the results of Runs; with --add, take a Run's results first.

python docs/evidence.py                    write docs/evidence.md
python docs/evidence.py --add RUN [RUN …]  take the results of finished Runs first, then write
python docs/evidence.py --check            fail when docs/evidence.md is not what this would write
python docs/evidence.py --todo             print the commands of recipes whose results are not there yet
"""

import argparse
import sys
from pathlib import Path

from cotmill.core.errors import UserError
from cotmill.core.files import read_json, write_json, write_text
from cotmill.recipe.load import find_recipe
from cotmill.report.claim_results import results_of
from cotmill.report.claims import Claims, read_claims
from cotmill.report.claims_page import command_of, evidence_page
from cotmill.report.read import read_run

DOCS = Path(__file__).parent
RESULTS = DOCS / "evidence" / "results"


def page() -> str:
    """Make the page from what is committed."""
    return evidence_page(claims(), results(claims()))


def claims() -> Claims:
    """Read the claims."""
    return read_claims(DOCS / "evidence" / "claims.yaml")


def results(known: Claims) -> dict:
    """Read the results that are there, in the order of the claims' recipes."""
    places = {recipe: RESULTS / f"{recipe}.json" for recipe in known.recipes}
    return {recipe: read_json(path) for recipe, path in places.items() if path.is_file()}


def add(folder: Path) -> str:
    """Take the results of one Run; those of an earlier Run of the same recipe are replaced."""
    found = results_of(folder, claims(), find_recipe(read_run(folder).name))
    name = found["recipe"]
    write_json(RESULTS / f"{name}.json", found)
    return f"{name}: {len(found['results'])} results of Run {found['run']}, {len(found['seeds'])} seeds"


def main() -> int:
    """Add, check or write."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--add", nargs="+", type=Path, default=[], metavar="RUN")
    parser.add_argument("--check", action="store_true")
    parser.add_argument("--todo", action="store_true")
    told = parser.parse_args()
    try:
        for folder in told.add:
            print(add(folder))
        text = page()
        if told.todo:
            print(
                "\n".join(command_of(one, None) for one in claims().recipes if one not in results(claims()))
            )
            return 0
    except UserError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    path = DOCS / "evidence.md"
    if told.check:
        stale = not path.exists() or path.read_text(encoding="utf-8") != text
        if stale:
            print("stale: evidence.md; type: python docs/evidence.py")
        return int(stale)
    write_text(path, text)
    return 0


if __name__ == "__main__":
    sys.exit(main())
