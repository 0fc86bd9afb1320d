"""Say what data is, what would be trained on, and what is wrong with it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from cotmill.core.errors import DataError

if TYPE_CHECKING:
    from cotmill.data.pool import Pool

NGRAMS = (13, 8)
"""Brown et al. 2020 (GPT-3), and what open-r1 and others use."""
SHOWN = 5

_DATA = "A file (JSON Lines, JSON, CSV, TSV, Parquet; also .gz), a folder, a Pool, or owner/name on the hub."
_COLUMNS = "Which columns to use: question=Q,answer=A (also trace=, gold=, source=)."
_MODEL = "Count tokens as this model does, and show one example with its loss mask."


def command(  # noqa: PLR0913 - one argument an option
    data: Annotated[str, typer.Argument(help=_DATA)],
    *,
    form: Annotated[str, typer.Option(help="What the data is; auto detects it.")] = "auto",
    columns: Annotated[str | None, typer.Option(help=_COLUMNS)] = None,
    model: Annotated[str | None, typer.Option(help=_MODEL)] = None,
    max_length: Annotated[int | None, typer.Option(help="Count what this many tokens would cut off.")] = None,
    against: Annotated[list[str] | None, typer.Option(help="A benchmark to look for; repeatable.")] = None,
    out: Annotated[Path | None, typer.Option(help="Also write a Pool, with its rejects.jsonl.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object, not tables.")] = False,
) -> None:
    """Say what data is, what would be trained on, and what is wrong with it.

    Nothing is written unless --out is given. Exit code 0, whatever is found; 2 when the data cannot be used,
    or (with --model) when a row's loss mask is empty or full.
    """
    from cotmill.data.detect import columns_of
    from cotmill.data.read import read_pool

    pool = read_pool(data, form=form, columns=columns_of(columns), out=out)
    found = _gathered(data, pool, against or [])
    if model is not None:
        found["tokens"] = _tokens(pool, model, max_length)
    if as_json:
        typer.echo(json.dumps(found, indent=1, ensure_ascii=False))
    else:
        from cotmill.cli.terminal.check import show

        show(found, max_length=max_length)
    if model is not None and found["tokens"]["refused"]:
        raise DataError(found["tokens"]["refused"])


def _gathered(data: str, pool: Pool, against: list[str]) -> dict[str, Any]:
    """Collect all that needs no model."""
    from dataclasses import asdict

    from cotmill.data.describe import describe

    set_aside = {
        "rows": pool.rejects.count,
        "reasons": dict(pool.rejects.reasons),
        "file": str(pool.rejects.path) if pool.rejects.path else None,
        "first": _first_lines(pool.rejects.path),
    }
    return {
        "data": data,
        "forms": pool.about.get("forms", {}),
        "licences": pool.about.get("licences", {}),
        "columns_turned_to_text": pool.about.get("promoted", {}),
        "description": asdict(describe(pool)),
        "set_aside": set_aside,
        "overlap": _overlaps(pool, against),
    }


def _first_lines(path: Path | None) -> list[dict[str, Any]]:
    """Return the first rows that were set aside."""
    if path is None or not path.exists():
        return []
    with path.open(encoding="utf-8") as handle:
        return [json.loads(line) for _, line in zip(range(SHOWN), handle, strict=False)]


def _overlaps(pool: Pool, against: list[str]) -> list[dict[str, Any]]:
    """Compare with each benchmark, by both lengths of n-gram."""
    from cotmill.data.overlap import overlaps
    from cotmill.data.read import read_pool

    benchmarks = {name: read_pool(name) for name in against}
    found = [overlap for n in NGRAMS for overlap in overlaps(pool, benchmarks, n=n)] if benchmarks else []
    return [
        {
            "benchmark": overlap.name,
            "n": overlap.n,
            "rows": len(overlap.rows),
            "benchmark_rows": overlap.benchmark_rows,
            "benchmark_rows_touched": overlap.touched,
            "pairs": [list(pair) for pair in zip(overlap.rows, overlap.met, strict=True)],
        }
        for overlap in found
    ]


def _tokens(pool: Pool, model: str, max_length: int | None) -> dict[str, Any]:
    """Tokenise as training would: counts, one example, and what would be refused."""
    from dataclasses import asdict

    from cotmill.data.describe import Spread
    from cotmill.model.tokenise import refuse_bad_masks, show_masked, tokenise

    tokenizer, limit = _tokenizer(model)
    longest = max_length or limit
    tokenised = tokenise(tokenizer, pool, max_length=longest)
    refused = None
    try:
        refuse_bad_masks(tokenised)
    except DataError as error:
        refused = str(error)
    spreads = {"lengths": Spread.of(tokenised.lengths), "labels": Spread.of(tokenised.labels)}
    learned = (tokenised.labels > 0).nonzero()[0]
    return {
        "model": model,
        "max_length": longest,
        "tokens": int(tokenised.lengths.sum()),
        "tokens_with_loss": int(tokenised.labels.sum()),
        **{name: asdict(spread) if spread else None for name, spread in spreads.items()},
        "truncated": int(tokenised.truncated.sum()),
        "empty_masks": int((tokenised.labels == 0).sum()),
        "full_masks": int((tokenised.starts == 0).sum()),
        "refused": refused,
        "example": show_masked(tokenised.row(int(learned[0]) if len(learned) else 0), tokenizer),
    }


def _tokenizer(model: str) -> tuple[Any, int]:
    """Load a model's tokenizer and its longest row; the weights are not needed."""
    from huggingface_hub.errors import StrictDataclassError
    from transformers import AutoConfig, AutoTokenizer

    from cotmill.core.errors import ModelError
    from cotmill.model.load import RANDOM, find, longest_row
    from cotmill.model.quiet import quiet_transformers

    folder = find(model.removesuffix(RANDOM), weights=False)
    try:
        with quiet_transformers():
            tokenizer = AutoTokenizer.from_pretrained(folder)
            return tokenizer, longest_row(AutoConfig.from_pretrained(folder), tokenizer)
    except (OSError, ValueError, KeyError, StrictDataclassError) as error:
        raise ModelError(f"the tokenizer of {model} cannot be loaded from {folder}: {error}") from error
