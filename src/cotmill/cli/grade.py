"""Judge outputs that are there already: an evaluation's, again, or anybody's file of answers."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer


def command(  # noqa: PLR0913 - every option is one of the command line
    what: Annotated[
        Path, typer.Argument(help="A folder that `cotmill evaluate` wrote, or a file of outputs.")
    ],
    *,
    text: Annotated[str | None, typer.Option(help="Field of the output, for example resps.0.0.")] = None,
    gold: Annotated[str | None, typer.Option(help="Field of the gold answer.")] = None,
    question: Annotated[str | None, typer.Option(help="Field of the question.")] = None,
    keep: Annotated[list[str] | None, typer.Option(help="A field to break the result down by.")] = None,
    benchmark: Annotated[
        str | None, typer.Option(help="Take gold answers and groups from this set, matched by question.")
    ] = None,
    strict_rule: Annotated[
        str | None, typer.Option(help="Another published rule than the set's own.")
    ] = None,
    bertscore: Annotated[
        str | None, typer.Option(help="For a folder of texts: also BERTScore by this encoder.")
    ] = None,
    out: Annotated[
        Path | None, typer.Option(help="Folder for items and metrics of a file's outputs.")
    ] = None,
    data: Annotated[Path | None, typer.Option(help="Folder of the sets; default: COTMILL_SHARED.")] = None,
) -> None:
    """Judge stored outputs with today's rules; nothing is generated and no model is loaded."""
    from cotmill.core.errors import DataError
    from cotmill.evaluate.benchmarks import benchmark as find
    from cotmill.evaluate.grade import regrade
    from cotmill.evaluate.outputs import OutputFields, grade_outputs
    from cotmill.evaluate.show import lines_of
    from cotmill.evaluate.summary import summarise

    if what.is_dir():
        metrics = regrade(what, strict_rule=strict_rule, bertscore=bertscore)
    elif text is None:
        raise DataError(f"{what}: name the field that holds the outputs with --text")
    else:
        fields = OutputFields(text, gold, question, tuple(keep or ()))
        known = find(benchmark, data) if benchmark else None
        metrics = summarise(grade_outputs(what, fields, benchmark=known, strict_rule=strict_rule, out=out))
    for line in lines_of(metrics):
        typer.echo(line)
