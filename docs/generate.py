"""Regenerate the documentation that is made from code; with --check, fail when it is stale."""

import json
import sys
from pathlib import Path

from cotmill.cli import reference
from cotmill.lab.showcase import examples
from cotmill.recipe import recipe_schema

DOCS = Path(__file__).parent


def generated() -> dict[str, str]:
    """Map each generated file to what it should hold."""
    return {
        "cli.md": reference(),
        "lab_examples.md": examples(),
        "recipe.schema.json": json.dumps(recipe_schema(), indent=2, sort_keys=True) + "\n",
    }


def main() -> int:
    """Write, or compare."""
    stale = []
    for name, text in generated().items():
        path = DOCS / name
        if "--check" not in sys.argv:
            path.write_text(text, encoding="utf-8")
        elif not path.exists() or path.read_text(encoding="utf-8") != text:
            stale.append(name)
    if stale:
        print(f"stale: {', '.join(stale)}; type: make docs")
    return bool(stale)


if __name__ == "__main__":
    sys.exit(main())
