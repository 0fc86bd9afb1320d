"""How studies are shown: the main numbers as lines, everything else on a page."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

Found = Mapping[str, Any]


def law_lines(found: Found) -> Iterator[str]:
    """Say the main numbers of all fits."""
    from cotmill.report.fitted import percent, points

    yield f"{found['settings']} settings on {found['test']}; 95 % intervals, {found['intervals']}"
    for curve in found["curves"]:
        ahead = f", twice the data: {percent(curve['ahead'][0])} %" if "ahead" in curve else ""
        form = f" ({curve['chosen']})" if "chosen" in curve else ""
        name = f"{curve['model']} · {curve['method']}"
        yield f"  {name}: {points(curve['slope'])} points a doubling{ahead}{form}"
    told = found["extrapolation"]["summary"]
    if told:
        yield (
            f"  large end foretold from the small one: {told['inside']} of {told['many']} in their interval, "
            f"off by {100 * told['error']:.1f} points"
        )
    for one in found["bases"]:
        better = one["better"]
        if better:
            yield f"  {one['method']}: a base is foretold best by {better['first']}, then {better['second']}"
    for curve in found["paths"]:
        yield f"  {curve['model']}: {points(curve['slope'])} points a doubling of distinct paths"


def write_laws(found: Found, out: Path) -> None:
    """Write the page and its data."""
    from cotmill.core.files import write_json
    from cotmill.report.laws import laws_page
    from cotmill.report.pages import write_page

    write_page(laws_page(found), out)
    write_json(out.with_suffix(".json"), found)
