"""Verdict, equation check and grounding for every trace."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from cotmill.cli.terminal.executing import with_executor

if TYPE_CHECKING:
    from cotmill.execute.executor import Execution

Flag = Annotated[bool, typer.Option("--answers-only", help="Skip equations and grounding.")]


@with_executor
def command(
    data: Annotated[
        str, typer.Argument(help="JSONL, JSON, CSV or Parquet, a folder of them, or a hub name.")
    ],
    *,
    out: Annotated[Path, typer.Option(help="Folder for shards and summary; call again to resume.")],
    strict_rule: Annotated[
        str, typer.Option(help="The benchmark's published rule, reported beside ours.")
    ] = "gsm8k",
    form: Annotated[str, typer.Option(help="Schema of the data; auto finds it.")] = "auto",
    answers_only: Flag = False,
    execution: Execution,
) -> None:
    """Verdict, equation check and grounding for every trace, to Parquet."""
    from rich.console import Console
    from rich.table import Table

    from cotmill.cli.terminal.verifying import plan_lines
    from cotmill.data.read import read_pool
    from cotmill.verify.stream import SUMMARY, verify_pool
    from cotmill.verify.strict import strict_rule as rule_named
    from cotmill.verify.verifier import Verifier

    rule_named(strict_rule)
    console = Console()
    pool = read_pool(data, form=form)
    verifier = Verifier(strict_rule=strict_rule, equations=not answers_only, grounding=not answers_only)
    for line in plan_lines(pool, out, verifier, execution):
        console.print(line, highlight=False)
    summary = verify_pool(pool, out, verifier=verifier, execution=execution)
    table = Table("outcome", "traces", "share", "an example")
    for outcome, count in sorted(summary["outcomes"].items(), key=lambda item: -item[1]):
        example = summary["examples"][outcome][0]
        shown = example["because"] or f"{example['rule']}: {example['predicted']} = {example['gold']}"
        table.add_row(outcome, f"{count:,}", f"{count / max(1, len(pool)):.1%}", shown[:70])
    console.print(table)
    totals = summary["totals"]
    console.print(
        f"equations: {totals.get('equations_right', 0):,} right, "
        f"{totals.get('equations_rounded', 0):,} of them rounded, "
        f"{totals.get('equations_wrong', 0):,} wrong, {totals.get('equations_unchecked', 0):,} not checked; "
        f"accepted by the strict rule {strict_rule}: {totals.get('strict', 0):,}; more in {out / SUMMARY}"
    )
