"""A model is asked once: evaluations resume, keep every output and do not depend on where they stopped."""

import time
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest
from pydantic import ValidationError

from cotmill.core.errors import DataError
from cotmill.data.pool import Pool
from cotmill.evaluate.benchmark import Benchmark
from cotmill.evaluate.config import EvalConfig
from cotmill.evaluate.grade import grade
from cotmill.evaluate.run import EvalResult, evaluate
from cotmill.evaluate.store import OUTPUTS
from cotmill.evaluate.summary import summarise

SHORT = EvalConfig(max_new_tokens=6, save_every=16)


def files_of(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in sorted(folder.iterdir())}


def test_an_evaluation_leaves_items_metrics_outputs_and_what_was_asked(tiny, sums, tmp_path: Path) -> None:
    result = evaluate(tiny, sums, out=tmp_path, config=SHORT)
    assert set(files_of(tmp_path)) == {"evaluation.json", "items.parquet", "metrics.json", "outputs.jsonl"}
    assert result.metrics["n"] == len(sums.pool) == 40
    items = result.items()
    assert items.column("row_id").to_pylist() == sums.pool.ids.tolist()
    assert set(items.column("kind").to_pylist()) == {"small", "large"}
    assert EvalResult.read(tmp_path).metrics == result.metrics


@pytest.mark.parametrize(
    "config", [SHORT, EvalConfig(max_new_tokens=6, save_every=16, samples=2, temperature=1.0)]
)
def test_a_kill_at_any_point_leaves_the_same_files(tiny, sums, tmp_path: Path, config: EvalConfig) -> None:
    evaluate(tiny, sums, out=tmp_path / "whole", config=config)
    expected = files_of(tmp_path / "whole")
    for share in (0.0, 0.2, 0.55, 0.9, 0.999):
        cut = expected[OUTPUTS][: int(share * len(expected[OUTPUTS]))]
        (tmp_path / "cut").mkdir(exist_ok=True)
        (tmp_path / "cut" / OUTPUTS).write_bytes(cut)
        evaluate(tiny, sums, out=tmp_path / "cut", config=config)
        assert files_of(tmp_path / "cut") == expected


def test_a_second_run_generates_nothing(tiny, sums, tmp_path: Path) -> None:
    evaluate(tiny, sums, out=tmp_path, config=SHORT)
    before = files_of(tmp_path)
    evaluate(tiny, sums, out=tmp_path, config=SHORT)
    assert files_of(tmp_path) == before


def test_more_questions_and_samples_add_to_what_is_there(tiny, sums, tmp_path: Path) -> None:
    some = SHORT.model_copy(update={"limit": 10, "temperature": 1.0})
    evaluate(tiny, sums, out=tmp_path, config=some)
    first = (tmp_path / OUTPUTS).read_bytes()
    evaluate(tiny, sums, out=tmp_path, config=some.model_copy(update={"limit": 20, "samples": 2}))
    assert (tmp_path / OUTPUTS).read_bytes().startswith(first)
    assert (tmp_path / OUTPUTS).read_text().count('"row_id"') == 40


def test_another_seed_draws_other_answers_and_greedy_does_not_care(tiny, sums, tmp_path: Path) -> None:
    warm = SHORT.model_copy(update={"temperature": 1.0})
    texts = [
        evaluate(tiny, sums, out=tmp_path / name, config=config, seed=seed)
        .items()
        .column("output")
        .to_pylist()
        for name, config, seed in (("a", warm, 0), ("b", warm, 1), ("c", SHORT, 0), ("d", SHORT, 1))
    ]
    assert texts[0] != texts[1]
    assert texts[2] == texts[3]


def test_the_answer_to_a_question_does_not_depend_on_its_neighbours(tiny, sums, tmp_path: Path) -> None:
    config = SHORT.model_copy(update={"temperature": 1.0})
    whole = evaluate(tiny, sums, out=tmp_path / "whole", config=config).items()
    some = evaluate(tiny, sums.limited(7), out=tmp_path / "some", config=config).items()
    known = dict(zip(whole.column("row_id").to_pylist(), whole.column("output").to_pylist(), strict=True))
    same = [
        known[one] == text
        for one, text in zip(*(some.column(c).to_pylist() for c in ("row_id", "output")), strict=True)
    ]
    assert all(same)


def test_the_loss_of_gold_solutions_is_that_of_a_bare_forward_pass(tiny, sums, tmp_path: Path) -> None:
    import torch

    result = evaluate(tiny, sums, out=tmp_path, config=EvalConfig(samples=0, loss=True))
    loss = result.metrics["loss"]
    assert loss["n"] == 20
    assert loss["without_solution"] == 20
    assert not (tmp_path / OUTPUTS).exists()
    row = next(row for row in sums.pool.rows() if row["trace"])
    prompt = tiny.tokenizer(row["question"] + "\n", add_special_tokens=False)["input_ids"]
    full = tiny.tokenizer(row["question"] + "\n" + row["trace"], add_special_tokens=False)["input_ids"]
    full.append(tiny.tokenizer.eos_token_id)
    with torch.inference_mode():
        logits = tiny.model(torch.tensor([full])).logits[0].log_softmax(-1)
    expected = -sum(float(logits[at - 1, full[at]]) for at in range(len(prompt), len(full)))
    table = pq.read_table(tmp_path / "losses.parquet").to_pylist()
    mine = next(one for one in table if one["row_id"] == row["row_id"])
    assert mine["loss_sum"] == pytest.approx(expected, rel=1e-4)
    assert mine["tokens"] == len(full) - len(prompt)
    assert loss["low"] < loss["value"] < loss["high"]


def test_loss_without_solutions_is_refused(tiny, tmp_path: Path) -> None:
    bare = Benchmark("bare", Pool.from_rows([{"question": "1+1?", "gold": "2"}]))
    with pytest.raises(DataError, match="no worked solutions"):
        evaluate(tiny, bare, out=tmp_path, config=EvalConfig(loss=True))


def test_rows_without_gold_answers_are_scored_as_texts_against_their_traces(tiny, tmp_path: Path) -> None:
    rows = [{"question": f"Findings {n}", "trace": f"No change since visit {n}."} for n in range(3)]
    reports = Benchmark.of(Pool.from_rows(rows), name="reports")
    assert reports.metric == "text"
    result = evaluate(tiny, reports, out=tmp_path, config=SHORT)
    assert result.items().column("gold").to_pylist() == [row["trace"] for row in rows]
    assert result.estimate("rouge_l") is not None


def test_a_question_that_fills_the_model_is_counted_and_not_asked(tiny, tmp_path: Path) -> None:
    rows = [{"question": "pens " * 600, "gold": "2"}, {"question": "1+1?", "gold": "2"}]
    result = evaluate(tiny, Benchmark("long", Pool.from_rows(rows)), out=tmp_path, config=SHORT)
    assert result.metrics["too_long"] == 1
    assert result.items().column("finish_reason").to_pylist()[0] == "too_long"


def test_judging_a_thousand_items_takes_well_under_a_second(tiny, sums, tmp_path: Path) -> None:
    items = evaluate(tiny, sums, out=tmp_path, config=SHORT).items()
    texts = [f"Ann has {n} + 3 = <<{n}+3={n + 3}>>{n + 3} pens.\n#### {n + 3}" for n in range(1000)]
    many = items.take(np.arange(1000) % len(items))
    many = many.set_column(many.column_names.index("output"), "output", [texts])
    summarise(grade(many, sums_layout(items)))
    started = time.process_time()
    summarise(grade(many, sums_layout(items)))
    assert time.process_time() - started < 0.5


def sums_layout(items):
    from cotmill.evaluate.items import layout_of

    return layout_of(items)


@pytest.mark.parametrize(
    ("told", "said"),
    [
        ({"samples": 4}, "set a temperature"),
        ({"samples": 0}, "nothing is measured"),
        ({"prompt": "Solve this:"}, "no {question}"),
        ({"max_tokens": 4}, "Extra inputs"),
    ],
)
def test_settings_that_make_no_sense_are_refused(told: dict[str, object], said: str) -> None:
    with pytest.raises(ValidationError, match=said):
        EvalConfig(**told)
