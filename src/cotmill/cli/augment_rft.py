"""Verified, distinct reasoning paths out of samples, beside the given solutions."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from cotmill.cli.terminal.executing import with_executor

if TYPE_CHECKING:
    from cotmill.execute.executor import Execution

Samples = Annotated[list[Path], typer.Option(help="A store of samples; give it again for every model.")]


@with_executor
def command(  # noqa: PLR0913 - one option each
    *,
    samples: Samples,
    data: Annotated[str, typer.Option(help="The questions with their given solutions.")],
    out: Annotated[Path, typer.Option(help="Folder for the result; call again to resume.")],
    mode: Annotated[
        str, typer.Option(help="cotmill, paper, or repo: the paper's public script, mistakes included.")
    ] = "cotmill",
    key: Annotated[
        str | None,
        typer.Option(help="What one path is: paper, commutative, order_free, operands, graph."),
    ] = None,
    keep: Annotated[
        str | None, typer.Option(help="Which trace of a path is kept: spread, greedy or first.")
    ] = None,
    k: Annotated[int | None, typer.Option(min=1, help="Use the first k samples of every question.")] = None,
    answer: Annotated[bool, typer.Option(help="Refuse traces with another answer.")] = True,
    equations: Annotated[bool, typer.Option(help="Refuse traces with a wrong equation.")] = True,
    grounding: Annotated[
        bool | None, typer.Option(help="Refuse traces with numbers from nowhere; default: as the mode.")
    ] = None,
    distinct: Annotated[bool, typer.Option(help="Keep one trace for each path.")] = True,
    gold_seen: Annotated[
        bool | None, typer.Option(help="Given solutions count as seen paths; default: as the mode.")
    ] = None,
    form: Annotated[str, typer.Option(help="Schema of the data; auto finds it.")] = "auto",
    execution: Execution,
) -> None:
    """Filter samples, keep the distinct correct paths, pool models; D and what is new become one Pool."""
    from rich.console import Console

    from cotmill.augment.rft import make_rft
    from cotmill.augment.store import SampleStore
    from cotmill.data.read import read_pool

    config = _config(
        mode=mode, key=key, keep=keep, k=k, answer=answer, equations=equations, grounding=grounding,
        distinct=distinct, gold_seen=gold_seen,
    )  # fmt: skip
    pool = read_pool(data, form=form)
    stores = [SampleStore.open(folder, create=False) for folder in samples]
    count = sum(store.count() for store in stores)
    console = Console()
    told = config.resolved()
    console.print(
        f"{count:,} samples of {len(stores)} stores, {len(pool):,} given rows; mode {told.mode}, "
        f"key {told.key}, rule {told.keep}; {execution.told}; the result goes to {out}"
    )
    _show(console, make_rft(stores, pool, out, config, execution=execution))


def _config(**told: Any) -> Any:
    """Build the config, or say which option is wrong."""
    from pydantic import ValidationError

    from cotmill.augment.config import RftConfig
    from cotmill.core.errors import RecipeError

    try:
        return RftConfig(**told)
    except ValidationError as error:
        first = error.errors()[0]
        name = "--" + str(first["loc"][0] if first["loc"] else "key").replace("_", "-")
        raise RecipeError(f"{name}: {first['msg'].removeprefix('Value error, ')}") from error


def _show(console: Any, result: Any) -> None:
    """Say what became of the samples, and who found what."""
    from rich.table import Table

    counts = result.counts
    table = Table("what became of a sample", "samples", "share")
    for reason, count in sorted(counts["became"].items(), key=lambda item: -item[1]):
        table.add_row(reason, f"{count:,}", f"{count / max(1, counts['samples']):.1%}")
    console.print(table)
    for row in counts["shares"]:
        console.print(
            f"{row['writer']}: {row['paths']:,} of {row['all_paths']:,} paths, {row['exclusive']:,} that "
            f"nobody else found: {row['share']:.1%} ({row['low']:.1%} to {row['high']:.1%})"
        )
    for name, text in counts["mistakes_reproduced"].items():
        console.print(f"mistake reproduced, {name}: {text}")
    console.print(
        f"{counts['new_rows']:,} new rows beside {counts['given_rows']:,} given ones in "
        f"{result.folder / 'pool'}; {counts['unsolved']:,} of {counts['questions']:,} sampled questions "
        "without a right answer, "
        f"{counts['suspects']:,} with a suspect gold answer (suspects.jsonl)"
    )
