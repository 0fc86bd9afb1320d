"""The page of evidence: rules give verdicts, claims fit the recipes, and the page is what is made."""

import importlib.util
from pathlib import Path
from types import ModuleType

import numpy as np
import pyarrow.parquet as pq
import pytest
import yaml
from make_run import Made, make_run

from cotmill.core.errors import DataError
from cotmill.core.factors import arms_of
from cotmill.core.files import read_json, write_json
from cotmill.core.ids import content_id
from cotmill.recipe.text import read_document
from cotmill.report.claim_results import changed, results_of
from cotmill.report.claims import (
    Claims,
    Result,
    Setting,
    overall,
    read_claims,
    verdict_of,
    verdicts_of,
)
from cotmill.report.claims_page import command_of, evidence_page

ROOT = Path(__file__).parents[2]
CLAIMS = ROOT / "docs" / "evidence" / "claims.yaml"
PAIR = [{"arm": "low loss 50%", "weight": 1.0}, {"arm": "random 50%", "weight": -1.0}]


def script() -> ModuleType:
    """Import docs/evidence.py."""
    spec = importlib.util.spec_from_file_location("evidence_page", ROOT / "docs" / "evidence.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def made_claims(**setting: object) -> Claims:
    """One claim that a made-up Run tests, one that none does, and one that cannot be tested."""
    tested = {"recipe": "made up", "sum": PAIR, **setting}
    other = {"recipe": "other", "sum": PAIR}
    about = {"paper": "p", "reported": "5 points"}
    return Claims.model_validate({
        "papers": {"p": {"title": "A paper", "where": "somewhere"}},
        "claims": [
            {"id": "one", "says": "Low losses help.", "tested": [tested], "remark": "They do.", **about},
            {"id": "two", "says": "Long ones do not.", "tested": [other], **about},
            {"id": "three", "says": "It scales.", "untested": "The machine is too small.", **about},
        ],
    })  # fmt: skip


@pytest.mark.parametrize(
    ("expect", "margin", "low", "high", "verdict"),
    [
        ("above", 0.0, 0.01, 0.03, "reproduced"),
        ("above", 0.0, -0.01, 0.03, "not reproduced"),
        ("above", 0.0, -0.03, -0.01, "opposite"),
        ("below", 0.0, -0.03, -0.01, "reproduced"),
        ("below", 0.0, 0.01, 0.03, "opposite"),
        ("not below", 0.01, -0.005, 0.03, "reproduced"),
        ("not below", 0.01, -0.02, 0.03, "not reproduced"),
        ("not below", 0.01, -0.05, -0.02, "opposite"),
        ("not above", 0.01, -0.05, 0.005, "reproduced"),
        ("not above", 0.01, 0.02, 0.05, "opposite"),
        ("no change", 0.02, -0.01, 0.02, "reproduced"),
        ("no change", 0.02, -0.01, 0.03, "not reproduced"),
        ("no change", 0.02, 0.021, 0.05, "opposite"),
        ("no change", 0.02, 0.01, 0.05, "not reproduced"),
    ],
)
def test_a_rule_reads_the_verdict_off_the_interval(expect, margin, low, high, verdict):
    setting = Setting.model_validate({"recipe": "r", "sum": PAIR, "expect": expect, "margin": margin})
    told = {"claim": "c", "place": 0, "test": "t", "grid": {}, "seeds": 5, "items": 9, "means": {}}
    assert verdict_of(setting, Result(**told, difference=(low + high) / 2, low=low, high=high)) == verdict


def test_arms_that_answer_next_to_nothing_test_no_claim():
    setting = Setting.model_validate({"recipe": "r", "sum": PAIR})
    told = {"claim": "c", "place": 0, "test": "t", "grid": {}, "seeds": 5, "items": 9}
    found = Result(**told, means={"a": 0.04, "b": 0.01}, difference=0.03, low=0.02, high=0.04)
    assert verdict_of(setting, found) == "could not be tested here"


def test_every_claim_names_arms_tests_and_grid_points_that_its_recipe_has():
    claims = read_claims(CLAIMS)
    # The recipes' own tests check that they load; here their text is enough, and a hundred times quicker.
    trees = {name: read_document(ROOT / "recipes" / f"{name}.yaml").tree for name in claims.recipes}
    for claim in claims.claims:
        for setting in claim.tested:
            assert (
                setting.counted is None or setting.counted.role != "probe" or "probe" in trees[setting.recipe]
            )
            tree, where = trees[setting.recipe], f"{claim.id} in {setting.recipe}"
            assert set(setting.tests) <= set(tree["evaluate"]["tests"]), where
            grid = {key: [str(value) for value in values] for key, values in tree.get("grid", {}).items()}
            for term in setting.sum:
                assert term.arm in arms_of(tree), f"{where}: {term.arm}"
                assert all(value in grid.get(key, ()) for key, value in term.grid.items()), (
                    f"{where}: {term.grid}"
                )


def test_every_paper_has_claims_and_each_says_what_the_paper_reports():
    claims = read_claims(CLAIMS)
    assert {claim.paper for claim in claims.claims} == set(claims.papers)
    assert len(claims.papers) == 4
    assert all(claim.reported for claim in claims.claims)


def test_the_committed_page_is_what_the_script_makes():
    assert (ROOT / "docs" / "evidence.md").read_text(encoding="utf-8") == script().page()


def test_a_run_gives_the_difference_of_its_arms(run_folder: Path, tmp_path: Path):
    found = results_of(run_folder, made_claims(), run_folder / "recipe.yaml")
    (result,) = (Result.model_validate(one) for one in found["results"])
    rows = pq.read_table(run_folder / "results.parquet").to_pylist()
    means = {
        arm: np.mean([row["accuracy"] for row in rows if (row["arm"], row["test"]) == (arm, "in_domain")])
        for arm in ("low loss 50%", "random 50%")
    }
    assert result.difference == pytest.approx(means["low loss 50%"] - means["random 50%"])
    assert result.means == pytest.approx(means)
    assert (result.seeds, result.items) == (3, 40)
    assert result.low < result.difference < result.high
    assert found["changed"] == []
    write_json(tmp_path / "made.json", found)
    assert read_json(tmp_path / "made.json") == found


def test_the_page_gives_every_claim_its_place_whatever_came_of_it(run_folder: Path):
    claims = made_claims(tests=["in_domain", "distractors"])
    found = results_of(run_folder, claims, run_folder / "recipe.yaml")
    text = evidence_page(claims, {"made up": found})
    assert text.count("| made up, ") == 2
    assert "They do." in text
    assert "**Could not be tested here.** The machine is too small." in text
    assert "**Not yet tested.** Command: `cotmill run other`." in text
    assert "comparisons of this Run" in text
    failed = text.partition("## What did not come out")[2].partition("## A paper")[0]
    judged = verdicts_of(claims.claims[0], {"made up": [Result.model_validate(o) for o in found["results"]]})
    assert failed.count("- [Low losses help.]") == sum(verdict != "reproduced" for _, _, verdict in judged)
    assert overall(claims.claims[1], []) == {"not yet tested": 1}


def test_a_run_that_no_claim_names_is_refused(tmp_path: Path):
    folder = make_run(
        tmp_path / "other", Made(rows=8, items=4, seeds=(0,), tests=("in_domain",), name="mine")
    )
    with pytest.raises(DataError, match="a Run of mine, which no claim names"):
        results_of(folder, made_claims(), folder / "recipe.yaml")


def test_the_command_says_what_was_changed_of_the_recipe():
    ours = {"seeds": [0, 1], "train": {"steps": 40, "mask": None}, "about": "x"}
    theirs = {"seeds": [0], "train": {"steps": 60, "mask": None}}
    assert list(changed(ours, theirs)) == ["seeds=[0, 1]", "train.steps=40"]
    assert command_of("rft", {"changed": ["seeds=[0, 1]", "train.steps=40"]}) == (
        "cotmill run rft --set 'seeds=[0, 1]' --set train.steps=40"
    )


def test_a_number_of_a_table_is_counted_seed_by_seed(run_folder: Path):
    counted = {"role": "evaluate", "file": "items.parquet", "value": "tokens", "unit": "tokens of an answer",
               "where": {"row_id": content_id("item", "in_domain", "7")}}  # fmt: skip
    found = results_of(run_folder, made_claims(counted=counted), run_folder / "recipe.yaml")
    (result,) = (Result.model_validate(one) for one in found["results"])
    assert (result.seeds, result.items) == (3, 0)
    cells = pq.read_table(run_folder / "cells.parquet").to_pylist()
    for arm, mean in result.means.items():
        steps = [cell["evaluate.in_domain"] for cell in cells if cell["arm"] == arm]
        tables = [pq.read_table(run_folder / "steps" / step / "items.parquet") for step in steps]
        assert mean == pytest.approx(np.mean([table["tokens"][7].as_py() for table in tables]))
    assert result.difference == pytest.approx(result.means["low loss 50%"] - result.means["random 50%"])


def test_what_set_cannot_say_is_told_apart(run_folder: Path, tmp_path: Path):
    shipped = tmp_path / "shipped.yaml"
    tree = yaml.safe_load((run_folder / "recipe.yaml").read_text())
    tree["arms"] |= {"k=3": {}, "low loss 50%": {"select": {"method": "loss", "budget": "40%"}}}
    tree["train"]["steps"] = 9
    shipped.write_text(yaml.safe_dump(tree))
    found = results_of(run_folder, made_claims(), shipped)
    assert found["changed"] == ["train.steps=300", "arms.low loss 50%.select.budget=50%"]
    assert found["left_out"] == ["k=3"]
    assert "Arms left out of this Run: k=3." in evidence_page(made_claims(), {"made up": found})


def test_a_mistake_in_the_file_of_claims_is_named(tmp_path: Path):
    text = CLAIMS.read_text(encoding="utf-8")
    path = tmp_path / "claims.yaml"
    path.write_text(text.replace("expect: not below\n        margin: 0.01", "expect: not below", 1))
    with pytest.raises(DataError, match="margin above zero"):
        read_claims(path)
    path.write_text(text.replace("weight: -1", "weight: 1", 1))
    with pytest.raises(DataError, match="add up to zero"):
        read_claims(path)
