"""List the models of the lab, and which of them are shipped."""

from __future__ import annotations

import typer


def command() -> None:
    """List the models of the lab, and which of them are shipped."""
    from cotmill.lab.models import NAMES, SHAPES, shipped

    here = shipped()
    for name in NAMES:
        shape = SHAPES[name.split("-", 1)[1]]
        state = here.get(name, f"make it: cotmill lab pretrain lab:{name} --tokens 16e6 --out DIR")
        typer.echo(f"lab:{name:<12} {shape.layers} layers, {shape.hidden} wide; {state}")
