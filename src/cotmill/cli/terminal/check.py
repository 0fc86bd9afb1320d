"""Tables for `cotmill check`."""

from __future__ import annotations

from typing import Any

from rich import markup
from rich.console import Console
from rich.table import Table

from cotmill.core.inert import visible

MOST = 20
BAR = 30
LOSS = "  loss  "
"""What marks a token that carries loss in the print of an example."""


def escape(text: str) -> str:
    """Make text of the data inert: for rich, and for the terminal."""
    return markup.escape(visible(text))


def show(found: dict[str, Any], *, max_length: int | None) -> None:
    """Print all that was found."""
    console = Console(highlight=False, width=None)
    what = found["description"]
    _what_it_is(console, found, what)
    _distributions(console, what)
    _steps(console, what["steps_histogram"])
    _findings(console, what)
    _set_aside(console, found["set_aside"])
    for overlap in found["overlap"]:
        _overlap(console, overlap)
    if "tokens" in found:
        _tokens(console, found["tokens"])
    elif max_length is not None:
        console.print("Give --model to count what would be cut off: tokens differ from model to model.")


def _what_it_is(console: Console, found: dict[str, Any], what: dict[str, Any]) -> None:
    """Say form, counts, sources, licences."""
    forms = sorted(set(found["forms"].values())) or ["pool"]
    console.print(
        f"[bold]{escape(found['data'])}[/bold]: {', '.join(forms)}; {len(found['forms']) or 1} file(s)"
    )
    table = Table(show_header=False, box=None, pad_edge=False)
    for label, count in (
        ("rows", what["rows"]),
        ("different questions", what["questions"]),
        ("with a solution to train on", what["with_trace"]),
        ("with a gold answer", what["with_gold"]),
        ("with turns before the question", what["with_context"]),
        ("set aside", found["set_aside"]["rows"]),
    ):
        table.add_row(label, f"{count:,}")
    console.print(table)
    _counts(console, "source", what["sources"])
    _counts(console, "origin", what["origins"])
    if what["own_columns"]:
        console.print("own columns kept: " + escape(", ".join(what["own_columns"])))
    licences = sorted({said["name"] for said in found["licences"].values()})
    if licences:
        console.print("licence: " + escape(", ".join(licences)))
    for column, count in found["columns_turned_to_text"].items():
        console.print(f"column {escape(column)}: its types conflict, so {count:,} values became text")


def _counts(console: Console, name: str, counts: dict[str, int]) -> None:
    """Print how often values occur, when there is more than one."""
    if set(counts) <= {"", "human"}:
        return
    table = Table(name, "rows", box=None, pad_edge=False)
    table.columns[1].justify = "right"
    for value, count in list(counts.items())[:MOST]:
        table.add_row(escape(value) or "(not named)", f"{count:,}")
    if len(counts) > MOST:
        table.add_row(f"{len(counts) - MOST:,} more", f"{sum(list(counts.values())[MOST:]):,}")
    console.print(table)


_SPREAD = ("least", "p10", "median", "p90", "p99", "most", "mean")


def _distributions(console: Console, what: dict[str, Any]) -> None:
    """Print how long questions and solutions are."""
    named = {
        "question, characters": what["question_characters"],
        "solution, characters": what["trace_characters"],
        "solution, words": what["trace_words"],
        "solution, steps": what["steps"],
    }
    _spreads(console, {name: spread for name, spread in named.items() if spread})


def _spreads(console: Console, spreads: dict[str, dict[str, Any]]) -> None:
    """Print one line of percentiles each."""
    table = Table("", *_SPREAD, box=None, pad_edge=False)
    for column in table.columns[1:]:
        column.justify = "right"
    for name, spread in spreads.items():
        table.add_row(
            name, *(f"{spread[point]:,.1f}" if point == "mean" else f"{spread[point]:,}" for point in _SPREAD)
        )
    console.print(table)


def _steps(console: Console, histogram: dict[int, int]) -> None:
    """Draw the distribution of steps; the tail is one bar."""
    if not histogram:
        return
    shown = dict(list(histogram.items())[: MOST - 1])
    rest = sum(histogram.values()) - sum(shown.values())
    most = max([*shown.values(), rest])
    table = Table("steps", "rows", "", box=None, pad_edge=False)
    table.columns[0].justify = table.columns[1].justify = "right"
    for steps, count in shown.items():
        table.add_row(str(steps), f"{count:,}", "█" * round(BAR * count / most))
    if rest:
        table.add_row("more", f"{rest:,}", "█" * round(BAR * rest / most))
    console.print(table)


def _findings(console: Console, what: dict[str, Any]) -> None:
    """Print what may be wrong, with the ids of the first rows."""
    table = Table("finding", "rows", "first", box=None, pad_edge=False)
    table.columns[1].justify = "right"
    for name, finding in what["findings"].items():
        table.add_row(name, f"{finding['rows']:,}", ", ".join(row[:12] for row in finding["first"][:3]))
    for name, key in (("near-duplicate questions", "near_questions"), ("near-duplicate rows", "near_rows")):
        near = what[key]
        if near["groups"]:
            first = "; ".join(" ~ ".join(row[:12] for row in group[:2]) for group in near["first"][:2])
            table.add_row(f"{name} ({near['groups']:,} groups)", f"{near['rows_too_many']:,}", first)
    near = what["near_rows"]
    partly = (
        f"; only the first {near['looked_at']:,} rows were compared"
        if near["looked_at"] < _compared(what)
        else ""
    )
    if table.row_count:
        console.print(table)
    else:
        console.print(
            f"nothing found: no repeats, no missing or conflicting answers, no near-duplicates{partly}"
        )
        return
    console.print(f"near-duplicates share at least {near['threshold']:.0%} of their word 3-grams{partly}")


def _compared(what: dict[str, Any]) -> int:
    """Number of rows that a full comparison would look at."""
    repeats = what["findings"].get("the same question and trace as an earlier row", {"rows": 0})["rows"]
    return what["rows"] - repeats


def _set_aside(console: Console, aside: dict[str, Any]) -> None:
    """Print what could not be read."""
    if not aside["rows"]:
        return
    table = Table("set aside", "rows", box=None, pad_edge=False)
    for reason, count in aside["reasons"].items():
        table.add_row(escape(reason), f"{count:,}")
    console.print(table)
    for row in aside["first"]:
        raw = row["raw"][:80].replace("\n", " ")
        console.print(escape(f"  {row['file']}:{row['line']}: {row['reason']}: {raw}"), soft_wrap=True)
    console.print("--out FOLDER writes a Pool and keeps all of these in its rejects.jsonl")


def _overlap(console: Console, overlap: dict[str, Any]) -> None:
    """Print the rows that a benchmark shares."""
    console.print(
        f"{overlap['rows']:,} rows share {overlap['n']} words in a row with "
        f"{overlap['benchmark_rows_touched']:,} of the {overlap['benchmark_rows']:,} questions of "
        + escape(overlap["benchmark"])
    )
    for row, met in overlap["pairs"][:3]:
        console.print(f"  {row} ~ {met}")


def _tokens(console: Console, tokens: dict[str, Any]) -> None:
    """Print counts of tokens, what would be cut, and one example with its loss mask."""
    console.print(
        f"[bold]{escape(tokens['model'])}[/bold]: {tokens['tokens']:,} tokens, "
        f"{tokens['tokens_with_loss']:,} of them with loss; "
        f"{tokens['truncated']:,} rows are cut off at {tokens['max_length']:,} tokens"
    )
    named = {"tokens a row": tokens["lengths"], "of them with loss": tokens["labels"]}
    _spreads(console, {name: spread for name, spread in named.items() if spread})
    for line in tokens["example"].splitlines():
        console.print(escape(line), style="green" if LOSS in line else "dim", soft_wrap=True)
    console.print(
        f"{tokens['empty_masks']:,} rows have no token with loss, "
        f"{tokens['full_masks']:,} have no other tokens"
    )
