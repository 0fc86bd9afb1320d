"""Say what data is, what would be trained on, and what is wrong with it.

DATA is a file (JSON Lines, JSON, CSV, TSV, Parquet, each also packed by gzip), a folder of them, a Pool, or the
name of a data set on the hub. Nothing is written unless --out is given.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from cotmill.core.errors import DataError

if TYPE_CHECKING:
    from cotmill.data.pool import Pool

NGRAMS = (13, 8)
"""Brown et al. 2020 and open-r1."""


def command(
    data: Annotated[str, typer.Argument(help="A file, a folder, a Pool, or a hub name (owner/name[:config[:split]]).")],
    *,
    form: Annotated[str, typer.Option(help="What the data is; `auto` detects it.")] = "auto",
    columns: Annotated[
        str | None, typer.Option(help="Which columns to use, as in question=Q,answer=A (also trace=, gold=, source=).")
    ] = None,
    model: Annotated[
        str | None, typer.Option(help="Count tokens as this model does, and show one example with its loss mask.")
    ] = None,
    max_length: Annotated[
        int | None, typer.Option(help="Count what would be cut off at this many tokens.", min=1)
    ] = None,
    against: Annotated[
        list[Path] | None, typer.Option(help="A benchmark file to look for in the data; may be given several times.")
    ] = None,
    out: Annotated[Path | None, typer.Option(help="Also write the data as a Pool, with its rejects.jsonl.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object instead of tables.")] = False,
) -> None:
    """Say what data is, what would be trained on, and what is wrong with it."""
    from cotmill.data.read import read_pool

    pool = read_pool(data, form=form, columns=parsed_columns(columns), out=out)
    found = _gathered(data, pool, against or [])
    refused = None
    if model is not None:
        found["tokens"], refused = _tokens(pool, model, max_length)
    if as_json:
        typer.echo(json.dumps(found, indent=1, ensure_ascii=False))
    else:
        from cotmill.cli.check_view import show

        show(found, max_length=max_length)
    if refused is not None:
        raise DataError(f"this would not be trained on: {refused}")


def parsed_columns(text: str | None) -> dict[str, str] | None:
    """Read `question=Q,answer=A`.

    >>> parsed_columns("question=Problem Text,gold=key")
    {'question': 'Problem Text', 'gold': 'key'}
    """
    if text is None:
        return None
    pairs = [pair.partition("=") for pair in text.split(",")]
    wrong = [pair for pair, equals, column in pairs if not equals or not column]
    if wrong:
        raise DataError(f"--columns: '{wrong[0]}' is not of the form question=COLUMN")
    return {part.strip(): column.strip() for part, _, column in pairs}


def _gathered(data: str, pool: Pool, against: list[Path]) -> dict[str, Any]:
    """Collect all that needs no model."""
    from dataclasses import asdict

    from cotmill.data.describe import describe

    return {
        "data": data,
        "forms": pool.about.get("forms", {}),
        "licences": pool.about.get("licences", {}),
        "columns_turned_to_text": pool.about.get("promoted", {}),
        "description": asdict(describe(pool)),
        "set_aside": {
            "rows": pool.rejects.count,
            "reasons": dict(pool.rejects.reasons),
            "file": str(pool.rejects.path) if pool.rejects.path else None,
            "first": _first_rejects(pool.rejects.path),
        },
        "overlap": _overlap(pool, against),
    }


def _first_rejects(path: Path | None, most: int = 5) -> list[dict[str, Any]]:
    """Return the first rows that were set aside."""
    if path is None or not path.exists():
        return []
    with path.open(encoding="utf-8") as handle:
        return [json.loads(line) for _, line in zip(range(most), handle, strict=False)]


def _overlap(pool: Pool, against: list[Path]) -> list[dict[str, Any]]:
    """Compare with each benchmark, by both lengths of n-gram."""
    from cotmill.data.overlap import overlaps
    from cotmill.data.read import read_pool

    benchmarks = {str(path): read_pool(path) for path in against}
    found = [overlap for n in NGRAMS for overlap in overlaps(pool, benchmarks, n=n)] if benchmarks else []
    return [
        {
            "benchmark": overlap.name,
            "n": overlap.n,
            "rows": len(overlap.rows),
            "benchmark_rows": overlap.benchmark_rows,
            "benchmark_rows_touched": overlap.touched,
            "row_ids": list(overlap.rows),
            "first": [
                {"row": row, "benchmark_row": met} for row, met in zip(overlap.rows[:5], overlap.met, strict=False)
            ],
        }
        for overlap in found
    ]


def _tokens(pool: Pool, model: str, max_length: int | None) -> tuple[dict[str, Any], str | None]:
    """Tokenise as training would; returns counts and one example, and what would be refused."""
    import numpy as np

    from cotmill.data.describe import Spread
    from cotmill.model.load import load
    from cotmill.model.tokenise import refuse_bad_masks, show_masked, tokenise

    loaded = load(model)
    longest = max_length or loaded.max_length
    tokenised = tokenise(loaded.tokenizer, pool, max_length=longest)
    refused = None
    try:
        refuse_bad_masks(tokenised, max_length=longest)
    except DataError as error:
        refused = str(error)
    from dataclasses import asdict

    lengths, labels = Spread.of(tokenised.lengths), Spread.of(tokenised.labels)
    example = int(np.argmax(tokenised.labels > 0)) if len(tokenised) else 0
    return {
        "model": model,
        "max_length": longest,
        "tokens": int(tokenised.lengths.sum()),
        "tokens_with_loss": int(tokenised.labels.sum()),
        "lengths": asdict(lengths) if lengths else None,
        "labels": asdict(labels) if labels else None,
        "truncated": int(tokenised.truncated.sum()),
        "empty_masks": int((tokenised.labels == 0).sum()),
        "full_masks": int((tokenised.starts == 0).sum()),
        "refused": refused,
        "example": show_masked(tokenised.row(example), loaded.tokenizer),
    }, refused
