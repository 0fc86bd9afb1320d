"""The exported task reads our rows, asks in our words, and its two filters find what GSM8K's find."""

import json
import re
from pathlib import Path

import yaml

from cotmill.evaluate.benchmarks import benchmark
from cotmill.evaluate.config import EvalConfig
from cotmill.evaluate.harness import export_task
from cotmill.verify import judge_answer


def test_a_task_holds_rows_prompt_and_both_filters(tmp_path: Path, shared_data: Path) -> None:
    gsm8k = benchmark("gsm8k", shared_data)
    path = export_task(gsm8k, tmp_path, EvalConfig(limit=20, prompt="Question: {question}\nAnswer:"))
    task = yaml.safe_load(path.read_text())
    rows = Path(task["dataset_kwargs"]["data_files"]["test"]).read_text().splitlines()
    assert len(rows) == 20
    assert {json.loads(row)["row_id"] for row in rows} <= set(gsm8k.pool.ids)
    assert task["doc_to_text"] == "Question: {{question}}\nAnswer:\n"
    assert [one["name"] for one in task["filter_list"]] == ["strict-match", "flexible-extract"]


def test_its_strict_filter_agrees_with_our_strict_rule_on_real_outputs(
    tmp_path: Path, shared_data: Path
) -> None:
    gsm8k = benchmark("gsm8k", shared_data)
    task = yaml.safe_load(export_task(gsm8k, tmp_path).read_text())
    strict = re.compile(task["filter_list"][0]["filter"][0]["regex_pattern"])
    for row in gsm8k.pool.rows():
        for text in (row["trace"], row["trace"].replace("####", "so"), row["trace"] + "1"):
            found = strict.findall(text)
            theirs = bool(found) and found[0].replace(",", "").rstrip(".") == row["gold"].replace(",", "")
            assert theirs == judge_answer(row["gold"], text).strict
