"""Findings are sentences computed from the numbers."""

import json
from dataclasses import replace
from pathlib import Path

import pytest

from cotmill.report.findings import finding, findings
from cotmill.report.read import Comparison, read_run

ONE = Comparison("low loss 50%", "random 50%", "in_domain", 0.123, 0.091, 0.154, 500, 3, {})


@pytest.mark.parametrize(
    ("change", "sign", "said"),
    [
        ({}, "better", "is 12.3 points above random 50%"),
        ({"difference": -0.02, "low": -0.03, "high": -0.01}, "worse", "is 2.0 points below random 50%"),
        ({"difference": 0.012, "low": -0.008}, "open", "cannot be told apart from random 50%: +1.2 points"),
    ],
)
def test_a_comparison_becomes_a_sentence(change: dict[str, float], sign: str, said: str) -> None:
    found = finding(replace(ONE, **change))
    assert (found.sign, found.statement) == (sign, said)


def test_every_finding_says_what_it_rests_on() -> None:
    assert finding(ONE).evidence == "95 % interval +9.1 to +15.4; 500 items; 3 seeds"


def test_an_interval_that_only_touches_zero_does_not_tell_apart() -> None:
    assert not replace(ONE, low=0.0).told_apart


def test_the_summary_counts_the_arms(run_folder: Path) -> None:
    run = read_run(run_folder)
    first = findings(run)[0]
    apart = [one for one in run.comparisons if one.test == "in_domain" and one.told_apart]
    assert first.summary.startswith("Against “random 50%”, of 5 other arms ")
    assert len(first.findings) == 5
    assert sum(one.sign != "open" for one in first.findings) == len(apart)


def test_one_seed_is_said_where_it_matters(run_folder: Path) -> None:
    run = read_run(run_folder)
    alone = tuple(replace(one, n_seeds=1) for one in run.comparisons)
    assert "not for another training" in findings(replace(run, comparisons=alone))[0].summary
    assert "not for another training" not in findings(run)[0].summary


def test_accuracy_near_zero_is_said(run_folder: Path) -> None:
    run = read_run(run_folder)
    low = tuple(replace(cell, metrics={**cell.metrics, "accuracy": 0.012}) for cell in run.cells)
    assert "Accuracy is near zero for every arm" in findings(replace(run, cells=low))[0].summary
    assert "near zero" not in findings(run)[0].summary


def test_findings_survive_a_round_trip_through_json(run_folder: Path) -> None:
    raw = json.loads((run_folder / "comparisons.json").read_text())
    assert len(read_run(run_folder).comparisons) == len(raw)
