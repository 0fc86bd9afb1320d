"""Hold two models' influence on the same rows against each other."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer


def command(
    first: Annotated[Path, typer.Argument(help="A file of cotmill measure influence.")],
    second: Annotated[Path, typer.Argument(help="Another, of another model, on the same rows.")],
    *,
    length: Annotated[str, typer.Option(help="Length control: sum, token, norm, regressed.")] = "sum",
) -> None:
    """Hold two models' influence on the same rows against each other."""
    from cotmill.core.errors import EvidenceError, RecipeError
    from cotmill.evidence import Influence
    from cotmill.evidence.influence import agreement

    if length not in ("sum", "token", "norm", "regressed"):
        raise RecipeError(f"--length is {length!r}; it can be sum, token, norm or regressed")
    one, other = Influence.read(first), Influence.read(second)
    found = agreement(one, other, length)  # type: ignore[arg-type]  # checked above
    if not found:
        raise EvidenceError("the two have no group of queries in common")
    for group, numbers in found.items():
        typer.echo(
            f"{group}: rank correlation {numbers['spearman']:.3f} over {numbers['rows']:,.0f} rows, same "
            f"sign {numbers['same_sign']:.1%}, of the lowest tenth {numbers['shared_lowest']:.1%} shared, "
            f"of the highest {numbers['shared_highest']:.1%}"
        )
