"""Choose rows of a pool, and write down why every row was taken or left."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from cotmill.evidence import Evidence, Lengths
    from cotmill.select import Extras, Limits, Method, Selection

TOLD = (
    "clusters",
    "inertia",
    "silhouette",
    "stability",
    "source_purity",
    "length_purity",
    "length_explained",
    "level_length_correlation",
)
"""Diagnostics that are printed; selection.json has them all."""
MOST_SOURCES = 20
"""Sources shown in the table; selection.json has them all."""


def command(  # noqa: PLR0913 - every option is one of the command line
    method: Annotated[str | None, typer.Argument(help="How to choose; see --list.")] = None,
    *,
    data: Annotated[
        str | None, typer.Option(help="A JSONL, JSON, CSV or Parquet file, a folder, or a pool.")
    ] = None,
    evidence: Annotated[
        list[Path] | None,
        typer.Option(help="What was measured: Parquet files of cotmill measure, or of other tools."),
    ] = None,
    budget: Annotated[str | None, typer.Option(help="How much to take: 30000, 11% or 5Mtok.")] = None,
    update: Annotated[
        Path | None,
        typer.Option(help="A selection of the data as they were: what it took stays, and is topped up."),
    ] = None,
    least: Annotated[
        list[str] | None, typer.Option(help="SOURCE=ROWS or SOURCE=20%: at least so many.")
    ] = None,
    most: Annotated[list[str] | None, typer.Option(help="SOURCE=ROWS or SOURCE=20%: no more.")] = None,
    strata: Annotated[str, typer.Option(help="The column that --least and --most speak of.")] = "source",
    once: Annotated[
        float | None, typer.Option(help="Near-duplicates of this similarity (0.8) count once.")
    ] = None,
    queries: Annotated[
        str | None,
        typer.Option(help="Questions, or their embeddings, for methods that compare rows with some."),
    ] = None,
    seed: Annotated[int, typer.Option(help="Settles everything that is left to chance.")] = 0,
    out: Annotated[Path | None, typer.Option(help="Folder to write the selection to.")] = None,
    option: Annotated[
        list[str] | None, typer.Option("--option", "-o", help="KEY=VALUE, an option of the method.")
    ] = None,
    list_methods: Annotated[
        bool, typer.Option("--list", help="List the methods and what they need.")
    ] = False,
) -> None:
    """Choose rows of a pool, and write down why every row was taken or left."""
    from dataclasses import replace

    from cotmill.core.errors import RecipeError
    from cotmill.select import Selection

    if list_methods:
        _list()
        return
    missing = [
        name
        for name, value in (("METHOD", method), ("--data", data), ("--budget", budget), ("--out", out))
        if value is None
    ]
    if method is None or data is None or budget is None or out is None:
        raise RecipeError(
            f"{', '.join(missing)} missing; for example: "
            "cotmill select random --data pool --budget 11% --out chosen"
        )
    chosen = _method(method, option or [])
    files = [file for path in evidence or [] for file in _files(path)]
    measured, lengths = _evidence(chosen, files)
    extras = replace(
        _extras(chosen, queries, files),
        limits=_limits(strata, least or [], most or [], once),
        old=None if update is None else Selection.read(update),
    )
    given = {"lengths": lengths, "extras": extras}
    _select(chosen, data, measured, given, budget=budget, seed=seed, out=out)


def _select(
    chosen: Method,
    data: str,
    measured: Evidence | None,
    given: dict[str, Any],
    *,
    budget: str,
    seed: int,
    out: Path,
) -> None:
    """Select and write, unless the folder holds this very selection already."""
    from cotmill.data.read import read_pool
    from cotmill.select import Selection
    from cotmill.select.selection import FACTS

    pool = read_pool(data)
    typer.echo(f"{chosen.name}: {budget} of {len(pool):,} rows of {data}, seed {seed}, to {out}")
    key = chosen.key(pool, measured, budget=budget, seed=seed, **given)
    if (out / FACTS).is_file():
        selection = Selection.read(out)
        if selection.key == key:
            typer.echo("this selection is already there; nothing to do")
            _show(selection)
            return
    selection = chosen(pool, measured, budget=budget, seed=seed, **given)
    selection.write(out)
    _show(selection)


def _method(name: str, options: list[str]) -> Method:
    """Make the method with its options; a wrong name or option is answered with the right ones."""
    from difflib import get_close_matches

    from pydantic import ValidationError

    from cotmill.core.errors import RecipeError
    from cotmill.select import SELECTORS

    if name not in SELECTORS:
        near = get_close_matches(name, SELECTORS, n=1)
        meant = f"did you mean {near[0]}?" if near else f"there are: {', '.join(SELECTORS)}"
        raise RecipeError(f"there is no method '{name}'; {meant}")
    given = dict(_pair(option) for option in options)
    try:
        return SELECTORS[name].model_validate(given)
    except ValidationError as error:
        problems = "; ".join(f"{'.'.join(map(str, e['loc']))}: {e['msg']}" for e in error.errors())
        have = ", ".join(SELECTORS[name].model_fields) or "none"
        raise RecipeError(f"options of {name}: {problems} (it has: {have})") from error


def _pair(option: str) -> tuple[str, str]:
    from cotmill.core.errors import RecipeError

    key, equals, value = option.partition("=")
    if not equals:
        raise RecipeError(f"option '{option}' is not KEY=VALUE; for example: -o clusters=50")
    return key.strip(), value.strip()


def _limits(strata: str, least: list[str], most: list[str], once: float | None) -> Limits | None:
    """Read minima, quotas and what counts once; None where nothing is limited."""
    from cotmill.select import Limits

    if not least and not most and once is None:
        return None
    bounds = {"least": dict(map(_pair, least)), "most": dict(map(_pair, most))}
    return Limits(stratum=strata, once=once, **bounds)


def _files(path: Path) -> list[Path]:
    """List the files of evidence that a path means: itself, or all Parquet files of a folder."""
    found = sorted(path.glob("*.parquet")) if path.is_dir() else []
    return found or [path]


def _extras(chosen: Method, queries: str | None, files: list[Path]) -> Extras:
    """Read queries and embeddings where the method wants them."""
    from cotmill.core.errors import EvidenceError
    from cotmill.data.read import read_pool
    from cotmill.evidence import Embeddings, Evidence
    from cotmill.select import Extras

    asked: Any = None
    if chosen.asks is Embeddings and queries is not None:
        found = [one for file in _files(Path(queries)) if isinstance(one := Evidence.read(file), Embeddings)]
        asked = _pooled(found, chosen.parts)
        if asked is None:
            raise EvidenceError(
                f"{queries} holds no embeddings; make them with: cotmill measure forward MODEL QUESTIONS "
                f"--part {chosen.parts[0]} --out FOLDER"
            )
    elif chosen.asks is not None and queries is not None:
        asked = read_pool(queries).without_labels()
    if not chosen.embedded:
        return Extras(queries=asked)
    vectors = [one for file in files if isinstance(one := Evidence.read(file), Embeddings)]
    return Extras(queries=asked, embeddings=_pooled(vectors, ("mean",)))


def _pooled(found: list[Any], parts: tuple[str, ...]) -> Any:
    """Choose, of embeddings pooled in several ways, those that a method wants; else the first."""
    fitting = [one for one in found if one.about.get("pooling") in parts]
    return next(iter(fitting or found), None)


def _evidence(chosen: Method, files: list[Path]) -> tuple[Evidence | None, Lengths | None]:
    """Find among the files what the method needs, and lengths for budgets in tokens.

    Several files of losses are joined, in the order given, to trajectories.
    """
    from cotmill.core.errors import EvidenceError
    from cotmill.evidence import Embeddings, Evidence, Lengths, Losses, Trajectories

    found: list[Any] = [Evidence.read(file) for file in files]
    losses = [one for one in found if isinstance(one, Losses)]
    if chosen.needs is Trajectories and len(losses) > 1:
        found = [Trajectories.from_losses(losses), *(one for one in found if not isinstance(one, Losses))]
    lengths = next((one for one in found if isinstance(one, Lengths)), None)
    if chosen.needs is None:
        carried = (one.to(Lengths) for one in found)
        return None, lengths or next((one for one in carried if isinstance(one, Lengths)), None)
    fitting = [one for one in found if one.to(chosen.needs) is not None]
    if not fitting:
        kinds = ", ".join(one.kind for one in found) or "there are none; give a file with --evidence"
        kind = chosen.needs.kind
        raise EvidenceError(
            f"{chosen.name} needs {kind} (cotmill measure {kind}), but the files hold: {kinds}"
        )
    return _pooled(fitting, chosen.parts) if chosen.needs is Embeddings else fitting[0], lengths


def _list() -> None:
    """Say what there is, one line each."""
    from cotmill.select import SELECTORS

    lines = [("METHOD", "NEEDS", "OPTIONS", "TAKES")]
    for name, kind in SELECTORS.items():
        about = (kind.__doc__ or "").partition("\n")[0].rstrip(".")
        lines.append(
            (name, kind.needs.kind if kind.needs else "-", " ".join(kind.model_fields) or "-", about)
        )
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    for line in lines:
        typer.echo("  ".join(text.ljust(width) for text, width in zip(line, widths, strict=True)).rstrip())


def _show(selection: Selection) -> None:
    """Print rows, tokens and what was taken of each source."""
    from rich.console import Console
    from rich.table import Table

    summary = selection.summary
    table = Table("", "taken", "of", "percent", box=None)
    table.add_row("rows", *_share(summary["rows"], summary["of_rows"]))
    if "tokens" in summary:
        table.add_row("tokens", *_share(summary["tokens"], summary["of_tokens"]))
    sources = sorted(summary["sources"].items(), key=lambda item: -item[1]["of"])
    for name, count in sources[:MOST_SOURCES] if len(sources) > 1 else []:
        table.add_row(f"source {name or '(none)'}", *_share(count["taken"], count["of"]))
    console = Console()
    console.print(table)
    if len(sources) > MOST_SOURCES:
        console.print(f"and {len(sources) - MOST_SOURCES} more sources, in selection.json")
    facts = {name: summary["details"][name] for name in TOLD if name in summary["details"]}
    if facts:
        console.print(", ".join(f"{name.replace('_', ' ')} {value:.3g}" for name, value in facts.items()))
    for name, count in summary["details"].get("update", {}).items():
        console.print(f"{name.replace('_', ' ')}: {count:,}")
    if summary.get("unfit_taken"):
        console.print(f"{summary['unfit_taken']} rows without label tokens were taken to fill the budget")


def _share(taken: int, of: int) -> tuple[str, str, str]:
    return f"{taken:,}", f"{of:,}", f"{taken / of:.1%}" if of else "-"
