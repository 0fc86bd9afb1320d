"""Export a benchmark as a task of the lm-evaluation-harness, so that its numbers can cross-check ours.

The task reads the same rows, asks in the same words and applies the two published GSM8K filters: strict
(the number after "####") and flexible (the last number). Run it with:

    lm_eval --model hf --model_args pretrained=CHECKPOINT --include_path FOLDER --tasks NAME
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml

from cotmill.core.files import aside, canonical_json
from cotmill.evaluate.benchmark import Benchmark
from cotmill.evaluate.config import EvalConfig

STRICT = "#### (\\-?[0-9\\.\\,]+)"
FLEXIBLE = "(-?[$0-9.,]{2,})|(-?[0-9]+)"


def export_task(benchmark: Benchmark, folder: Path, config: EvalConfig | None = None) -> Path:
    """Write `NAME.yaml` and the rows it reads; return the path of the task."""
    config = config or EvalConfig()
    benchmark = benchmark.limited(config.limit)
    name = "cotmill_" + "".join(char if char.isalnum() else "_" for char in benchmark.name)
    rows = folder / f"{name}.jsonl"
    with aside(rows) as part:
        lines = (
            canonical_json({"question": row["question"], "gold": row["gold"], "row_id": row["row_id"]})
            for row in benchmark.pool.rows()
        )
        part.write_text("".join(line + "\n" for line in lines), encoding="utf-8")
    task = folder / f"{name}.yaml"
    with aside(task) as part:
        part.write_text(yaml.safe_dump(_task(name, rows, config), sort_keys=False), encoding="utf-8")
    return task


def _task(name: str, rows: Path, config: EvalConfig) -> dict[str, Any]:
    """Build the task in the harness's own words."""
    ask = config.prompt.replace("{question}", "{{question}}") + "\n"
    until = list(config.stop) or ["\n\n\n"]
    return {
        "task": name,
        "dataset_path": "json",
        "dataset_kwargs": {"data_files": {"test": str(rows.resolve())}},
        "test_split": "test",
        "output_type": "generate_until",
        "doc_to_text": ask,
        "doc_to_target": "{{gold}}",
        "num_fewshot": 0,
        "generation_kwargs": {"until": until, "do_sample": False, "max_gen_toks": config.max_new_tokens},
        "filter_list": [
            {"name": "strict-match", "filter": [_regex(STRICT), {"function": "take_first"}]},
            {"name": "flexible-extract", "filter": [_regex(FLEXIBLE, last=True), {"function": "take_first"}]},
        ],
        "metric_list": [
            {
                "metric": "exact_match",
                "aggregation": "mean",
                "higher_is_better": True,
                "ignore_case": True,
                "ignore_punctuation": False,
                "regexes_to_ignore": [",", "\\$", "\\.$"],
            }
        ],
        "metadata": {"version": 1.0},
    }


def _regex(pattern: str, *, last: bool = False) -> dict[str, Any]:
    return {"function": "regex", "regex_pattern": pattern} | ({"group_select": -1} if last else {})
