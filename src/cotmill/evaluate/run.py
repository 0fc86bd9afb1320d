"""Evaluate a model on a benchmark: ask, judge, measure, write.

OUT/
  outputs.jsonl      every raw output, appended while they are made; a later run goes on from here
  items.parquet      one row an answer: question, gold, output, verdict, rule, groups
  losses.parquet     one row a gold solution, where the loss was asked for
  metrics.json       the numbers
  evaluation.json    what was asked of what: model, benchmark, settings, fingerprints
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from cotmill.core.errors import DataError
from cotmill.core.files import read_json, write_checked_json, write_json
from cotmill.evaluate.ask import answer, asked_table, asks_of, layout_for
from cotmill.evaluate.benchmark import Benchmark
from cotmill.evaluate.config import EvalConfig
from cotmill.evaluate.grade import METRICS, grade, write_graded
from cotmill.evaluate.items import read_items
from cotmill.evaluate.metrics import Estimate
from cotmill.evaluate.store import OutputStore
from cotmill.execute.executor import Executor

if TYPE_CHECKING:
    from cotmill.model.load import LanguageModel

ABOUT = "evaluation.json"


@dataclass(frozen=True)
class EvalResult:
    """An evaluation folder and its numbers."""

    folder: Path
    metrics: Mapping[str, Any]

    @classmethod
    def read(cls, folder: Path) -> EvalResult:
        """Open an evaluation that was written earlier."""
        if not (folder / METRICS).is_file():
            raise DataError(f"{folder} holds no {METRICS}; name a folder that `cotmill evaluate` wrote")
        return cls(folder, read_json(folder / METRICS))

    def estimate(self, name: str) -> Estimate | None:
        """Return accuracy, strict, loss, rouge_l … with its interval; None where it was not measured."""
        found = self.metrics.get(name)
        if not isinstance(found, Mapping) or found.get("value") is None:
            return None
        return Estimate(found["value"], found["low"], found["high"], found["n"])

    def items(self) -> pa.Table:
        """Read the table of items."""
        return read_items(self.folder)

    def row(self) -> dict[str, float | int | str | None]:
        """Flatten the numbers for a table of results: counts, means and the bounds of their intervals."""
        found: dict[str, float | int | str | None] = {}
        for name, value in self.metrics.items():
            if isinstance(value, Mapping) and "value" in value:
                found |= {name: value["value"], f"{name}_low": value["low"], f"{name}_high": value["high"]}
            elif isinstance(value, int | float | str):
                found[name] = value
        return found


def evaluate(
    lm: LanguageModel,
    benchmark: Benchmark,
    *,
    out: Path,
    config: EvalConfig | None = None,
    seed: int = 0,
    executor: Executor | None = None,
) -> EvalResult:
    """Ask a model a benchmark and write what came of it; called again, it goes on where it stopped.

    Equal model, benchmark, config and seed give equal files, whether or not the run was interrupted.
    """
    config = config or EvalConfig()
    benchmark = benchmark.limited(config.limit)
    out.mkdir(parents=True, exist_ok=True)
    write_checked_json(out / ABOUT, about(lm, benchmark, config, seed))
    metrics: dict[str, Any] = {}
    if config.loss:
        from cotmill.evaluate.loss import solution_loss

        metrics["loss"] = solution_loss(lm, benchmark, config, out)
    if config.samples:
        outputs = answer(lm, asks_of(lm, benchmark, config, seed), config, OutputStore(out), executor)
        layout = layout_for(benchmark, config)
        metrics = write_graded(grade(asked_table(benchmark, outputs, layout), layout), out, **metrics)
    else:
        metrics |= {"benchmark": benchmark.name, "n": len(benchmark.pool)}
        write_json(out / METRICS, metrics)
    return EvalResult(out, metrics)


def about(lm: LanguageModel, benchmark: Benchmark, config: EvalConfig, seed: int) -> dict[str, Any]:
    """Say what was asked of what."""
    return {
        "model": lm.name,
        "model_fingerprint": lm.fingerprint,
        "benchmark": benchmark.name,
        "benchmark_fingerprint": benchmark.fingerprint,
        "rows": len(benchmark.pool),
        "set_aside": benchmark.set_aside,
        "config": config.model_dump(mode="json"),
        "seed": seed,
    }
