"""Loss of the tests' solutions, by arm, with paired differences."""

from dataclasses import replace
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from make_run import ARMS, Made, make_run

from cotmill.core.ids import rng_of
from cotmill.report import build_report
from cotmill.report.losses import differences, loss_findings, losses, losses_section
from cotmill.report.read import LoadedRun, read_run

FEW = {name: ARMS[name] for name in ("random 50%", "low loss 50%")}
LOSS = {"random 50%": 0.9, "low loss 50%": 0.8}


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> LoadedRun:
    made = Made(rows=40, items=5, seeds=(0, 1, 2), tests=("t",), arms=FEW)
    run = read_run(make_run(tmp_path_factory.mktemp("losses") / "run", made))
    tokens = rng_of(0, "tokens").integers(20, 90, 50)
    hard = rng_of(0, "hard").normal(0, 0.3, 50)
    for cell in run.cells:
        noise = rng_of(cell.seed, "noise", cell.arm).normal(0, 0.05, 50)
        nats = tokens * (LOSS[cell.arm] + hard + noise)
        table = pa.table({"row_id": [f"row{n}" for n in range(50)], "loss_sum": nats, "tokens": tokens})
        step = run.step(cell, "evaluate")
        assert step is not None
        pq.write_table(table, step.folder / "losses.parquet")
    return run


def test_the_mean_is_all_nats_over_all_tokens(run: LoadedRun) -> None:
    loss = losses(run, "t")[0]
    cell = run.of(loss.variant, "t")[0]
    table = pq.read_table(run.steps[cell.steps["evaluate"]].folder / "losses.parquet")
    expected = sum(table["loss_sum"].to_pylist()) / sum(table["tokens"].to_pylist())
    assert loss.values[0].mean() == pytest.approx(expected, rel=1e-12)


def test_pairing_makes_the_interval_of_a_difference_narrow(run: LoadedRun) -> None:
    found = losses(run, "t")
    compared = differences(run, found)["low loss 50%"].interval
    assert compared.mean == pytest.approx(-0.1, abs=0.03)
    assert compared.high - compared.low < 0.5 * (found[1].interval.high - found[1].interval.low)


def test_a_lower_loss_is_a_better_one(run: LoadedRun) -> None:
    (found,) = loss_findings(run)
    (sentence,) = found.findings
    assert sentence.sign == "better"
    assert "below that of random 50%" in sentence.statement
    assert "50 solutions; 3 seeds" in sentence.evidence


def test_losses_alone_make_a_page(run: LoadedRun, tmp_path: Path) -> None:
    section = losses_section(run, "r1")
    assert section is not None
    assert [row[0] for row in section.tables[0].rows] == list(FEW)
    text = build_report([run.folder], tmp_path / "report.html").read_text(encoding="utf-8")
    assert "Loss on the tests" in text


def test_arms_that_scored_other_solutions_are_not_compared(run: LoadedRun) -> None:
    one, other = losses(run, "t")
    assert set(differences(run, [one, other])) == {"low loss 50%"}
    assert differences(run, [one, replace(other, rows=other.rows[::-1])]) == {}
