"""Put pre-trained lab models into the package, with a manifest."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer


def command(
    folders: Annotated[list[Path], typer.Argument(help="Folders that `cotmill lab pretrain` wrote.")],
) -> None:
    """Put pre-trained lab models into the package, with a manifest."""
    from cotmill.lab.models import ASSETS, shipped
    from cotmill.train.ship import ship

    ship(folders, ASSETS)
    for name, told in shipped().items():
        typer.echo(f"lab:{name:<12} {told}")
