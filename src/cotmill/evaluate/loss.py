"""Mean loss of a benchmark's gold solutions: what still moves when a small model's accuracy is near zero."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa

from cotmill.core.checked import write_table
from cotmill.core.errors import DataError
from cotmill.core.files import aside
from cotmill.evaluate.benchmark import Benchmark
from cotmill.evaluate.config import EvalConfig
from cotmill.evaluate.metrics import LEVEL, Estimate, ratio_interval

if TYPE_CHECKING:
    from cotmill.model.load import LanguageModel
    from cotmill.model.render import Row

LOSSES = "losses.parquet"


def solution_loss(lm: LanguageModel, benchmark: Benchmark, config: EvalConfig, out: Path) -> dict[str, Any]:
    """Measure the loss of every gold solution and write it; return nats per answer token with an interval.

    The mean is over tokens, the interval draws solutions. Rows without a solution are left out and
    counted; solutions that the model's length cuts are scored as far as they go, and counted.

    Raises:
        DataError: no row of the benchmark has a solution.
    """
    from cotmill.model.loss import token_losses
    from cotmill.model.tokenise import tokenise

    rows = _solved_rows(benchmark, config)
    if not rows:
        raise DataError(f"{benchmark.name} brings no worked solutions, so their loss cannot be measured")
    tokenised = tokenise(lm.tokenizer, rows, max_length=lm.max_length, form=config.form)
    losses = token_losses(lm, tokenised)
    sums, tokens = losses.sums, losses.tokens
    table = pa.table(
        {
            "row_id": list(tokenised.row_ids),
            "loss_sum": sums,
            "tokens": tokens,
            "truncated": tokenised.truncated,
        }
    )
    with aside(out / LOSSES) as part:
        write_table(table, part)
    return mean_loss(sums, tokens).as_dict() | {
        "tokens": int(tokens.sum()),
        "truncated": int(tokenised.truncated.sum()),
        "without_solution": benchmark.questions - len(rows),
    }


def mean_loss(sums: np.ndarray, tokens: np.ndarray) -> Estimate:
    """Nats per token over all tokens; rows that carry no token are passed over."""
    scored = tokens > 0
    return ratio_interval(sums[scored].astype(float), tokens[scored].astype(float), level=LEVEL)


def _solved_rows(benchmark: Benchmark, config: EvalConfig) -> list[Row]:
    """The rows that bring a solution, asked as the model will be asked; base questions left out."""
    from cotmill.model.render import rows_of

    return [
        row._replace(question=config.asked(row.question))
        for row, is_base in zip(rows_of(benchmark.pool), benchmark.is_base().tolist(), strict=True)
        if row.trace and not is_base
    ]
