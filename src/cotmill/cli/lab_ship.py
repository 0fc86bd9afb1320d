"""Put pre-trained lab models into the package, with a manifest."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer


def command(
    folders: Annotated[list[Path], typer.Argument(help="Folders that `cotmill lab pretrain` wrote.")],
) -> None:
    """Put pre-trained lab models into the package, with a manifest."""
    from cotmill.lab.models import ASSETS
    from cotmill.train.ship import ship

    for name, entry in sorted(ship(folders, ASSETS).items()):
        typer.echo(
            f"lab:{name:<12} {entry['parameters']:>9,} parameters, {entry['tokens']:>11,} tokens, "
            f"held-out loss {entry['held_out_loss']:.4f} nats per token"
        )
